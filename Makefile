# Every target installs what it needs first (`deps` costs nothing when all is there).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

SWIFT ?= swift
PYTHON := .build/venv/bin/python
PREFIX ?= /usr/local
DESTDIR ?=
BINARY ?= .build/release/headgate
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

# A file at a time on each of two: most of a test is waiting.
integration: build
	$(PYTHON) -m pytest integration -n 2 --dist loadfile

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
	cd integration && ../$(PYTHON) -m differential --protocol mysql --exchanges $(EXCHANGES) --seed $(SEED) --jobs 3

# The corruption detector with server kills every second, then clients that vanish.
soak: build
	cd integration && ../$(PYTHON) -m corruption --seconds $(SOAK_SECONDS)
	cd integration && ../$(PYTHON) -m chaos --seconds 60 --clients 2000
	cd integration && ../$(PYTHON) -m corruption --protocol mysql --seconds $(SOAK_SECONDS)
	cd integration && ../$(PYTHON) -m chaos --protocol mysql --seconds 60 --clients 2000

# DESTDIR is put in front of every path; a configuration that is there stays as it is.
install: build
	install -D -m 0755 $(BINARY) "$(DESTDIR)$(PREFIX)/bin/headgate"
	install -D -m 0644 docs/man/headgate.8 "$(DESTDIR)$(PREFIX)/share/man/man8/headgate.8"
	install -d "$(DESTDIR)$(PREFIX)/share/headgate/conf"
	install -m 0644 conf/*.toml "$(DESTDIR)$(PREFIX)/share/headgate/conf"
	install -D -m 0644 deploy/headgate.sysusers "$(DESTDIR)$(PREFIX)/lib/sysusers.d/headgate.conf"
	install -d "$(DESTDIR)$(PREFIX)/lib/systemd/system"
	sed 's|/usr/local/bin/|$(PREFIX)/bin/|' deploy/headgate.service \
	    > "$(DESTDIR)$(PREFIX)/lib/systemd/system/headgate.service"
	chmod 0644 "$(DESTDIR)$(PREFIX)/lib/systemd/system/headgate.service"
	@if [ ! -e "$(DESTDIR)/etc/headgate/headgate.toml" ]; then \
	    install -d -m 0750 "$(DESTDIR)/etc/headgate" "$(DESTDIR)/etc/headgate/secrets"; \
	    install -m 0640 conf/transaction-pooling.toml "$(DESTDIR)/etc/headgate/headgate.toml"; fi
