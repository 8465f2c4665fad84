"""Exchanges in the binary protocol: statements, cursors, long data, bulk."""

from __future__ import annotations

import random

from . import commands as c
from .commands import OMITTED, Bulk, CloseStatement, Command, Execute, Fetch, Indicator, LongData, Prepare, Query, ResetStatement

SLOTS = [0, 1, 2, 3]


class Binary:
    def __init__(self, dice: random.Random, texts):
        self.dice, self.texts = dice, texts
        #: What a client has prepared, as far as the generator knows: (client, slot) → (kinds of parameters, types sent).
        self.known: dict[tuple[int, int], tuple[list[str], list]] = {}

    def forget(self, client: int) -> None:
        self.known = {key: value for key, value in self.known.items() if key[0] != client}

    def statement(self, t: str) -> tuple[str, list[str]]:
        """A text and what its parameters are."""
        dice = self.dice
        n = self.texts.number()
        return dice.choice(
            [
                ("SELECT ?", ["any"]), ("SELECT ?, ?", ["any", "any"]), ("SELECT ? + 1", ["number"]),
                (f"SELECT * FROM {t} WHERE i = ?", ["number"]),
                ("SELECT i, s FROM shared WHERE i < ? ORDER BY i", ["number"]),
                (f"INSERT INTO {t} (s, n) VALUES (?, ?)", ["text", "number"]),
                (f"UPDATE {t} SET s = ? WHERE i = ?", ["text", "number"]), (f"DELETE FROM {t} WHERE i = ?", ["number"]),
                ("SELECT * FROM types ORDER BY i", []), (f"SELECT {n}", []),
                ("SELECT LENGTH(?), HEX(LEFT(?, 10))", ["text", "text"]),
                ("SELECT LAST_INSERT_ID(), ROW_COUNT(), FOUND_ROWS()", []), ("SELECT @a, @b", []), ("SET @a = ?", ["any"]),
                ("SET div_precision_increment = ?", ["number"]),
                ("SELECT @@sql_mode, @@autocommit", []), ("CALL p_out(?, ?)", ["number", "number"]), ("CALL p_several()", []),
                ("CALL p_error(?)", ["number"]),
                ("SELECT " + ", ".join(["?"] * 10), ["any"] * 10),
                ("SELECT ? FROM shared ORDER BY i LIMIT ?", ["text", "number"]), ("BEGIN", []), ("COMMIT", []),
                ("ROLLBACK", []),
                (self.texts.read(t), []), (self.texts.write(t), []), ("SELECT 10 / (i - ?) FROM shared ORDER BY i", ["number"]),
                ("SHOW WARNINGS", []), ("SET autocommit = ?", ["number"]),
                ("USE " + self.texts.database, []), (f"CREATE TEMPORARY TABLE bt{n % 3} (i INT)", []),
                (f"DROP TEMPORARY TABLE IF EXISTS bt{n % 3}", []), (f"SELECT COUNT(*) FROM bt{n % 3}", []),
                ("SET NAMES utf8mb4", []), ("DO ?", ["any"]), ("SELECT CAST(? AS DATETIME(6))", ["moment"]),
                (f"SELECT SQL_CALC_FOUND_ROWS i FROM shared LIMIT 1", []), ("/* c */ SELECT ? -- d", ["any"]),
            ]
        )  # fmt: skip

    def broken(self) -> str:
        return self.dice.choice(["SELEC", "SELECT * FROM nowhere WHERE i = ?", "SELECT 1; SELECT 2", "", "SELECT ? FROM",
            "LOCK TABLES shared READ", "BEGIN NOT ATOMIC SELECT 1; END", "PREPARE x FROM 'SELECT 1'"])

    def value(self, what: str) -> tuple:
        dice = self.dice
        if dice.random() < 0.12:
            return dice.choice([(c.NULL, 0, None), (c.VAR_STRING, 0, None), (c.LONGLONG, 0, None)])
        n = self.texts.number()
        numbers = [
            (c.TINY, 0, n % 100), (c.SHORT, 0, n), (c.LONG, 0, -n), (c.LONGLONG, 0, n), (c.LONGLONG, 128, 2**64 - 1 - n),
            (c.TINY, 128, 200),
            (c.DOUBLE, 0, n / 4), (c.FLOAT, 0, 1.5), (c.NEWDECIMAL, 0, f"{n}.25"), (c.VAR_STRING, 0, str(n)),
        ]  # fmt: skip
        moments = [
            (c.DATE, 0, (2026, 2, 1)), (c.DATETIME, 0, (2026, 2, 1, 12, 30, n % 60)),
            (c.DATETIME, 0, (2026, 2, 1, 1, 2, 3, 456)),
            (c.TIMESTAMP, 0, (2026, 2, 1)), (c.DATETIME, 0, b"\0"), (c.TIME, 0, (1, 2, 3, 4, 5)),
            (c.TIME, 0, (0, 0, 1, 2, 3, 999)), (c.TIME, 0, b"\0"),
        ]  # fmt: skip
        strings = [
            (c.VAR_STRING, 0, f"text {n}"), (c.STRING, 0, ""), (c.BLOB, 0, b"\0\xff\xfe'\\"), (c.VAR_STRING, 0, "ä" * (n % 90)),
            (c.BLOB, 0, b"b" * (n * 3)),
            (c.VAR_STRING, 0, "z" * 300),
        ]  # fmt: skip
        return dice.choice({"number": numbers, "moment": moments, "text": strings}.get(what, numbers + moments + strings))

    def prepare(self, client: int, t: str) -> Command:
        slot = self.dice.choice(SLOTS)
        if self.dice.random() < 0.1:
            return Prepare(slot, self.broken())
        sql, parameters = self.statement(t)
        self.known[client, slot] = (parameters, [])
        return Prepare(slot, sql)

    def slot(self, client: int) -> int:
        mine = [slot for who, slot in self.known if who == client]
        return self.dice.choice(mine) if mine and self.dice.random() < 0.95 else self.dice.choice(SLOTS)

    def execute(self, client: int, slot: int | None = None, flags: int | None = None, omitted: int | None = None) -> Command:
        """With the types again or, if they are known and not changed, without them."""
        if slot is None:
            slot = self.slot(client)
        parameters, types = self.known.get((client, slot), ([], []))
        if flags is None:
            flags = 0
        if types and self.dice.random() < 0.5:
            values = tuple((kind, flag, self.same_kind(kind, flag)) for kind, flag in types)
            return Execute(slot, values, flags, send_types=False)
        values = tuple(self.value(what) for what in parameters)
        if omitted is not None:
            values = tuple((c.BLOB, 0, OMITTED) if i == omitted else v for i, v in enumerate(values))
        if (client, slot) in self.known:
            self.known[client, slot] = (parameters, [(kind, flag) for kind, flag, _ in values])
        return Execute(slot, values, flags)

    def same_kind(self, kind: int, flag: int):
        """Another value of a type that was sent before."""
        n = self.texts.number()
        if kind == c.NULL or self.dice.random() < 0.1:
            return None
        return {
            c.TINY: n % 100, c.SHORT: n, c.LONG: n, c.LONGLONG: n, c.FLOAT: 2.5, c.DOUBLE: n / 8, c.NEWDECIMAL: f"{n}.5",
            c.DATE: (2025, 1, 1), c.DATETIME: (2025, 1, 1, 2, 3, 4), c.TIMESTAMP: (2025, 1, 1), c.TIME: (0, 0, 4, 5, 6),
        }.get(kind, f"again {n}")  # fmt: skip

    # Exchanges

    def simple(self, client: int, t: str) -> list[Command]:
        first = self.prepare(client, t)
        said: list[Command] = [first]
        for _ in range(self.dice.choice([0, 1, 1, 2, 4])):
            said.append(self.execute(client, first.slot))
        if self.dice.random() < 0.2:
            said.append(self.close(client, first.slot))
            if self.dice.random() < 0.3:
                said.append(Execute(first.slot))
        return said

    def free(self, client: int, t: str) -> list[Command]:
        """Anything in any order, with what was prepared long ago."""
        said: list[Command] = []
        for _ in range(self.dice.choice([1, 1, 2, 4, 8])):
            kind = self.dice.random()
            slot = self.slot(client)
            if kind < 0.55:
                said.append(self.execute(client, slot))
            elif kind < 0.75:
                said.append(self.prepare(client, t))
            elif kind < 0.82:
                said.append(ResetStatement(slot))
            elif kind < 0.88:
                said.append(self.close(client, slot))
            elif kind < 0.92:
                said.append(Fetch(slot, 1))
            else:
                said.append(Query(self.texts.read(t)))
        return said

    def close(self, client: int, slot: int) -> Command:
        self.known.pop((client, slot), None)
        return CloseStatement(slot)

    def cursor(self, client: int, t: str) -> tuple[list[Command], bool]:
        """The commands, and whether a cursor may stay open."""
        dice = self.dice
        slot = dice.choice(SLOTS)
        sql, parameters = dice.choice(
            [
                ("SELECT i, s FROM shared ORDER BY i", []), ("SELECT i FROM shared WHERE i < ? ORDER BY i", ["number"]),
                ("SELECT 1", []), ("SELECT i FROM shared WHERE 0", []),
                (f"INSERT INTO {t} (s) VALUES ('no cursor')", []), (f"SELECT * FROM {t} ORDER BY i", []),
                ("CALL p_several()", []), ("SHOW TABLES LIKE 'shared'", []), ("SELECT * FROM types ORDER BY i", []),
            ]
        )  # fmt: skip
        self.known[client, slot] = (parameters, [])
        said: list[Command] = [Prepare(slot, sql),
            self.execute(client, slot, flags=dice.choice([1, 1, 1, 1, 2, 4] if self.texts.is_mariadb else [1]))]
        for _ in range(dice.choice([0, 1, 2, 4])):
            said.append(Fetch(slot, dice.choice([1, 3, 5, 100, 0])))
            if dice.random() < 0.15:
                said.append(Query(dice.choice(["SELECT 'between'", "COMMIT", "BEGIN", "SELECT COUNT(*) FROM shared"])))
        # MySQL 9 gives half a result where the same statement is executed again without a cursor.
        end = dice.random() if self.texts.is_mariadb else 0
        if end < 0.35:
            said.append(self.close(client, slot))
        elif end < 0.7:
            said.append(ResetStatement(slot))
        elif end < 0.8:
            said.append(self.execute(client, slot))
        return said, end >= 0.7

    def long_data(self, client: int, t: str) -> tuple[list[Command], bool]:
        dice = self.dice
        slot = dice.choice(SLOTS)
        sql, parameters = dice.choice([("SELECT LENGTH(?), HEX(LEFT(?, 10))", ["text", "text"]),
            (f"INSERT INTO {t} (s, n) VALUES (?, ?)", ["text", "number"]), ("SELECT ?", ["any"])])
        self.known[client, slot] = (parameters, [])
        said: list[Command] = [Prepare(slot, sql)]
        which = dice.randrange(len(parameters)) if dice.random() < 0.9 else 7
        for _ in range(dice.choice([0, 1, 1, 2, 3])):
            said.append(LongData(slot, which, dice.choice([b"", b"long ", b"x" * 1000, b"\0\xff", b"y" * 70000])))
        if dice.random() < 0.15:
            said.append(ResetStatement(slot))
        if dice.random() < 0.1:
            said.append(Query("SELECT 'between'"))
        pending = len(said) > 1
        if dice.random() < 0.85:
            sent = any(isinstance(command, LongData) for command in said) and which < len(parameters)
            said.append(self.execute(client, slot, omitted=which if sent else None))
            self.known[client, slot] = (parameters, [])
        return said, pending

    def bulk(self, client: int, t: str) -> list[Command]:
        """MariaDB's arrays of parameters."""
        dice = self.dice
        slot = dice.choice(SLOTS)
        sql, parameters = dice.choice(
            [
                (f"INSERT INTO {t} (s, n) VALUES (?, ?)", ["text", "number"]),
                (f"UPDATE {t} SET s = ? WHERE i = ?", ["text", "number"]), (f"DELETE FROM {t} WHERE i = ?", ["number"]),
                ("SELECT ?", ["number"]), (f"INSERT INTO {t} (i, s) VALUES (?, ?)", ["number", "text"]),
                (f"INSERT INTO {t} (s) VALUES (?) RETURNING i", ["text"]),
            ]
        )  # fmt: skip
        kinds = {"text": c.VAR_STRING, "number": c.LONG}
        rows = []
        for _ in range(dice.choice([1, 2, 5, 30])):
            row = []
            for what in parameters:
                n = self.texts.number()
                value = dice.choice([n if what == "number" else f"bulk {n}"] * 8 + [None, Indicator(2), Indicator(3)])
                row.append((kinds[what], 0, value))
            rows.append(tuple(row))
        self.known.pop((client, slot), None)
        said: list[Command] = [Prepare(slot, sql), Bulk(slot, tuple(rows), dice.choice([128, 128, 128 | 64]))]
        if dice.random() < 0.2:
            said.append(Bulk(slot, tuple(rows), 0))
        return said

    def last(self, client: int, t: str) -> list[Command]:
        """MariaDB's id for the statement prepared last."""
        dice = self.dice
        sql, parameters = self.statement(t) if dice.random() < 0.85 else (self.broken(), [])
        slot = dice.choice(SLOTS)
        self.known[client, slot] = (parameters, [])
        said: list[Command] = [Prepare(slot, sql), Execute(c.LAST, tuple(self.value(what) for what in parameters))]
        if dice.random() < 0.3:
            said.append(dice.choice([CloseStatement(c.LAST), ResetStatement(c.LAST),
                Execute(c.LAST, tuple(self.value(w) for w in parameters)), Query("SELECT 'then'")]))
            self.known.pop((client, slot), None)
        return said
