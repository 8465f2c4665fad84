"""COPY: 4.5 of the checklist. Table c (i int, t text) is there and empty."""

from __future__ import annotations

from support.wire import COPY_DONE, FLUSH, SYNC, bind, copy_data, copy_fail, describe, execute, parse, query

from .scripts_flow import X, pbe

IN, OUT = "COPY c FROM STDIN", "COPY (SELECT * FROM c ORDER BY 1, 2) TO STDOUT"
COUNT = query("SELECT count(*), sum(i) FROM c")
EMPTY = query("TRUNCATE c")
ROWS = b"".join(b"%d\trow %d\n" % (i, i) for i in range(100))


def pieces(data: bytes, size: int) -> list[bytes]:
    return [copy_data(data[i : i + size]) for i in range(0, len(data), size)]


SCRIPTS = {
    "copy_in": [X(EMPTY, query(IN), copy_data(ROWS), COPY_DONE, COUNT), X(query(OUT))],
    "copy_in_one_byte_each": [X(EMPTY, query(IN), *pieces(ROWS[:300], 1), COPY_DONE, COUNT)],
    "copy_in_large": [X(EMPTY, query(IN), *pieces(ROWS * 300, 50_000), COPY_DONE, COUNT), X(query(OUT))],
    "copy_in_one_huge_message": [X(EMPTY, query(IN), copy_data(ROWS * 1000), COPY_DONE, COUNT)],
    "copy_in_end_marker": [X(EMPTY, query(IN), copy_data(b"1\ta\n\\.\n"), COPY_DONE, COUNT)],
    "copy_in_nothing": [X(EMPTY, query(IN), COPY_DONE, COUNT), X(query(IN), copy_data(b""), COPY_DONE)],
    "copy_fail": [
        X(EMPTY, query(IN), copy_data(b"1\ta\n"), copy_fail("changed my mind"), COUNT),
        X(query("BEGIN"), query(IN), copy_fail("in a transaction"), query("SELECT 1"), query("ROLLBACK")),
        X(parse(IN), bind(), execute(), copy_data(b"1\ta\n"), copy_fail("extended"), SYNC, COUNT),
    ],
    "copy_in_bad_data": [
        X(EMPTY, query(IN), copy_data(b"1\ta\nx\tb\n"), copy_data(b"2\tc\n"), copy_data(b"3\tc\n"), COPY_DONE, COUNT),
        X(query(IN), copy_data(b"only one column\n"), *pieces(ROWS * 20, 1000), COPY_DONE, COUNT),
        X(query("BEGIN"), query(IN), copy_data(b"nan\tb\n"), COPY_DONE, COUNT, query("ROLLBACK")),
    ],
    "copy_of_what_is_not": [
        X(query("COPY nowhere FROM STDIN"), copy_data(b"1\ta\n"), COPY_DONE, COUNT),
        X(query("COPY nowhere TO STDOUT"), query("SELECT 1")),
        X(parse("COPY nowhere FROM STDIN"), bind(), execute(), copy_data(b"1\ta\n"), COPY_DONE, SYNC, COUNT),
    ],
    "copy_data_outside_copy": [X(copy_data(b"1\n"), COPY_DONE, copy_fail("x"), query("SELECT 1"), COPY_DONE, SYNC)],
    "copy_in_extended": [
        X(EMPTY, parse(IN), bind(), describe("P"), execute(), copy_data(ROWS), COPY_DONE, SYNC, COUNT),
        X(pbe("SELECT 1"), parse(IN), bind(), execute(), copy_data(b"7\tx\n"), COPY_DONE, pbe("SELECT 2"), SYNC),
        X(parse(IN, "copyin"), bind("", "copyin"), execute(), copy_data(b"8\tx\n"), COPY_DONE, SYNC),
        X(bind("", "copyin"), execute(), copy_data(b"9\tx\n"), COPY_DONE, SYNC, COUNT),
    ],
    "copy_in_extended_bad_data": [
        X(EMPTY, parse(IN), bind(), execute(), copy_data(b"x\tx\n"), copy_data(b"y\ty\n"), COPY_DONE, SYNC, pbe("SELECT 3"), SYNC, COUNT),
        X(pbe("INSERT INTO c VALUES (1)"), parse(IN), bind(), execute(), copy_data(b"x\n"), COPY_DONE, pbe("SELECT 1"), SYNC, COUNT),
    ],
    "copy_in_with_flush_and_sync": [
        X(EMPTY, query(IN), copy_data(b"1\ta\n"), FLUSH, SYNC, copy_data(b"2\tb\n"), SYNC, COPY_DONE, COUNT),
        X(EMPTY, parse(IN), bind(), execute(), FLUSH, copy_data(b"3\tc\n"), SYNC, copy_data(b"4\td\n"), COPY_DONE, SYNC, COUNT),
        X(parse(IN), bind(), execute(), SYNC, copy_data(b"5\td\n"), COPY_DONE, SYNC, COUNT),
    ],
    "copy_out": [
        X(EMPTY, query(IN), copy_data(ROWS), COPY_DONE),
        X(query(OUT), query(OUT)),
        X(parse(OUT), bind(), describe("P"), execute(), SYNC, pbe("SELECT 1"), SYNC),
        X(pbe("SELECT 0"), parse(OUT), bind(), execute(), pbe("SELECT 1"), SYNC),
        X(query("COPY (SELECT 1/(50 - i) FROM generate_series(1, 100) i) TO STDOUT"), query("SELECT 1")),
        X(parse("COPY (SELECT 1/(50 - i) FROM generate_series(1, 100) i) TO STDOUT"), bind(), execute(), pbe("SELECT 1"), SYNC),
        X(query("COPY (SELECT repeat('x', 10000) FROM generate_series(1, 100)) TO STDOUT")),
    ],
    "copy_formats": [
        X(query("COPY (SELECT 1, 'a,b', NULL) TO STDOUT (FORMAT csv, HEADER)"), query("COPY (SELECT 1::int, 'x'::text) TO STDOUT (FORMAT binary)")),
        X(EMPTY, query("COPY c FROM STDIN (FORMAT csv)"), copy_data(b'1,"two\nlines"\n'), COPY_DONE, query("SELECT * FROM c")),
        X(query("COPY c (i) FROM STDIN (FORMAT binary)"), copy_data(b"not binary at all, surely"), COPY_DONE),
    ],
    "copy_among_other_statements": [
        X(query("SELECT 1; COPY (SELECT 2) TO STDOUT; SELECT 3")),
        X(EMPTY, query("SELECT 1; COPY c FROM STDIN; SELECT count(*) FROM c"), copy_data(b"1\ta\n"), COPY_DONE),
        X(EMPTY, query("COPY c FROM STDIN; COPY c FROM STDIN; SELECT count(*) FROM c"), copy_data(b"1\ta\n"), COPY_DONE, copy_data(b"2\tb\n"), COPY_DONE),
        X(query("COPY c FROM STDIN; SELECT 1/0"), copy_data(b"1\ta\n"), COPY_DONE, COUNT),
    ],
    "copy_in_a_transaction": [
        X(EMPTY, query("BEGIN"), query(IN), copy_data(b"1\ta\n"), COPY_DONE, COUNT, query("ROLLBACK"), COUNT),
        X(query("BEGIN"), query(IN), copy_data(b"1\ta\n"), COPY_DONE, query("COMMIT"), COUNT),
    ],
    "copy_in_interrupted_by_a_query": [X(query(IN), copy_data(b"1\ta\n"), query("SELECT 1"), fatal=True)],
    "copy_in_interrupted_by_a_parse": [X(query(IN), copy_data(b"1\ta\n"), parse("SELECT 1"), fatal=True)],
    "copy_in_interrupted_by_terminate": [X(query(IN), copy_data(b"1\ta\n"), b"X\0\0\0\4", fatal=True)],
}  # fmt: skip
