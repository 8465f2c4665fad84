"""Exchanges by chance: every kind of message, sensible and not, from one seed.

Left out on purpose, because two PostgreSQL servers would differ as well: clocks, process ids, random(), rows
without ORDER BY, notifications (their moment is nobody's promise), and, because Headgate mends what PostgreSQL
does not, plans whose result type changes. A custom setting that is not set reads '' where any session of the server
has set it before and NULL where none has (custom-settings in docs/compatibility.md): both are read as NULL.
Nor is there a parameter whose value the planner alone could stumble over: whether Bind or Execute says so depends on how
often the statement has run on that server (shared-plans there). And no search_path hides the table: what was prepared
before it could not be prepared again (prepared-again there).
"""

from __future__ import annotations

import random
import struct
import zlib

from support.wire import COPY_DONE, FLUSH, SYNC, bind, close, copy_data, copy_fail, describe, execute, function_call, parse, query

from .exchange import Exchange, Wait

SETTINGS = {
    "work_mem": ["'1MB'", "'2MB'", "4096", "DEFAULT", "'rubbish'"],
    "DateStyle": ["'ISO, MDY'", "'German'", "'SQL, DMY'", "DEFAULT", "'ISO'"],
    "TimeZone": ["'UTC'", "'Europe/Berlin'", "-3", "DEFAULT", "'Nowhere/At All'"],
    "application_name": ["'one'", "'it''s two'", "''", "DEFAULT"],
    "statement_timeout": ["'20s'", "30000", "0"],
    "search_path": ["public", '"$user", public', "'public'", "pg_catalog, public", "DEFAULT"],
    "extra_float_digits": ["0", "3", "DEFAULT"],
    "IntervalStyle": ["'iso_8601'", "'postgres'"],
    "bytea_output": ["'escape'", "'hex'"],
    "client_min_messages": ["'warning'", "'notice'", "DEFAULT"],
    "default_transaction_isolation": ["'serializable'", "'read committed'"],
    "my.own": ["'a'", "'b c'", "DEFAULT"],
    "enable_seqscan": ["on", "off"],
    "standard_conforming_strings": ["on", "off"],
}
STATEMENTS = ["s0", "s1", "s2", "s3", "", ""]
PORTALS = ["", "", "", "p0", "p1"]


