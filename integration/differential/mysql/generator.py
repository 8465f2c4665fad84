"""Conversations by chance: several clients, each with abilities of its own, and what they say in turn."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from support import mysql_wire as w

from . import odd
from .binary import Binary
from .commands import ChangeUser, Command, Query, Raw, ResetConnection, field_list, init_db, ping, set_option, statistics
from .side import Exchange, Side
from .texts import Texts

#: Each is there or not, with this probability.
ABILITIES = {
    w.DEPRECATE_EOF: 0.6, w.SESSION_TRACK: 0.6, w.MULTI_STATEMENTS: 0.7, w.MULTI_RESULTS: 0.9, w.PS_MULTI_RESULTS: 0.8,
    w.FOUND_ROWS: 0.2, w.LOCAL_FILES: 0.7, w.IGNORE_SPACE: 0.15, w.INTERACTIVE: 0.1, w.CONNECT_ATTRS: 0.8, w.LONG_FLAG: 0.9,
}  # fmt: skip
FAMILY_ABILITIES = {
    "mariadb": {w.MARIADB_BULK: 0.6, w.MARIADB_EXTENDED_METADATA: 0.4, w.MARIADB_CACHE_METADATA: 0.5, w.MARIADB_PROGRESS: 0.3},
    "mysql": {w.OPTIONAL_METADATA: 0.4, w.QUERY_ATTRIBUTES: 0.5},
}
ALWAYS = w.LONG_PASSWORD | w.PROTOCOL_41 | w.TRANSACTIONS | w.SECURE_CONNECTION | w.PLUGIN_AUTH | w.AUTH_LENENC
EXCHANGES = 70


@dataclass(frozen=True)
class Kind:
    """How a client logs in."""

    capabilities: int
    collation: int
    user: str
    database: str

    def within(self, offered: int) -> "Kind":
        return replace(self, capabilities=self.capabilities & (offered | w.LONG_PASSWORD))

    def line(self, number: int) -> str:
        return f"client {number}: capabilities {self.capabilities:#x}, collation {self.collation}, {self.user}, {self.database!r}"


class Generator:
    def __init__(self, seed: str, family: str, database: str, offered: int):
        self.seed, self.dice = seed, random.Random(seed)
        self.family, self.database, self.offered = family, database, offered
        self.texts = Texts(self.dice, family, database)
        self.binary = Binary(self.dice, self.texts)
        #: Of the exchange that is being made.
        self.holds = False
        self.kinds: list[Kind] = []

    def conversation(self, number: int) -> tuple[list[Kind], list[Exchange]]:
        """The same whatever was made before it."""
        self.dice.seed(f"{self.seed}/{number}")
        self.texts.serial = 0
        self.binary.known.clear()
        self.kinds = [self.kind() for _ in range(self.dice.choice([2, 2, 3, 4, 6]))]
        plan, client = [], 0
        for _ in range(EXCHANGES):
            if self.dice.random() < 0.6:
                client = self.dice.randrange(len(self.kinds))
            plan.append(self.exchange(client))
        return self.kinds, plan

    def kind(self) -> Kind:
        capabilities = ALWAYS
        for bit, probability in {**ABILITIES, **FAMILY_ABILITIES[self.family]}.items():
            if self.dice.random() < probability:
                capabilities |= bit
        if self.family == "mariadb" and self.dice.random() < 0.8:
            capabilities &= ~w.LONG_PASSWORD
        return Kind(capabilities, self.dice.choice([45, 45, 45, 8, 46, 33, 63]), "app", self.database).within(self.offered)

    def can(self, client: int, bit: int) -> bool:
        return bool(self.kinds[client].capabilities & bit)

    def exchange(self, client: int) -> Exchange:
        kinds = [
            (self.simple, 34), (self.transaction, 12), (self.setting, 14), (self.variables, 7), (self.diagnostics, 9),
            (self.objects, 7), (self.sql_prepared, 4), (self.call, 4), (self.multi, 6),
            (self.ddl, 2), (self.other, 7), (self.statements, 16), (self.free, 12), (self.cursor, 5), (self.long_data, 3),
            (self.file, 2), (self.odd, 3), (self.wrong_sequence, 0.3),
            (self.large, 0.04),
        ]  # fmt: skip
        if self.family == "mariadb":
            kinds.append((self.last, 3))
            if self.can(client, w.MARIADB_BULK):
                kinds.append((self.bulk, 6))
        self.holds = False
        maker = self.dice.choices([k for k, _ in kinds], [weight for _, weight in kinds])[0]
        said = maker(client, f"t{client}")
        exchange = said if isinstance(said, Exchange) else Exchange(client, said)
        exchange.holds = exchange.holds or self.holds or needs_server(exchange.commands)
        plain = all(isinstance(command, Query) and b"INFILE" not in command.text() for command in exchange.commands)
        if plain and len(exchange.commands) > 1 and self.dice.random() < 0.15:
            exchange.pipelined = True
        return exchange

    # Kinds

    def queries(self, texts: list[str]) -> list[Command]:
        return [self.query(text) for text in texts]

    def query(self, text: str) -> Query:
        attributes = ()
        if self.family == "mysql" and self.dice.random() < 0.2:
            attributes = (("name", "value"), ("", "unnamed"))[: self.dice.choice([1, 2])]
        return Query(text, attributes=attributes)

    def simple(self, client: int, t: str) -> list[Command]:
        makers = [self.texts.read, self.texts.read, self.texts.write, self.texts.error]
        return self.queries([self.dice.choice(makers)(t) for _ in range(self.dice.choice([1, 1, 1, 2, 4]))])

    def transaction(self, client: int, t: str) -> list[Command]:
        texts = [self.texts.transaction()]
        for _ in range(self.dice.randrange(4)):
            texts.append(self.dice.choice([lambda: self.texts.read(t), lambda: self.texts.write(t), self.texts.transaction,
                self.texts.settings.set, lambda: self.texts.error(t)])())
        if self.dice.random() < 0.7:
            texts.append(self.dice.choice(["COMMIT", "ROLLBACK"]))
        return self.queries(texts)

    def setting(self, client: int, t: str) -> list[Command]:
        settings = self.texts.settings
        return self.queries([settings.set() if self.dice.random() < 0.55 else settings.show() for _ in range(self.dice.choice([1,
            1, 2, 3]))])

    def variables(self, client: int, t: str) -> list[Command]:
        return self.queries([self.texts.variables() for _ in range(self.dice.choice([1, 2, 3]))])

    def diagnostics(self, client: int, t: str) -> list[Command]:
        before = self.dice.choice([[], [self.texts.write(t)], [self.texts.error(t)], [self.texts.read(t)],
            ["SELECT SQL_CALC_FOUND_ROWS i FROM shared LIMIT 2"], ["SELECT CAST('abc' AS SIGNED)"]])
        return self.queries([*before, *(self.texts.diagnostics() for _ in range(self.dice.choice([1, 1, 2])))])

    def objects(self, client: int, t: str) -> list[Command]:
        self.holds = True
        return self.queries(self.texts.objects(client, t))

    def sql_prepared(self, client: int, t: str) -> list[Command]:
        self.holds = True
        return self.queries(self.texts.sql_prepared(t))

    def call(self, client: int, t: str) -> list[Command]:
        self.holds = True
        return self.queries(self.texts.call(client))

    def multi(self, client: int, t: str) -> list[Command]:
        self.holds = True
        return self.queries([self.texts.multi(t)])

    def ddl(self, client: int, t: str) -> list[Command]:
        return self.queries(self.texts.ddl(t))

    def other(self, client: int, t: str) -> list[Command]:
        dice = self.dice
        said = dice.choice(
            [
                [ping()], [ping()], [statistics()], [init_db(self.database)],
                [init_db(self.database + "b"), Query("SELECT DATABASE()")], [Query(f"USE {self.database}b")],
                [Query(f"USE `{self.database}`")],
                [field_list("shared", "%")], [field_list(t)], [set_option(0)], [set_option(1)], [ResetConnection()],
                [ResetConnection(), Query("SELECT @@sql_mode, @a, DATABASE(), LAST_INSERT_ID()")],
                [Query("SELECT CONNECTION_ID() = $ID%d AS same" % client)], [ChangeUser("app", "app secret", self.database)],
                [ChangeUser("bob", "bob'ß\\secret", dice.choice([self.database, ""]))],
                [ChangeUser("app", "app secret", self.database, dice.choice([8, 45, 46]))], [Query("SELECT CONNECTION_ID()")],
            ]
        )  # fmt: skip
        if isinstance(said[0], (ResetConnection, ChangeUser)):
            self.binary.forget(client)
            # MariaDB keeps FOUND_ROWS().
            said.append(Query("SELECT 'new'"))
        if isinstance(said[0], Query) and "CONNECTION_ID()" in said[0].sql:
            return Exchange(client, said, has_ids=True)
        return said

    def statements(self, client: int, t: str) -> list[Command]:
        return self.binary.simple(client, t)

    def free(self, client: int, t: str) -> list[Command]:
        return self.binary.free(client, t)

    def cursor(self, client: int, t: str) -> list[Command]:
        said, self.holds = self.binary.cursor(client, t)
        return said

    def long_data(self, client: int, t: str) -> list[Command]:
        said, self.holds = self.binary.long_data(client, t)
        return said

    def bulk(self, client: int, t: str) -> list[Command]:
        return self.binary.bulk(client, t)

    def last(self, client: int, t: str) -> Exchange:
        return Exchange(client, self.binary.last(client, t), pipelined=self.dice.random() < 0.7)

    def file(self, client: int, t: str) -> list[Command]:
        rows = [b"%d\tfrom file\n" % n for n in range(self.dice.choice([0, 1, 30]))]
        parts = self.dice.choice([(), (b"".join(rows),), tuple(rows), (b"".join(rows), b"half a li", b"ne\tx"),
            (b"no number\tx\n",)])
        parts = tuple(part for part in parts if part)
        into = self.dice.choice([f"INTO TABLE {t} (n, s)", f"IGNORE INTO TABLE {t} (n, s)",
            f"INTO TABLE {t} FIELDS TERMINATED BY '\\t' (n, s)", "INTO TABLE nowhere"])
        return [Query(f"LOAD DATA LOCAL INFILE 'some file' {into}", parts),
            self.query(self.dice.choice([self.texts.diagnostics(), f"SELECT COUNT(*) FROM {t}"]))]

    def odd(self, client: int, t: str) -> list[Command]:
        if self.dice.random() < 0.3:
            return odd.unknown(self.dice)
        said, _ = odd.malformed(self.dice)
        return said

    def wrong_sequence(self, client: int, t: str) -> Exchange:
        return Exchange(client, odd.wrong_sequence(self.dice), fatal=True)

    def large(self, client: int, t: str) -> list[Command]:
        self.holds = True
        return odd.large(self.dice)


#: Words whose statements may leave something on the server that cannot be carried to another.
HOLDING = ("@", "TEMPORARY", "GET_LOCK", "LOCK TABLES", "HANDLER", "XA ", "PREPARE", "CALL", "NEXTVAL", "VALUE FOR",
    "FOUND_ROWS", "ATOMIC", "EXECUTE", "INSERT_ID", "TIMESTAMP", "RAND_SEED", "SET TRANSACTION")


def needs_server(said: list[Command]) -> bool:
    texts = [str(getattr(command, "sql", "")) for command in said]
    return any(word in text.upper() for text in texts for word in HOLDING)


def letting_go(client: int) -> Exchange:
    """After this the client holds nothing."""
    return Exchange(client, Side.letting_go())
