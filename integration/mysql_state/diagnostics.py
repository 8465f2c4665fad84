"""What a server remembers of the statement before, for the next one that asks; and what waits for the next statement."""

from __future__ import annotations

from support.mysql_session import Session
from support.mysql_wire import WireError
from support.processes import wait_until

from .kind import Kind

INSERTS = "INSERT INTO app.state_numbered (v) VALUES ('x')"


def behind(name: str, make, read, mine, **more) -> Kind:
    """Asked for by the statement directly behind."""
    steps = (make,) if isinstance(make, str) or callable(make) else tuple(make)
    more = {"in_transaction": False, "fleeting": True, "may_be_lost": True, **more}
    return Kind(name, steps, read, mine, **more)


def fails(sql: str):
    def make(client: Session) -> None:
        try:
            client.query(sql)
        except WireError as error:
            client.notes["error"] = error.code

    return make


def inserted(client: Session) -> None:
    client.notes["inserted"] = client.query(INSERTS).insert_id


def inserted_many(client: Session) -> None:
    client.notes["inserted"] = client.query(INSERTS + ", ('y'), ('z')").insert_id


def chosen(client: Session) -> None:
    client.notes["chosen"] = int(client.value("SELECT COALESCE(MAX(id), 0) FROM app.state_numbered")) + 1000
    client.query(f"SET insert_id = {client.notes['chosen']}")


def same(sql: str):
    """Whether the value is the number that the server gave to what was inserted."""
    return lambda c: c.value(sql) == str(c.notes.get("inserted"))


def used_in_another(client: Session) -> bool:
    client.query("INSERT INTO app.state_counter (v) VALUES (LAST_INSERT_ID())")
    own = client.notes.get("inserted", -1)
    return client.value(f"SELECT COUNT(*) FROM app.state_counter WHERE v = {own}") != "0"


def later(sql: str = "SELECT 1"):
    return lambda c: c.query(sql)


def prepares(sql: str):
    def make(client: Session) -> None:
        client.notes["asks"] = client.prepare(sql)[0]

    return make


def executes(client: Session):
    return client.run_value(client.notes.get("asks", 1))


def isolation(client: Session):
    """Of the transaction that begins now, as InnoDB lists it, whose list is made anew when nobody has read it for a while."""
    client.query("START TRANSACTION")
    client.query("SELECT COUNT(*) FROM app.state_ten")
    # The statement that asks is the one the list shows.
    number = client.connection_id
    sql = (
        f"SELECT /* of {number} */ trx_isolation_level FROM information_schema.innodb_trx"
        f" WHERE trx_query LIKE CONCAT('%* of ', {number}, ' *%')"
    )
    found = wait_until(lambda: client.value(sql), interval=0.15, what="the transaction in InnoDB's list")
    client.query("COMMIT")
    return found


def warnings(client: Session):
    return [(level, code) for level, code, _ in client.query("SHOW WARNINGS").rows]


def condition(client: Session):
    client.query("GET DIAGNOSTICS CONDITION 1 @number = MYSQL_ERRNO")
    return client.value("SELECT @number")


DIVIDES = "SELECT 1 / 0"
#: Two rows are made of one, and a value is cut.
CUTS = "INSERT IGNORE INTO app.state_numbered (v) VALUES ('much too long for it')"

DIAGNOSTICS = [
    behind("found_rows", "SELECT SQL_CALC_FOUND_ROWS n FROM app.state_ten LIMIT 2", "SELECT FOUND_ROWS()", "10", others_not_asked=True),
    behind("found_rows_without_asking", "SELECT n FROM app.state_ten LIMIT 3", "SELECT FOUND_ROWS()", "3", others_not_asked=True),
    behind("row_count", "INSERT INTO app.state_counter SELECT 0 FROM app.state_ten", "SELECT ROW_COUNT()", "10"),
    behind("row_count_of_insert", "INSERT INTO app.state_counter VALUES (0), (0)", "SELECT ROW_COUNT()", "2"),
    behind("row_count_of_select", "SELECT n FROM app.state_ten", "SELECT ROW_COUNT()", "-1"),
    behind("row_count_by_protocol_prepare", (prepares("SELECT CAST(ROW_COUNT() AS CHAR)"), "INSERT INTO app.state_counter VALUES (0), (0)"),
           executes, "2"),
    behind("last_insert_id", inserted, same("SELECT LAST_INSERT_ID()"), True),
    behind("last_insert_id_from_dual", inserted, same("SELECT LAST_INSERT_ID() AS `id` FROM DUAL"), True),
    behind("last_insert_id_of_many", inserted_many, same("SELECT LAST_INSERT_ID()"), True),
    behind("last_insert_id_variable", inserted, same("SELECT @@last_insert_id"), True),
    behind("last_insert_id_identity", inserted, same("SELECT @@identity"), True),
    behind("last_insert_id_in_a_condition", inserted, same("SELECT id FROM app.state_numbered WHERE id = LAST_INSERT_ID()"), True),
    behind("last_insert_id_later", (inserted, later(), later("SELECT COUNT(*) FROM app.state_ten")),
           same("SELECT LAST_INSERT_ID()"), True, fleeting=False, in_transaction=True),
    behind("last_insert_id_in_another_statement", inserted, used_in_another, True),
    behind("last_insert_id_set", "SELECT LAST_INSERT_ID(77)", "SELECT LAST_INSERT_ID()", "77", fleeting=False, in_transaction=True),
    behind("last_insert_id_set_by_update", "UPDATE app.state_counter SET v = LAST_INSERT_ID(78) LIMIT 1", "SELECT LAST_INSERT_ID()",
           "78", fleeting=False, in_transaction=True),
    behind("last_insert_id_by_protocol_prepare", (prepares("SELECT CAST(LAST_INSERT_ID() AS CHAR)"), inserted),
           lambda c: executes(c) == str(c.notes.get("inserted")), True),
    behind("last_insert_id_in_a_procedure", "CALL app.state_inserts()", "SELECT LAST_INSERT_ID() > 0", "1", families=("mariadb",)),
    behind("warnings", DIVIDES, warnings, [("Warning", "1365")]),
    behind("warnings_of_insert", CUTS, warnings, [("Warning", "1265")]),
    behind("warnings_counted", DIVIDES, "SHOW COUNT(*) WARNINGS", "1"),
    behind("warnings_variable", DIVIDES, "SELECT @@warning_count", "1"),
    behind("warnings_of_an_error", fails("SELECT nothing_such"), warnings, [("Error", "1054")]),
    behind("errors_counted", fails("SELECT nothing_such"), "SELECT @@error_count", "1"),
    behind("errors", fails("SELECT nothing_such"), lambda c: [r[1] for r in c.query("SHOW ERRORS").rows], ["1054"]),
    behind("warnings_by_protocol_prepare", lambda c: c.run(c.prepare("SELECT CAST(1 / 0 AS CHAR)")[0]), warnings,
           [("Warning", "1365")]),
    # To ask assigns a variable, which is state of its own.
    behind("diagnostics", DIVIDES, condition, "1365", others_not_asked=True),
    behind("diagnostics_of_an_error", fails("SELECT nothing_such"), condition, "1054", others_not_asked=True),
    behind("insert_id", chosen, lambda c: c.query(INSERTS).insert_id == c.notes.get("chosen"), True),
    behind("transaction_next_read_only", "SET TRANSACTION READ ONLY", "INSERT INTO app.state_scratch VALUES (7)", 1792),
    behind("transaction_next_isolation", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", isolation, "SERIALIZABLE"),
]  # fmt: skip