class Generator:
    def __init__(self, seed: str, table: str):
        self.dice = random.Random(seed)
        self.table = table
        self.lock = zlib.crc32(table.encode()) % 100_000

    def exchange(self) -> Exchange:
        kinds = [
            (self.simple, 30), (self.pipeline, 25), (self.free, 25), (self.flushed, 5), (self.copy, 8),
            (self.transaction, 15), (self.state, 15), (self.sql_prepared, 8), (self.session_objects, 4),
        ]  # fmt: skip
        maker = self.dice.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        return Exchange(maker())

    # Pieces

    def number(self) -> int:
        return self.dice.choice([0, 1, 2, 5, 10, 100, self.dice.randrange(1000)])

    def sql(self) -> str:
        """Any one statement without parameters."""
        n, t = self.number(), self.table
        return self.dice.choice(
            [
                f"SELECT {n}", f"SELECT {n}, 'text {n}', NULL, true", f"SELECT generate_series(1, {n})",
                f"SELECT 10 / {n % 3}", "SELECT nonsense", "SELEC", f"SELECT * FROM {t} ORDER BY i LIMIT {n % 20}",
                f"SELECT repeat('r', {n * 20})", f"INSERT INTO {t} VALUES ({n}, 'n') RETURNING i",
                f"INSERT INTO {t} VALUES ({n}, 'n') ON CONFLICT (i) DO NOTHING", f"UPDATE {t} SET t = 'u{n}' WHERE i = {n}",
                f"DELETE FROM {t} WHERE i = {n}", f"SELECT count(*), sum(i) FROM {t}",
                f"DO $$ BEGIN RAISE NOTICE 'notice {n}'; END $$", f"DO $$ BEGIN RAISE EXCEPTION 'raised {n}'; END $$",
                "SELECT DATE '2026-02-01', INTERVAL '1 day 2 hours', 1.1::float4, '\\x00ff'::bytea, TIMESTAMPTZ '2026-01-01 00:00Z'",
                "", ";", "-- nothing", f"SELECT 'a;b' /* ; */ , $q$ ; $q$ ;", "VALUES (1, 'x'), (2, 'y')", "TABLE nowhere",
                self.begin_or_end(), self.setting(), self.show(), "SELECT nullif(current_setting('my.own', true), '')",
                f"SELECT E'\\'{n}'", f"SELECT i FROM {t} WHERE t = 'n' ORDER BY i FOR UPDATE",
                f"WITH w AS (INSERT INTO {t} VALUES ({n} + 5000, 'w') ON CONFLICT (i) DO NOTHING RETURNING i) SELECT * FROM w",
            ]
        )  # fmt: skip

    def begin_or_end(self) -> str:
        return self.dice.choice(
            [
                "BEGIN", "BEGIN", "BEGIN ISOLATION LEVEL SERIALIZABLE", "START TRANSACTION READ ONLY", "COMMIT", "COMMIT",
                "ROLLBACK", "END", "ABORT", "SAVEPOINT a", "SAVEPOINT b", "ROLLBACK TO a", "RELEASE a", "ROLLBACK TO b",
                "COMMIT AND CHAIN", "ROLLBACK AND CHAIN",
            ]
        )  # fmt: skip

    def setting(self) -> str:
        name = self.dice.choice(list(SETTINGS))
        value = self.dice.choice(SETTINGS[name])
        quoted = value if value.startswith("'") else f"'{value}'"
        forms = [
            f"SET {name} = {value}", f"SET {name} TO {value}", f"SET SESSION {name} = {value}", f"SET LOCAL {name} = {value}",
            f"RESET {name}", f"/* why */ SET {name} = {value}", f"set {name.upper()} to {value};",
        ]  # fmt: skip
        if value != "DEFAULT":
            forms += [f"SELECT set_config('{name}', {quoted}, {self.dice.choice(['true', 'false'])})"] * 2
        if self.dice.random() < 0.1:
            forms = ["RESET ALL", "DISCARD ALL", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "SET TRANSACTION READ ONLY"]
        return self.dice.choice(forms)

    def show(self) -> str:
        return f"SHOW {self.dice.choice([name for name in SETTINGS if '.' not in name])}"

    def parameterised(self) -> tuple[str, tuple]:
        n, t = self.number(), self.table
        return self.dice.choice(
            [
                ("SELECT $1::int", (n,)), ("SELECT $1::int", ("no number",)), ("SELECT $1::text, $2::int", ("x" * n, None)),
                (f"SELECT * FROM {t} WHERE i = $1", (n,)), ("SELECT generate_series(1, $1::int)", (n,)),
                ("SELECT 10 / g FROM generate_series($1::int, $1::int) g", (n % 2,)), (f"INSERT INTO {t} VALUES ($1, $2)", (n, f"p{n}")),
                (f"UPDATE {t} SET t = $2 WHERE i = $1 RETURNING i, t", (n, "q")), ("SELECT length($1::text)", ("y" * 30 * n,)),
                ("SELECT $1", ("unknown",)), ("SELECT $1::int + $2::int", (1,)), ("SELECT set_config('my.own', $1, false)", (f"p{n}",)),
                (self.sql(), ()), (self.sql(), ()),
            ]
        )  # fmt: skip

    def values_for(self) -> tuple:
        return self.dice.choice([(), (1,), (self.number(),), ("x", 2), ("7", "y")])

    # Kinds of exchange; none has two empty queries in a row

    def simple(self) -> list[bytes]:
        steps, empty = [], False
        for _ in range(self.dice.choice([1, 1, 1, 2, 3, 8])):
            sql = self.sql()
            if self.dice.random() < 0.1:
                sql = "; ".join([sql, self.sql(), self.sql()])
            is_empty = not sql.strip(" ;") or sql.startswith("--")
            if is_empty and empty:
                continue
            empty = is_empty
            steps.append(query(sql))
        return [*steps, SYNC]

    def pipeline(self) -> list[bytes]:
        """Whole Parse-Bind-Describe-Execute units, with a Sync each or some or none."""
        steps = []
        each = self.dice.random()
        for _ in range(self.dice.choice([1, 2, 5, 15])):
            sql, values = self.parameterised()
            name = self.dice.choice(["", "", "", self.dice.choice(STATEMENTS)])
            if name and self.dice.random() < 0.7:
                steps.append(close("S", name))
            steps.append(parse(sql, name))
            if self.dice.random() < 0.3:
                steps.append(describe("S", name))
            steps.append(bind("", name, values, results=self.dice.choice([(), (), (0,), (1,)])))
            if self.dice.random() < 0.6:
                steps.append(describe("P"))
            steps.append(execute("", self.dice.choice([0, 0, 0, 1, 3])))
            if self.dice.random() < each:
                steps.append(SYNC)
        return steps

    def free(self) -> list[bytes]:
        """Messages in any order, most of them wrong."""
        steps: list[bytes] = []
        for _ in range(self.dice.choice([1, 3, 6, 12, 25])):
            name, portal = self.dice.choice(STATEMENTS), self.dice.choice(PORTALS)
            sql, values = self.parameterised()
            if not sql.strip(" ;") or sql.startswith("--"):
                sql = "SELECT 'not empty'"  # executed twice it would look like the end
            steps.append(
                self.dice.choice(
                    [
                        parse(sql, name), parse(sql, name), bind(portal, name, values), bind(portal, name, self.values_for()),
                        bind(portal, name, self.values_for()), describe("S", name), describe("P", portal),
                        execute(portal, self.dice.choice([0, 0, 1, 2])), execute(portal), close("S", name), close("P", portal),
                        FLUSH, SYNC, SYNC, query(sql if "$1" not in sql else "SELECT 'q'"),
                        function_call(177, struct.pack("!i", self.number()), struct.pack("!i", 1)),
                        self.dice.choice([copy_data(b"stray"), COPY_DONE, copy_fail("stray")]),
                    ]
                )
            )  # fmt: skip
        return self._without_crash([s for s in steps if s != query("")])

    @staticmethod
    def _without_crash(steps: list[bytes]) -> list[bytes]:
        """PostgreSQL 15 dies of SIGSEGV when, in an aborted transaction, the unnamed portal that a failed simple
        Query left behind is executed. So it is only used where it was bound since the last Sync."""
        bound, kept = False, []
        for step in steps:
            if step[:1] in b"SQ":
                bound = False
            elif step[:1] == b"B" and step[5:6] == b"\0":
                bound = True
            elif not bound and (step[:1] == b"E" and step[5:6] == b"\0" or step == describe("P")):
                continue
            kept.append(step)
        return kept or [SYNC]

    def flushed(self) -> list[bytes | Wait]:
        """Starts clean, so that a reply is certain to come before Sync."""
        n = self.number()
        sql, values = self.dice.choice(
            [("SELECT $1::int", (n,)), ("SELECT 10 / g FROM generate_series($1::int, $1::int) g", (n % 2,)), ("SELEC", ()), ("SELECT generate_series(1, $1::int)", (n,))]
        )
        name = self.dice.choice(["", "fl"])
        steps: list[bytes | Wait] = [SYNC, close("S", name)]
        if self.dice.random() < 0.5:
            return [*steps, parse(sql, name), describe("S", name), FLUSH, Wait("TnE"), bind("", name, values), execute(), FLUSH, Wait("CE"), SYNC]
        return [*steps, parse(sql, name), bind("", name, values), execute(), FLUSH, Wait("CE"), query("SELECT 'then'"), SYNC]

    def copy(self) -> list[bytes]:
        rows = b"".join(b"%d\tcopied %d\n" % (20000 + self.dice.randrange(9999), i) for i in range(self.dice.choice([0, 1, 5, 200])))
        if self.dice.random() < 0.3:
            out = query(f"COPY (SELECT * FROM {self.table} ORDER BY i) TO STDOUT")
            return self.dice.choice([[out], [out, out], [parse(f"COPY {self.table} TO nowhere"), SYNC, out]])
        bad = self.dice.random()
        if bad < 0.15:
            rows += b"not a number\tx\n"
        size = self.dice.choice([1, 7, 100, 10_000]) if len(rows) < 500 else self.dice.choice([100, 5000])
        data = [copy_data(rows[i : i + size]) for i in range(0, len(rows), size)]
        end = copy_fail("generated") if 0.15 < bad < 0.3 else COPY_DONE
        sql = self.dice.choice([f"COPY {self.table} FROM STDIN"] * 4 + ["COPY nowhere FROM STDIN"])
        if self.dice.random() < 0.5:
            return [query(sql), *data, end, query("SELECT 'after copy'")]
        after = self.dice.choice([[], [parse("SELECT 1"), bind(), execute()]])
        return [parse(sql), bind(), execute(), *data, end, *after, SYNC, query("SELECT 'after copy'")]

    def transaction(self) -> list[bytes]:
        """Begins and, mostly, ends; what lies between may span exchanges."""
        steps = [query(self.begin_or_end())]
        for _ in range(self.dice.randrange(4)):
            steps.append(query(self.dice.choice([self.setting, self.begin_or_end, self.show, lambda: f"SELECT {self.number()}", lambda: "SELECT 1/0"])()))
        if self.dice.random() < 0.7:
            steps.append(query(self.dice.choice(["COMMIT", "ROLLBACK"])))
        return steps

    def state(self) -> list[bytes]:
        steps = []
        for _ in range(self.dice.choice([1, 1, 2, 4])):
            sql = self.setting() if self.dice.random() < 0.6 else self.show()
            steps.append(query(sql) if self.dice.random() < 0.6 else parse(sql) + bind() + describe("P") + execute() + SYNC)
        return steps

    def sql_prepared(self) -> list[bytes]:
        name = self.dice.choice(["s0", "s1", "q0", '"Q 1"'])
        sql = self.dice.choice(
            [
                f"PREPARE {name} AS SELECT {self.number()}", f"PREPARE {name} (int) AS SELECT $1 + 1", f"EXECUTE {name}",
                f"EXECUTE {name} (5)", f"DEALLOCATE {name}", f"DEALLOCATE PREPARE {name}", "DEALLOCATE ALL", f"/* c */ EXECUTE {name};",
                f"PREPARE {name} AS SELEC", f"PREPARE {name} AS INSERT INTO {self.table} VALUES ({self.number()}, 'prepared')",
            ]
        )  # fmt: skip
        if self.dice.random() < 0.6:
            return [query(sql), query(f"EXECUTE {name}")]
        return [parse(sql) + bind() + describe("P") + execute() + SYNC]

    def session_objects(self) -> list[bytes]:
        """What pins: temporary tables, cursors that are held, locks."""
        n = self.number()
        return [
            query(sql)
            for sql in self.dice.choice(
                [
                    ["CREATE TEMP TABLE tmp (i int)", f"INSERT INTO tmp VALUES ({n})"], ["SELECT count(*) FROM tmp"], ["DROP TABLE tmp"],
                    ["DISCARD TEMP"], ["BEGIN", "DECLARE h CURSOR WITH HOLD FOR SELECT generate_series(1, 5)", "COMMIT"], ["FETCH 2 FROM h"],
                    ["CLOSE h"], ["CLOSE ALL"], [f"SELECT pg_advisory_lock({self.lock})"], [f"SELECT pg_advisory_unlock({self.lock})"],
                    ["SELECT pg_advisory_unlock_all()"], ["BEGIN", f"SELECT pg_advisory_xact_lock({self.lock})", "COMMIT"],
                ]
            )
        ]  # fmt: skip


