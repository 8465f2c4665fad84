"""State that one server has. A proxy keeps the client there while it lives, or has a way of its own to bring it back."""

from __future__ import annotations

from dataclasses import replace

from support.mysql_session import AUTOCOMMIT, CURSOR_EXISTS, IN_TRANSACTION, LAST_ROW_SENT, LONG, Session

from .kind import Kind

#: What the server says of a lock: no such lock, or somebody else's.
NOT_MINE = frozenset({None, "0"})
READ_ONLY_CURSOR = 1


def pin(name: str, make, read, mine, undo=(), **more) -> Kind:
    """State that keeps the client on its server until it is undone."""
    steps = lambda s: tuple(s) if isinstance(s, tuple) else (s,)  # noqa: E731
    return Kind(name, steps(make), read, mine, undo=steps(undo), pins=True, may_be_lost=True, **more)


def held(*arguments, **more) -> Kind:
    """A transaction, which has its server anyway."""
    return replace(pin(*arguments, **more), pins=False)


COMPUTED = [
    pin("user_variable_computed", "SET @mine = 40 + 1", "SELECT @mine", "41", rival=("SET @mine = 40 + 2",), theirs="42"),
    pin("user_variable_in_select", "SELECT @mine := 41", "SELECT @mine", "41", rival=("SELECT @mine := 42",), theirs="42"),
    pin("user_variable_into", "SELECT 41, 'b' INTO @mine, @b", "SELECT CONCAT(@mine, @b)", "41b",
        rival=("SELECT 42, 'c' INTO @mine, @b",), theirs="42c"),
    pin("user_variable_in_a_procedure", "CALL app.state_assigns()", "SELECT @mine", "41"),
    pin("user_variable_out_parameter", "CALL app.state_out(@mine)", "SELECT @mine", "41"),
    pin("user_variable_in_update", "UPDATE app.state_counter SET v = v + 1 WHERE (@mine := 41) > 0", "SELECT @mine", "41"),
    pin("user_variable_by_protocol_prepare", lambda c: c.run(c.prepare("SET @mine = ?")[0], "41"), "SELECT @mine", "41"),
    pin("user_variable_of_another", ("SET @a = 40", "SET @mine = @a"), "SELECT @mine", "40"),
]  # fmt: skip

def temporary(*arguments, **more) -> Kind:
    """Made behind the transaction: its rows, not the table, would be rolled back."""
    return pin(*arguments, in_transaction=False, **more)


TEMPORARY = [
    temporary("temporary_table", ("CREATE TEMPORARY TABLE state_t (v INT)", "INSERT INTO state_t VALUES (41)"),
        "SELECT v FROM state_t", "41", "DROP TABLE state_t"),
    temporary("temporary_table_dropped_by_name", "CREATE TEMPORARY TABLE IF NOT EXISTS state_t SELECT 41 AS v",
        "SELECT v FROM state_t", "41", "DROP TEMPORARY TABLE state_t",
        rival=("CREATE TEMPORARY TABLE state_t SELECT 42 AS v",), theirs="42"),
    temporary("temporary_table_over_another", ("CREATE TEMPORARY TABLE state_shadow SELECT 'mine' AS v",),
        "SELECT v FROM state_shadow", "mine", "DROP TEMPORARY TABLE state_shadow"),
    temporary("temporary_table_in_a_procedure", "CALL app.state_makes_table()", "SELECT v FROM state_made", "41",
        "DROP TEMPORARY TABLE state_made", end_is_seen=False),
    temporary("temporary_table_by_protocol_prepare",
        lambda c: c.run(c.prepare("CREATE TEMPORARY TABLE state_t SELECT 41 AS v")[0]), "SELECT v FROM state_t", "41",
        "DROP TEMPORARY TABLE state_t"),
    temporary("temporary_table_by_sql_prepare", ("PREPARE p FROM 'CREATE TEMPORARY TABLE state_t SELECT 41 AS v'", "EXECUTE p"),
        "SELECT v FROM state_t", "41", ("DROP TEMPORARY TABLE state_t", "DEALLOCATE PREPARE p"), end_is_seen=False),
    temporary("temporary_table_in_a_multi_statement", "SELECT 1; CREATE TEMPORARY TABLE state_t SELECT 41 AS v; SELECT 2",
        "SELECT v FROM state_t", "41", "DROP TEMPORARY TABLE state_t"),
    temporary("temporary_table_in_a_comment", "/*!50000 CREATE TEMPORARY TABLE */ state_t SELECT 41 AS v", "SELECT v FROM state_t",
        "41", "DROP TEMPORARY TABLE state_t"),
    temporary("temporary_sequence", "CREATE TEMPORARY SEQUENCE state_s START 41", "SELECT minimum_value + 40 FROM state_s", "41",
        "DROP TEMPORARY SEQUENCE state_s", families=("mariadb",)),
    temporary("temporary_table_of_a_transaction_rolled_back",
        ("BEGIN", "CREATE TEMPORARY TABLE state_t (v INT)", "ROLLBACK", "INSERT INTO state_t VALUES (41)"),
        "SELECT v FROM state_t", "41", "DROP TABLE state_t"),
]  # fmt: skip


