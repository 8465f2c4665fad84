"""Prepared statements in every form: 4.4 of the checklist."""

from __future__ import annotations

from support.wire import FLUSH, SYNC, bind, close, describe, execute, parse, query

from .scripts_flow import X, pbdes


def use(name: str, *values) -> bytes:
    return bind("", name, values) + describe("P") + execute() + SYNC


SCRIPTS = {
    "named_statement": [
        X(parse("SELECT $1::int + 1", "s1"), describe("S", "s1"), SYNC),
        X(use("s1", 1), use("s1", 2)),
        X(close("S", "s1"), SYNC, use("s1", 3)),
    ],
    "named_statement_twice": [
        X(parse("SELECT 1", "s"), SYNC, parse("SELECT 2", "s"), SYNC, use("s")),
        X(parse("SELECT 1", "s"), SYNC),  # same text: an error all the same
        X(close("S", "s"), parse("SELECT 3", "s"), bind("", "s"), execute(), SYNC),
        X(parse("SELECT 4", "s"), bind("", "s"), execute(), SYNC, use("s"), close("S", "s"), SYNC),
    ],
    "parse_fails": [
        X(parse("SELECT nonsense", "bad"), SYNC, use("bad")),
        X(parse("SELECT 1", "bad"), SYNC, use("bad")),
        X(parse("SELEC", "worse"), parse("SELECT 2", "other"), SYNC, use("other"), use("worse")),
    ],
    "parse_fails_in_a_transaction": [
        X(query("BEGIN"), parse("SELECT 1", "t1"), parse("SELECT nonsense", "t2"), SYNC, query("ROLLBACK")),
        X(use("t1")),  # statements outlive a rollback
        X(use("t2")),
    ],
    "statement_survives_rollback": [
        X(query("BEGIN"), parse("SELECT 'kept'", "k"), SYNC, query("ROLLBACK"), use("k")),
        X(query("BEGIN"), close("S", "k"), SYNC, query("ROLLBACK"), use("k")),
    ],
    "bind_fails_then_works": [
        X(parse("SELECT $1::int", "n"), SYNC, use("n", "x"), use("n", "5"), use("n")),
        X(use("n", 1, 2), use("n", 6)),
    ],
    "unnamed_statement": [
        X(parse("SELECT $1::int"), SYNC, bind("", "", (1,)), execute(), SYNC, bind("", "", (2,)), execute(), SYNC),
        X(parse("SELECT $1::int, $2::int, $3::int"), SYNC),
        X(bind("", "", (1, 2, 3)), execute(), SYNC),  # the two empty queries in between have dropped it
        X(parse("SELECT 1"), SYNC, parse("SELEC"), SYNC, bind(), execute(), SYNC),
        X(parse("SELECT 1"), close("S"), bind(), execute(), SYNC),
    ],
    "same_text_other_types": [
        X(parse("SELECT $1", "a", (23,)), parse("SELECT $1", "b", (25,)), parse("SELECT $1", "c"), SYNC),
        X(describe("S", "a"), describe("S", "b"), describe("S", "c"), SYNC),
        X(use("a", "1"), use("b", "1"), use("c", "1")),
    ],
    "result_formats_per_bind": [
        X(parse("SELECT 1::int", "f"), SYNC),
        X(bind("", "f", results=(1,)), execute(), SYNC, bind("", "f"), execute(), SYNC),
    ],
    "close_portal_is_not_close_statement": [
        X(query("BEGIN"), parse("SELECT 1", "x"), bind("x", "x"), close("P", "x"), bind("x", "x"), execute("x"), SYNC),
        X(close("P", "x"), SYNC, use("x"), query("COMMIT"), close("S", "x"), SYNC),
    ],
    "long_names": [
        X(parse("SELECT 1", "n" * 100), SYNC, use("n" * 100)),
        X(parse("SELECT 2", "m" * 9000), SYNC, use("m" * 9000), close("S", "m" * 9000), SYNC, use("m" * 9000)),
        X(parse("SELECT 3", 'odd "name" \' ü'), SYNC, use('odd "name" \' ü')),
    ],
    "long_texts": [
        X(*(parse(f"SELECT {n} /*" + "x" * n + "*/", f"long{n}") + SYNC for n in (2000, 4096, 8192, 16385, 70000))),
        X(*(use(f"long{n}") for n in (2000, 4096, 8192, 16385, 70000))),
    ],
    "many_statements": [
        X(*(parse(f"SELECT {n}::int, $1::text", f"many{n}") + SYNC for n in range(300))),
        X(*(use(f"many{n}", n) for n in range(0, 300, 7))),
        X(*(use(f"many{n}", n) for n in range(299, 0, -11))),
        X(*(close("S", f"many{n}") for n in range(300)), SYNC, use("many5", 1)),
    ],
    "many_statements_one_pipeline": [
        X(*(parse(f"SELECT {n}", f"pipe{n}") + bind("", f"pipe{n}") + execute() for n in range(250)), SYNC),
        X(*(bind("", f"pipe{n}") + execute() for n in range(250)), SYNC),
        X(*(bind("", f"pipe{n}") + execute() for n in range(125)), bind("", "absent"), execute(), *(bind("", f"pipe{n}") + execute() for n in range(125, 250)), SYNC),
        X(*(bind("", f"pipe{n}") + execute() for n in range(250)), SYNC),
    ],
    "flush_between": [
        X(parse("SELECT $1::int", "fl"), FLUSH, bind("", "fl", (1,)), FLUSH, execute(), FLUSH, SYNC),
        X(describe("S", "fl"), FLUSH, bind("", "fl", (2,)), execute(), SYNC),
    ],
    "sql_prepare": [
        X(query("PREPARE p1 (int) AS SELECT $1 + 1"), query("EXECUTE p1 (1)"), query("EXECUTE p1(41)")),
        X(query("EXECUTE p1 (2)"), query("PREPARE p1 AS SELECT 2"), query("DEALLOCATE p1"), query("EXECUTE p1 (3)")),
        X(query('PREPARE "Odd ""name" AS SELECT 1'), query('EXECUTE "Odd ""name"'), query('DEALLOCATE PREPARE "Odd ""name"')),
        X(query("/* first */ PREPARE p2 AS SELECT 5 -- then"), query("-- c\nEXECUTE p2"), query("DEALLOCATE ALL"), query("EXECUTE p2")),
        X(query("DEALLOCATE nowhere"), query("EXECUTE nowhere"), query("PREPARE p3 AS SELEC")),
        X(query("PREPARE P4 AS SELECT 4"), query("EXECUTE p4"), query("EXECUTE P4"), query('EXECUTE "P4"')),
    ],
    "sql_prepare_in_extended": [
        X(pbdes("PREPARE e1 AS SELECT 11"), pbdes("EXECUTE e1"), pbdes("DEALLOCATE e1"), pbdes("EXECUTE e1")),
        X(pbdes("PREPARE e2 (text) AS SELECT $1 || '!'"), pbdes("EXECUTE e2 ('hey')"), pbdes("DEALLOCATE ALL")),
        X(pbdes("EXECUTE e2 ('hey')")),
    ],
    "sql_and_protocol_share_names": [
        X(query("PREPARE both AS SELECT 21"), bind("", "both"), describe("P"), execute(), SYNC),
        X(parse("SELECT 22", "proto"), SYNC, query("EXECUTE proto"), query("DEALLOCATE proto"), use("proto")),
        X(parse("SELECT 23", "both"), SYNC, query("DEALLOCATE ALL"), use("both")),
    ],
    "sql_prepare_in_transactions": [
        X(query("BEGIN"), query("PREPARE tp AS SELECT 31"), query("ROLLBACK"), query("EXECUTE tp")),
        X(query("BEGIN"), query("SELECT 1/0"), query("EXECUTE tp"), query("DEALLOCATE tp"), query("PREPARE tq AS SELECT 1"), query("ROLLBACK")),
        X(query("EXECUTE tp"), query("EXECUTE tq"), query("DEALLOCATE ALL")),
        X(query("PREPARE multi AS SELECT 1; EXECUTE multi; DEALLOCATE multi"), query("EXECUTE multi")),
        X(query("PREPARE m2 AS SELECT 7; SELECT 1/0"), query("EXECUTE m2")),
    ],
    "deallocate_all_by_protocol": [
        X(parse("SELECT 1", "d1"), parse("SELECT 2", "d2"), SYNC, parse("DEALLOCATE ALL", "d3"), bind("", "d3"), execute(), SYNC),
        X(use("d1"), use("d2"), use("d3")),
        X(parse("SELECT 3", "d1"), SYNC, pbdes("DEALLOCATE d1"), use("d1"), query('DEALLOCATE "d1"')),
    ],
    "discard_all": [
        X(parse("SELECT 1", "dd"), SYNC, query("PREPARE ds AS SELECT 2"), query("DISCARD ALL"), use("dd"), query("EXECUTE ds")),
        X(parse("SELECT 3", "dd"), SYNC, pbdes("DISCARD ALL"), use("dd")),
    ],
    "execute_in_create_table_and_explain": [
        X(query("PREPARE src AS SELECT 5 AS five"), query("CREATE TABLE from_execute AS EXECUTE src"), query("SELECT * FROM from_execute")),
        X(query("EXPLAIN (COSTS OFF) EXECUTE src"), query("DROP TABLE from_execute"), query("DEALLOCATE src")),
    ],
    "cached_plan_in_transaction": [
        X(query("DROP TABLE IF EXISTS plan_t"), query("CREATE TABLE plan_t (a int)"), parse("SELECT * FROM plan_t", "plan"), SYNC, use("plan")),
        X(query("BEGIN"), query("ALTER TABLE plan_t ADD b int"), use("plan"), query("ROLLBACK"), use("plan")),
    ],
    "statement_of_a_dropped_table": [
        X(query("DROP TABLE IF EXISTS gone"), query("CREATE TABLE gone (a int)"), parse("SELECT a FROM gone", "g"), SYNC, use("g")),
        X(query("DROP TABLE gone"), use("g"), query("SELECT 1"), use("g")),
        X(query("CREATE TABLE gone (a int)"), use("g"), query("DROP TABLE gone"), close("S", "g"), SYNC),
    ],
    "dropped_table_in_a_pipeline": [
        X(query("DROP TABLE IF EXISTS gone2"), query("CREATE TABLE gone2 (a int)"), parse("SELECT a FROM gone2", "g2"), parse("SELECT 1", "ok"), SYNC),
        X(query("DROP TABLE gone2")),
        X(bind("", "ok"), execute(), bind("", "g2"), execute(), bind("", "ok"), execute(), SYNC, use("ok")),
    ],
    "same_statement_under_another_search_path": [
        X(query("CREATE SCHEMA IF NOT EXISTS sp1; CREATE SCHEMA IF NOT EXISTS sp2; DROP TABLE IF EXISTS sp1.t, sp2.t; CREATE TABLE sp1.t AS SELECT 1 AS v; CREATE TABLE sp2.t AS SELECT 2 AS v")),
        X(query("SET search_path = sp1"), parse("SELECT v FROM t", "spt"), SYNC, use("spt")),
        X(query("SET search_path = sp2"), use("spt"), pbdes("SELECT v FROM t")),
        X(query("RESET search_path"), use("spt"), close("S", "spt"), SYNC),
    ],
}  # fmt: skip
