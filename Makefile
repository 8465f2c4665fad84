# Every target installs what it needs first (`deps` costs nothing when all is there).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

SWIFT ?= swift
PYTHON := .build/venv/bin/python
PREFIX ?= /usr/local
DESTDIR ?=
# `make soak SOAK_SECONDS=60`, `make fuzz EXCHANGES=1000000 SEED=7`
SOAK_SECONDS ?= 600
EXCHANGES ?= 100000
SEED ?= $(shell date +%s)
# `make simulation SIMULATION_RUNS=1000000`, `make simulation SIMULATION_SEED=7` for that run alone
SIMULATION_RUNS ?= 10000
SIMULATION_SEED ?=

.PHONY: build deps demo test unit simulation integration bench lint format fuzz soak install

build: deps
	$(SWIFT) build -c release --static-swift-stdlib

deps:
	@scripts/deps

demo: build
	.build/release/headgate demo

# Lint, unit tests, simulation and integration tests: what every commit must pass.
test: lint unit simulation integration

unit: deps
	$(SWIFT) test

# Clients share servers through the real engines, on a simulated network and clock. A failure prints its seed.
simulation: build
	.build/release/SimulationRun $(if $(SIMULATION_SEED),--seed $(SIMULATION_SEED),--runs $(SIMULATION_RUNS))

integration: build
	$(PYTHON) -m pytest integration

lint: deps
	$(SWIFT) format lint --strict --recursive --parallel $(wildcard Sources Tests Fuzzing Benchmarks Package.swift)
	scripts/lint-imports
	$(SWIFT) build --explicit-target-dependency-import-check error

format: deps
	$(SWIFT) format --in-place --recursive --parallel $(wildcard Sources Tests Fuzzing Benchmarks Package.swift)

bench: build
	Benchmarks/run

# The parsers by libFuzzer, FUZZ_SECONDS each, then the differential generator, long; it prints its seed.
fuzz: build
	scripts/fuzz
	cd integration && ../$(PYTHON) -m differential --exchanges $(EXCHANGES) --seed $(SEED)

# The corruption detector with server kills every second, then clients that vanish.
soak: build
	cd integration && ../$(PYTHON) -m corruption --seconds $(SOAK_SECONDS)
	cd integration && ../$(PYTHON) -m chaos --seconds 60 --clients 2000

install: build
	install -D -m 0755 .build/release/headgate $(DESTDIR)$(PREFIX)/bin/headgate
	@for file in conf/*.toml; do [ ! -e "$$file" ] || \
	    install -D -m 0644 "$$file" "$(DESTDIR)$(PREFIX)/share/headgate/$$file"; done
	@if [ -e conf/headgate.toml ] && [ ! -e $(DESTDIR)/etc/headgate/headgate.toml ]; then \
	    install -D -m 0640 conf/headgate.toml $(DESTDIR)/etc/headgate/headgate.toml; fi
	@for unit in deploy/systemd/*.service deploy/*.service; do [ ! -e "$$unit" ] || \
	    install -D -m 0644 "$$unit" "$(DESTDIR)$(PREFIX)/lib/systemd/system/$$(basename $$unit)"; done