def holds(name: str):
    """1 who holds the lock; it is given back and taken again."""

    def read(client: Session):
        found = client.value(f"SELECT RELEASE_LOCK('{name}')")
        if found == "1":
            client.query(f"SELECT GET_LOCK('{name}', 0)")
        return found

    return read


LOCKS = [
    pin("get_lock", "SELECT GET_LOCK('state_a', 5)", holds("state_a"), "1", "SELECT RELEASE_LOCK('state_a')", absent=NOT_MINE),
    pin("get_lock_twice", ("SELECT GET_LOCK('state_b', 5)", "SELECT GET_LOCK('state_b', 5)", "SELECT RELEASE_LOCK('state_b')"),
        holds("state_b"), "1", "SELECT RELEASE_LOCK('state_b')", absent=NOT_MINE),
    pin("get_lock_release_all", ("SELECT GET_LOCK('state_c', 5)", "SELECT GET_LOCK('state_d', 5)"), holds("state_d"), "1",
        "SELECT RELEASE_ALL_LOCKS()", absent=NOT_MINE),
    pin("get_lock_by_do", "DO GET_LOCK('state_e', 5)", holds("state_e"), "1", "DO RELEASE_LOCK('state_e')", absent=NOT_MINE),
    pin("get_lock_in_a_procedure", "CALL app.state_locks('state_f')", holds("state_f"), "1", "SELECT RELEASE_LOCK('state_f')",
        absent=NOT_MINE, end_is_seen=False),
    pin("get_lock_by_protocol_prepare", lambda c: c.run(c.prepare("SELECT GET_LOCK(?, 5)")[0], "state_g"), holds("state_g"),
        "1", "SELECT RELEASE_LOCK('state_g')", absent=NOT_MINE, end_is_seen=False),
    # Who has locked tables cannot read others; BEGIN would unlock them.
    pin("lock_tables", "LOCK TABLES state_locked WRITE", "SELECT COUNT(*) FROM state_empty", 1100, "UNLOCK TABLES",
        in_transaction=False),
    pin("lock_tables_read", "LOCK TABLES state_locked READ, state_counter READ LOCAL", "SELECT COUNT(*) FROM state_empty", 1100,
        "UNLOCK TABLES", in_transaction=False),
    pin("flush_tables_with_read_lock", "FLUSH TABLES WITH READ LOCK", "DELETE FROM state_empty", 1223, "UNLOCK TABLES",
        in_transaction=False, others_not_asked=True),
    pin("flush_named_tables", "FLUSH TABLES state_locked WITH READ LOCK", "SELECT COUNT(*) FROM state_empty", 1100, "UNLOCK TABLES",
        in_transaction=False),
]  # fmt: skip


def prepared(sql: str):
    def make(client: Session) -> None:
        client.notes["id"] = client.prepare(sql)[0]

    return make


def executed(*parameters):
    """Whoever has prepared nothing has no statement 1."""
    return lambda c: c.run_value(c.notes.get("id", 1), *parameters)


def closed(client: Session) -> None:
    client.close_statement(client.notes["id"])


PREPARED = [
    pin("sql_prepare", "PREPARE p FROM 'SELECT 41'", "EXECUTE p", "41", "DEALLOCATE PREPARE p", rival=("PREPARE p FROM 'SELECT 42'",),
        theirs="42"),
    pin("sql_prepare_parameter", ("PREPARE `P p` FROM 'SELECT ? + 40'", "SET @mine = 1"), "EXECUTE `p P` USING @mine", "41"),
    pin("sql_prepare_of_a_variable", ("SET @sql = 'SELECT 41'", "PREPARE p FROM @sql", "SET @sql = 'x'"), "EXECUTE p", "41",
        "DROP PREPARE p", end_is_seen=False),
    pin("sql_prepare_again", ("PREPARE p FROM 'SELECT 1'", "PREPARE p FROM 'SELECT 41'"), "EXECUTE p", "41", "DEALLOCATE PREPARE p"),
    Kind("sql_prepare_deallocated", ("PREPARE p FROM 'SELECT 1'", "DEALLOCATE PREPARE p"), "EXECUTE p", 1243),
    Kind("protocol_prepare", (prepared("SELECT CONCAT('of ', 'mine')"),), executed(), "of mine",
         (prepared("SELECT CONCAT('of ', 'theirs')"),), "of theirs"),
    Kind("protocol_prepare_parameters", (prepared("SELECT CONCAT(?, '-', ?)"),), executed("a", "b"), "a-b",
         (prepared("SELECT CONCAT('x', ?, ?)"),), "xab"),
    Kind("protocol_prepare_null", (prepared("SELECT COALESCE(?, 'none')"),), executed(None), "none"),
    Kind("protocol_prepare_closed", (prepared("SELECT 'x'"), closed), executed(), 1243),
    Kind("protocol_prepare_twice_alike", (prepared("SELECT 'same'"), closed, prepared("SELECT 'same'")), executed(), "same"),
    # Types are sent with the first execution only; another server has never heard of them.
    Kind("protocol_prepare_types_once", (prepared("SELECT CONCAT(?, '!')"), lambda c: c.run(c.notes["id"], "first")),
         lambda c: c.run_value(c.notes.get("id", 1), "then", types=False), "then!"),
    Kind("protocol_prepare_in_a_schema", (lambda c: c.init_db("other"), prepared("SELECT v FROM state_where"),
         lambda c: c.init_db("test1")), executed(), "other"),
]  # fmt: skip


