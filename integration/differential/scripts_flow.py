"""Query flow, pipelines and errors: 4.3 of the checklist."""

from __future__ import annotations

import struct

from support.wire import (
    FLUSH, SYNC, TERMINATE, bind, close, describe, execute, function_call, message, parse, query, text,
)  # fmt: skip

from .exchange import Exchange, Wait


def X(*steps, fatal: bool = False) -> Exchange:
    return Exchange(list(steps), fatal)


def M(*steps) -> Exchange:
    """Malformed: the proxy may end the connection where PostgreSQL does not."""
    return Exchange(list(steps), may_close=True)


def pbdes(sql: str, *values, name: str = "") -> bytes:
    return parse(sql, name) + bind("", name, values) + describe("P") + execute() + SYNC


def pbe(sql: str, *values) -> bytes:
    return parse(sql) + bind("", "", values) + execute()


RAISE = "DO $$ BEGIN RAISE {} 'said {}'; END $$"

SCRIPTS: dict[str, list[Exchange]] = {
    "simple_select": [X(query("SELECT 1, 'two', NULL")), X(query("SELECT generate_series(1, 500)"))],
    "simple_many_at_once": [X(*(query(f"SELECT {i}") for i in range(50)))],
    "simple_error": [X(query("SELECT 1/0")), X(query("SELEC")), X(query("SELECT 1"))],
    "simple_multi_statement": [
        X(query("SELECT 1; SELECT 2; SELECT 3")),
        X(query("SELECT 1; SELECT 1/0; SELECT 3"), query("SELECT 4")),
        X(query("BEGIN; SELECT 1"), query("COMMIT; BEGIN"), query("ROLLBACK")),
        X(query("BEGIN; SELECT 1/0; COMMIT"), query("SELECT 1"), query("ROLLBACK")),
        X(query("INSERT INTO d VALUES (9001, 'multi'); SELECT 1/0"), query("SELECT * FROM d WHERE i = 9001")),
        X(query(";;;"), query(" ; SELECT 1 ; ")),
    ],
    "empty_queries": [
        X(query("")),
        X(query("-- only a comment"), query("SELECT 1"), query("/* another */ ;")),
        X(parse("") + bind() + describe("P") + execute() + SYNC),
        X(query("BEGIN"), query("SELECT 1/0"), query(""), pbdes(""), query("ROLLBACK")),
        X(parse("", "nothing"), describe("S", "nothing"), bind("", "nothing"), execute(), close("S", "nothing"), SYNC),
    ],
    "pipeline_n_syncs": [
        X(*(pbdes("SELECT $1::int", i) for i in range(30))),
        X(*(pbe("SELECT $1::int", i) for i in range(30)), SYNC),
        X(SYNC, SYNC, SYNC, pbdes("SELECT 1"), SYNC),
        X(SYNC),
    ],
    "pipeline_error_in_the_middle": [
        X(pbe("SELECT 1"), pbe("SELECT 1/$1::int", 0), pbe("SELECT 2"), SYNC, pbdes("SELECT 3")),
        X(pbe("SELECT nonsense"), parse("SELECT 1", "after_error"), describe("S", "after_error"), SYNC),
        X(describe("S", "after_error"), SYNC),  # was discarded, so it does not exist
        X(pbe("INSERT INTO d VALUES (9002, 'x')"), pbe("SELECT 1/$1::int", 0), SYNC),
        X(query("SELECT count(*) FROM d WHERE i = 9002")),
        X(*(pbdes("SELECT 10/$1::int", i % 3) for i in range(20))),
    ],
    "query_in_discard_window": [
        X(pbe("SELECT 1/$1::int", 0), query("SELECT 'discarded'"), SYNC, query("SELECT 'answered'")),
        X(parse("SELEC"), query("SELECT 'discarded'"), query("CREATE TABLE never (i int)"), FLUSH, SYNC),
        X(query("SELECT to_regclass('never')")),
        X(pbe("SELECT 1/$1::int", 0), function_call(1598), close("S", "x"), SYNC, SYNC),
    ],
    "query_between_extended": [
        X(pbe("SELECT 1"), query("SELECT 2"), pbe("SELECT 3"), SYNC),
        X(parse("SELECT 5"), query("SELECT 6"), bind(), execute(), SYNC),  # the query drops the unnamed statement
        X(parse("SELECT 7", "kept"), query("SELECT 8"), bind("", "kept"), execute(), SYNC),
        X(query("BEGIN"), parse("SELECT 1"), bind("p"), query("SELECT 9"), execute("p"), SYNC, query("ROLLBACK")),
        X(close("S", "kept"), SYNC),
    ],
    "flush": [
        X(parse("SELECT $1::int"), describe("S"), FLUSH, Wait("TnE"), bind("", "", (4,)), execute(), FLUSH, Wait("CE"), SYNC),
        X(pbe("SELECT 1"), FLUSH, Wait("CE"), pbe("SELECT 2"), FLUSH, Wait("CE"), SYNC),
        X(parse("SELECT 1"), FLUSH, Wait("1E"), bind(), FLUSH, Wait("2E"), describe("P"), FLUSH, Wait("TnE"), execute(), FLUSH, Wait("CE"), SYNC),
        X(parse("SELEC"), FLUSH, Wait("E"), pbe("SELECT 1"), FLUSH, SYNC),
        X(FLUSH, FLUSH, query("SELECT 1"), FLUSH),
        X(pbe("SELECT 1"), describe("P"), FLUSH, Wait("TnE"), SYNC),
    ],
    "flush_then_error_then_work": [
        X(pbe("SELECT 1/$1::int", 0), FLUSH, Wait("E"), pbe("SELECT 1"), SYNC, pbdes("SELECT 2")),
    ],
    "portals_with_row_limits": [
        X(parse("SELECT generate_series(1, 10)"), bind(), execute("", 3), execute("", 3), execute("", 3), execute("", 3), SYNC),
        X(parse("SELECT generate_series(1, 4)"), bind(), execute("", 4), execute("", 4), SYNC),
        X(parse("SELECT generate_series(1, 10)"), bind(), execute("", 3), SYNC, execute("", 3), SYNC),
        X(query("BEGIN"), parse("SELECT generate_series(1, 10)"), bind("c"), execute("c", 3), SYNC),
        X(execute("c", 3), SYNC, describe("P", "c"), SYNC),
        X(execute("c", 0), execute("c", 0), close("P", "c"), SYNC),
        X(execute("c", 1), SYNC, query("ROLLBACK")),
        X(query("BEGIN"), parse("INSERT INTO d VALUES (9003, 'p') RETURNING i"), bind(), execute("", 1), SYNC, query("ROLLBACK")),
        X(query("BEGIN"), parse("SELECT 1"), bind("q"), SYNC, query("COMMIT"), execute("q"), SYNC),
    ],
    "portal_interleaved_with_queries": [
        X(query("BEGIN"), parse("SELECT i FROM d WHERE i <= 10 ORDER BY i", "rows"), bind("c1", "rows"), bind("c2", "rows"), SYNC),
        X(execute("c1", 2), execute("c2", 3), execute("c1", 2), SYNC, query("SELECT 'between'"), execute("c2", 2), SYNC),
        X(bind("c1", "rows"), SYNC),  # 42P03: it exists
        X(query("ROLLBACK"), close("S", "rows"), SYNC),
    ],
    "describe_and_close_of_what_is_not": [
        X(describe("S", "nowhere"), SYNC),
        X(describe("P", "nowhere"), pbe("SELECT 1"), SYNC),
        X(close("S", "nowhere"), close("P", "nowhere"), close("S"), close("P"), SYNC),
        X(execute("nowhere"), SYNC),
        X(bind("", "nowhere"), execute(), SYNC),
        X(bind("", ""), SYNC),
        X(describe("S"), SYNC),
        X(query("BEGIN"), describe("S", "nowhere"), SYNC, query("SELECT 1"), query("ROLLBACK")),
    ],
    "transactions": [
        X(query("BEGIN"), query("SELECT 1"), query("SELECT 1/0"), query("SELECT 2"), query("ROLLBACK")),
        X(query("BEGIN"), query("SAVEPOINT a"), query("SELECT 1/0"), query("ROLLBACK TO a"), query("SELECT 1"), query("COMMIT")),
        X(query("BEGIN"), query("SELECT 1/0"), query("COMMIT")),
        X(query("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"), query("SHOW transaction_isolation"), query("COMMIT AND CHAIN")),
        X(query("SHOW transaction_isolation"), query("SHOW transaction_read_only"), query("ROLLBACK AND CHAIN")),
        X(query("SHOW transaction_isolation"), query("COMMIT")),
        X(query("COMMIT"), query("ROLLBACK"), query("BEGIN"), query("BEGIN"), query("COMMIT")),  # warnings
        X(pbdes("BEGIN"), pbdes("SELECT 1"), pbdes("SELECT 1/$1::int", 0), pbdes("COMMIT")),
        X(parse("BEGIN", "b"), describe("S", "b"), bind("", "b"), execute(), SYNC, query("COMMIT")),
        X(bind("", "b"), execute(), SYNC, query("SELECT 1"), query("END"), close("S", "b"), SYNC),
        X(query("START TRANSACTION READ ONLY"), query("INSERT INTO d VALUES (9004)"), query("ABORT")),
        X(query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"), query("SHOW transaction_isolation")),
        X(query("SAVEPOINT outside")),
    ],
    "transaction_across_exchanges": [
        X(query("BEGIN")), X(query("INSERT INTO d VALUES (9005, 'across')")), X(SYNC), X(pbdes("SELECT t FROM d WHERE i = $1::int", 9005)),
        X(query("ROLLBACK")), X(query("SELECT count(*) FROM d WHERE i = 9005")),
    ],
    "two_phase_commit": [
        # The identifier is the whole cluster's, so each side must be done with it within its exchange.
        X(
            query("BEGIN"), query("INSERT INTO d VALUES (9006, '2pc')"), query("PREPARE TRANSACTION 'differential'"),
            query("SELECT count(*) FROM d WHERE i = 9006"), query("ROLLBACK PREPARED 'differential'"),
        ),
        X(query("SELECT count(*) FROM d WHERE i = 9006"), query("ROLLBACK PREPARED 'nothing'")),
    ],
    "implicit_transaction_of_a_pipeline": [
        X(pbe("INSERT INTO d VALUES (9007, 'i')"), pbe("INSERT INTO d VALUES (9007, 'i')"), SYNC, query("SELECT count(*) FROM d WHERE i = 9007")),
        X(pbe("BEGIN"), pbe("SELECT 1"), SYNC, pbe("SELECT 2"), pbe("COMMIT"), SYNC),
        X(pbe("BEGIN"), pbe("SELECT 1/$1::int", 0), SYNC, pbe("SELECT 2"), SYNC, pbe("ROLLBACK"), SYNC),
        X(pbe("VACUUM d"), SYNC, pbe("SELECT 1"), pbe("VACUUM d"), SYNC),
    ],
    "function_call": [
        X(function_call(1598)),  # random(): the result differs, so only its shape is asked for below
        X(function_call(177, struct.pack("!i", 20), struct.pack("!i", 22))),  # int4pl
        X(function_call(177, b"20", b"22", formats=(0,), result=0)),
        X(function_call(154, struct.pack("!i", 1), struct.pack("!i", 0))),  # int4div by zero
        X(function_call(177, None, struct.pack("!i", 1))),
        X(function_call(99999999)),
        X(query("BEGIN"), function_call(154, struct.pack("!i", 1), struct.pack("!i", 0)), function_call(177, b"1", b"2", formats=(0,), result=0), query("ROLLBACK")),
        X(pbe("SELECT 1"), function_call(177, b"1", b"2", formats=(0,), result=0), pbe("SELECT 2"), SYNC),
    ][1:],
    "notices": [
        X(query(RAISE.format("NOTICE", "a")), query(RAISE.format("WARNING", "b")), query("SELECT 1")),
        X(*(pbdes(RAISE.format("NOTICE", str(i))) for i in range(5))),
        X(query("DROP TABLE IF EXISTS not_there"), query("SET LOCAL work_mem = '1MB'")),
        X(query("DO $$ BEGIN FOR i IN 1..300 LOOP RAISE NOTICE 'n % %', i, repeat('x', 100); END LOOP; END $$")),
    ],
    "error_fields": [
        X(query("DO $$ BEGIN RAISE EXCEPTION 'm' USING ERRCODE = 'HG001', DETAIL = 'd', HINT = 'h', COLUMN = 'c', TABLE = 't', SCHEMA = 's', CONSTRAINT = 'k', DATATYPE = 'y'; END $$")),
        X(query("INSERT INTO d VALUES (1, 'there is one already')")),
        X(query("SELECT * FROM d WHERE")),
    ],
    "big_messages": [
        X(query("SELECT length('" + "x" * 100_000 + "')")),
        X(query("SELECT repeat('y', 300000)"), query("SELECT 1")),
        X(parse("SELECT length($1::text), $1::text") + bind("", "", ("z" * 200_000,)) + describe("P") + execute() + SYNC),
        X(query("SELECT repeat('w', 1000) FROM generate_series(1, 500)")),
        X(*(parse("SELECT length($1::text)") + bind("", "", ("q" * size,)) + execute() + SYNC for size in (1, 4000, 4096, 8191, 8192, 16384, 32768, 65536, 70000))),
        X(query("SELECT 1 /* " + "c" * 20_000 + " */"), query("SELECT 1/0 /* " + "c" * 20_000 + " */")),
    ],
    "column_shapes": [
        X(query("SELECT"), pbdes("SELECT"), query("SELECT FROM generate_series(1, 3)")),
        X(query("SELECT " + ", ".join(f"{i} AS c{i}" for i in range(300)))),
        X(parse("SELECT $1::int, $2::text, $3") + describe("S") + SYNC),
        X(parse("SELECT $1, $2", types=(23, 25)) + describe("S") + bind("", "", (1, "a"), results=(1, 0)) + describe("P") + execute() + SYNC),
        X(parse("SELECT 1::int, 2::int8") + bind(results=(1,)) + execute() + SYNC),
        X(parse("SELECT $1::int") + bind("", "", (struct.pack("!i", 77),), formats=(1,), results=(1,)) + execute() + SYNC),
        X(parse("SELECT 1, 2, 3") + bind(results=(1, 0)) + SYNC),  # wrong count of formats
        X(parse("SELECT $1::int") + bind("", "", (1, 2)) + SYNC),  # wrong count of parameters
        X(parse("SELECT $1::int") + bind("", "", ("nan",)) + execute() + SYNC),
    ],
    "malformed_but_survivable": [
        X(message("D", b"Xnonsense\0"), SYNC),
        X(message("C", b"X\0"), SYNC),
        X(query(b"SELECT '\xff\xfe'")),
    ],
    "malformed_bind": [M(message("B", text("") + text("")), SYNC)],
    "malformed_parse": [M(message("P", text("") + text("SELECT 1") + struct.pack("!H", 3)), SYNC)],
    "malformed_query": [M(message("Q", b"SELECT 1\0garbage\0"))],
    "malformed_query_end": [M(message("Q", b"SELECT 1"))],
    "malformed_execute": [M(message("E", b"\0"), SYNC)],
    "malformed_sync": [M(message("S", b"junk"))],
    "malformed_flush": [M(message("H", b"junk"), SYNC, query("SELECT 1"))],
    "discard_in_all_forms": [
        X(parse("SELECT 1", "mine"), SYNC, query("DISCARD PLANS"), bind("", "mine"), execute(), SYNC),
        X(query("DISCARD ALL"), bind("", "mine"), execute(), SYNC),
        X(query("BEGIN"), query("DISCARD ALL"), query("ROLLBACK")),
        X(query("DISCARD SEQUENCES"), query("DISCARD TEMP")),
    ],
    "explain_and_utility": [
        X(query("EXPLAIN (COSTS OFF) SELECT 1"), pbdes("SHOW search_path"), query("CREATE TABLE u (i int)"), query("DROP TABLE u")),
        X(parse("SHOW server_version") + describe("S") + bind() + execute("", 1) + SYNC),
        X(query("CHECKPOINT"), query("LOAD 'nothing'"), query("VACUUM d"), query("ANALYZE d")),
    ],
    "terminate": [X(query("SELECT 1"), TERMINATE, fatal=True)],
    "terminate_with_replies_pending": [X(pbdes("SELECT 1"), query("SELECT 2"), TERMINATE, fatal=True)],
    "terminate_in_a_transaction": [X(query("BEGIN"), query("INSERT INTO d VALUES (9100)"), TERMINATE, fatal=True)],
    "unknown_message_type": [X(message("z", b"abc"), fatal=True)],
    "length_too_small": [X(b"Q\0\0\0\2", fatal=True)],
    "length_negative": [X(b"Q\xff\xff\xff\xff", fatal=True)],
    "password_after_login": [X(message("p", text("secret")), fatal=True)],
}  # fmt: skip