def opened(client: Session) -> None:
    client.notes["id"] = client.prepare("SELECT CAST(n AS CHAR) FROM app.state_ten ORDER BY n")[0]
    found = client.run(client.notes["id"], flags=READ_ONLY_CURSOR)
    assert found.status & CURSOR_EXISTS and not found.rows
    client.notes["next"] = 1


def next_row(client: Session):
    """Whether the row that is fetched is the one behind the last."""
    found = client.fetch(client.notes.get("id", 1), 1)
    if not found.rows:
        return "end"
    expected, client.notes["next"] = str(client.notes["next"]), client.notes["next"] + 1
    return "next" if found.rows == [(expected,)] else found.rows


def fetched_all(client: Session) -> None:
    assert client.fetch(client.notes["id"], 100).status & LAST_ROW_SENT


def with_long_data(client: Session) -> None:
    client.notes["id"] = client.prepare("SELECT CONCAT(LENGTH(?), ?)")[0]
    client.long_data(client.notes["id"], 0, b"x" * 1000)
    client.long_data(client.notes["id"], 0, b"y" * 24)


def lone_transaction(client: Session):
    """Rows of a transaction that nobody began by name, and its status."""
    return client.value("SELECT COUNT(*) FROM app.state_empty"), bool(client.status & IN_TRANSACTION), bool(client.status & AUTOCOMMIT)


NO_TRANSACTION = frozenset({("0", False, True), ("0", True, True)})

OTHERS = [
    pin("cursor", opened, next_row, "next", lambda c: c.reset_statement(c.notes["id"]), in_transaction=False),
    pin("cursor_closed", opened, next_row, "next", closed, in_transaction=False),
    pin("cursor_read_to_its_end", opened, next_row, "next", fetched_all, in_transaction=False),
    Kind("long_data", (with_long_data,), lambda c: c.run_value(c.notes.get("id", 1), LONG, "z"), "1024z", may_be_lost=True,
         in_transaction=False, fleeting=True),
    held("transaction_without_autocommit", ("SET autocommit = 0", "INSERT INTO app.state_empty VALUES (1)"), lone_transaction,
        ("1", True, False), ("ROLLBACK", "SET autocommit = 1"), in_transaction=False, absent=NO_TRANSACTION),
    held("transaction_chained", ("BEGIN", "COMMIT AND CHAIN", "INSERT INTO app.state_empty VALUES (1)"), lone_transaction,
        ("1", True, True), "ROLLBACK", in_transaction=False, absent=NO_TRANSACTION),
    pin("xa_active", ("XA START 'state'", "INSERT INTO app.state_empty VALUES (1)"), "SELECT COUNT(*) FROM app.state_empty", "1",
        ("XA END 'state'", "XA ROLLBACK 'state'"), in_transaction=False),
    pin("xa_idle", ("XA START 'state'", "INSERT INTO app.state_empty VALUES (1)", "XA END 'state'"), "COMMIT", 1399,
        "XA ROLLBACK 'state'", in_transaction=False),
    pin("handler", "HANDLER app.state_ten OPEN AS state_h", "HANDLER state_h READ `PRIMARY` FIRST", "1", "HANDLER state_h CLOSE",
        in_transaction=False),
    Kind("multi_statements_off", (lambda c: c.set_option(1),), "SELECT 1; SELECT 2", 1064, in_transaction=False,
         outlives_reset=True, outlives_change_user=True),
    Kind("multi_statements_on_again", (lambda c: c.set_option(1), lambda c: c.set_option(0)), "SELECT 1; SELECT 2", "2"),
    pin("role", "SET ROLE state_role", "SELECT CURRENT_ROLE()", "state_role", rival=("SET ROLE NONE",), families=("mariadb",),
         outlives_reset=None, outlives_change_user=None),
    pin("role_", "SET ROLE state_role", "SELECT CURRENT_ROLE()", "`state_role`@`%`", rival=("SET ROLE NONE",), theirs="NONE",
         families=("mysql",), outlives_reset=None),
    pin("last_value", "SELECT NEXTVAL(app.state_sequence)", "SELECT LASTVAL(app.state_sequence) > 0", "1", families=("mariadb",),
        rival=("SELECT NEXTVAL(app.state_sequence)",), theirs="1"),
]  # fmt: skip

KEPT = [*COMPUTED, *TEMPORARY, *LOCKS, *PREPARED, *OTHERS]
