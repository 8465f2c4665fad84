"""Session state: SET in its forms, and what a transaction takes back. 4.6 of the checklist."""

from __future__ import annotations

from support.wire import query

from .scripts_flow import X, pbdes


def shows(*names: str) -> bytes:
    return b"".join(query(f"SHOW {name}") for name in names)


SCRIPTS = {
    "set_and_show": [
        X(query("SET work_mem = '7MB'")), X(shows("work_mem")),
        X(query("SET work_mem TO DEFAULT"), shows("work_mem"), query("SET work_mem = '9MB'"), query("RESET work_mem")),
        X(shows("work_mem")),
    ],
    "set_reported": [
        X(query("SET DateStyle = 'German'"), query("SELECT DATE '2026-01-31'")),
        X(query("SELECT DATE '2026-01-31'"), query("SET TIME ZONE 'Europe/Berlin'")),
        X(shows("TimeZone"), query("SET application_name = 'mine'"), query("SET IntervalStyle = 'iso_8601'")),
        X(shows("application_name", "IntervalStyle", "DateStyle"), query("RESET ALL")),
        X(shows("application_name", "IntervalStyle", "DateStyle", "TimeZone")),
    ],
    "set_client_encoding": [
        X(query("SET client_encoding = 'LATIN1'")), X(query("SELECT chr(228)")),
        X(query("SET NAMES 'UTF8'"), query("SELECT chr(228)")),
    ],
    "set_rolled_back": [
        X(query("BEGIN"), query("SET work_mem = '8MB'"), shows("work_mem"), query("ROLLBACK")), X(shows("work_mem")),
        X(query("BEGIN"), query("SET DateStyle = 'SQL'"), query("SELECT 1/0"), query("COMMIT")), X(shows("DateStyle")),
    ],
    "set_and_savepoints": [
        X(query("BEGIN"), query("SET work_mem = '3MB'"), query("SAVEPOINT a"), query("SET work_mem = '4MB'"), query("ROLLBACK TO a"), query("COMMIT")),
        X(shows("work_mem")),
        X(query("BEGIN"), query("SAVEPOINT a"), query("SET work_mem = '5MB'"), query("RELEASE a"), query("COMMIT")),
        X(shows("work_mem")),
        X(query("BEGIN"), query("SAVEPOINT a"), query("SET work_mem = '6MB'"), query("SELECT 1/0"), query("ROLLBACK TO a"), shows("work_mem"), query("COMMIT")),
        X(shows("work_mem")),
    ],
    "set_local": [
        X(query("BEGIN"), query("SET LOCAL work_mem = '5MB'"), shows("work_mem"), query("COMMIT")), X(shows("work_mem")),
        X(query("BEGIN"), query("SET work_mem = '6MB'"), query("SET LOCAL work_mem = '5MB'"), query("COMMIT")),
        X(shows("work_mem")),
        X(query("SET LOCAL work_mem = '2MB'")), X(shows("work_mem")),
    ],
    "set_config": [
        X(query("SELECT set_config('work_mem', '11MB', false)")), X(shows("work_mem")),
        X(pbdes("SELECT set_config('work_mem', $1, false)", "12MB")), X(shows("work_mem")),
        X(query("BEGIN"), query("SELECT 1, set_config('work_mem', '13MB', false)"), query("ROLLBACK")), X(shows("work_mem")),
        X(query("BEGIN"), query("SELECT set_config('work_mem', '14MB', true)"), shows("work_mem"), query("COMMIT")), X(shows("work_mem")),
        X(query("SELECT set_config('my.own', 'v', false)")), X(query("SELECT current_setting('my.own')")),
    ],
    "set_in_a_multi_statement": [
        X(query("SET work_mem = '15MB'; SELECT 1")), X(shows("work_mem")),
        X(query("SET work_mem = '16MB'; SELECT 1/0")), X(shows("work_mem")),
        X(query("BEGIN; SET work_mem = '17MB'; COMMIT; SELECT 1/0")), X(shows("work_mem")),
    ],
    "bad_set": [
        X(query("SET work_mem = 'nonsense'"), query("SET nonsense = 1"), query("SET work_mem = '-1'")),
        X(shows("work_mem"), query("SELECT 1")),
        X(query("SET server_version = '1'"), query("SET max_connections = 5"), query("RESET nonsense")),
    ],
    "set_custom_and_quoted": [
        X(query("SET my.thing = 'it''s \"q\" \\ ü'")), X(shows("my.thing")),
        X(query("SET \"my\".\"Other\" = E'tab\\t'")), X(query("SELECT current_setting('my.other')")),
        X(query("SET search_path = \"$user\", 'odd \"schema', public")), X(shows("search_path")),
        X(query("SET search_path TO ''")), X(shows("search_path"), query("SELECT * FROM d WHERE false")),
        X(query("/* c */ SET -- d\n work_mem /* e */ = 19MB")), X(query("SET work_mem = 19456"), shows("work_mem")),
        X(query("RESET ALL")), X(query("SELECT current_setting('my.thing', true)")),
    ],
    "set_extended": [
        X(pbdes("SET work_mem = '21MB'"), pbdes("SHOW work_mem")), X(shows("work_mem")),
        X(pbdes("BEGIN"), pbdes("SET work_mem = '22MB'"), pbdes("ROLLBACK")), X(shows("work_mem")),
        X(pbdes("SELECT 1/$1::int", 0), pbdes("SET work_mem = '23MB'")), X(shows("work_mem"), pbdes("RESET work_mem")),
        X(shows("work_mem")),
    ],
    "set_transaction_is_not_a_session_setting": [
        X(query("BEGIN"), query("SET TRANSACTION READ ONLY"), query("COMMIT")), X(shows("transaction_read_only")),
        X(query("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")), X(shows("default_transaction_read_only", "transaction_read_only")),
        X(query("SET default_transaction_read_only = off")), X(shows("transaction_read_only")),
    ],
    "set_session_keyword_and_time_zone": [
        X(query("SET SESSION work_mem = '31MB'"), query("SET TIME ZONE LOCAL"), query("SET TIMEZONE TO -3")),
        X(shows("work_mem", "TimeZone"), query("SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE")),
        X(shows("TimeZone"), query("RESET TIME ZONE")), X(shows("TimeZone")),
    ],
    "set_role": [
        X(query("SET ROLE bob")), X(query("SELECT current_user, session_user")), X(query("RESET ROLE")),
        X(query("SELECT current_user"), query("SET ROLE nobody_at_all")), X(query("SELECT current_user")),
        X(query("BEGIN"), query("SET LOCAL ROLE bob"), query("SELECT current_user"), query("COMMIT")), X(query("SELECT current_user")),
        X(query("BEGIN"), query("SET ROLE bob"), query("ROLLBACK")), X(query("SELECT current_user")),
        X(query("SET ROLE bob"), query("DISCARD ALL")), X(query("SELECT current_user")),
    ],
    "discard_all_resets": [
        X(query("SET work_mem = '41MB'"), query("SET DateStyle = 'SQL'")), X(query("DISCARD ALL")), X(shows("work_mem", "DateStyle")),
    ],
    "sequences": [
        X(query("CREATE SEQUENCE IF NOT EXISTS seq"), query("SELECT setval('seq', 1, false)"), query("SELECT nextval('seq'), currval('seq'), lastval()")),
        X(query("DROP SEQUENCE seq")),
    ],
    "temporary_table": [
        X(query("CREATE TEMP TABLE mine (i int)")), X(query("INSERT INTO mine VALUES (1)")), X(query("SELECT * FROM mine")),
        X(query("DROP TABLE mine")), X(query("SELECT * FROM mine")),
        X(query("CREATE TEMP TABLE x ON COMMIT DROP AS SELECT 1"), query("SELECT * FROM x")),
        X(query("SELECT 1 AS a INTO TEMP y")), X(query("SELECT * FROM y")), X(query("DISCARD TEMP")), X(query("SELECT * FROM y")),
    ],
    "hold_cursor": [
        X(query("BEGIN"), query("DECLARE hc CURSOR WITH HOLD FOR SELECT generate_series(1, 5)"), query("COMMIT")),
        X(query("FETCH 2 FROM hc")), X(query("FETCH ALL FROM hc")), X(query("CLOSE hc")), X(query("FETCH hc")),
    ],
    "cursor": [
        X(query("BEGIN"), query("DECLARE cu CURSOR FOR SELECT generate_series(1, 5)")), X(query("FETCH 2 FROM cu")),
        X(query("MOVE cu"), query("FETCH cu"), query("COMMIT")), X(query("FETCH cu")),
        X(query("DECLARE cu CURSOR FOR SELECT 1")),
    ],
    "advisory_locks": [
        X(query("SELECT pg_advisory_lock(4242), pg_try_advisory_lock(4242)")),
        X(query("SELECT pg_advisory_unlock(4242)")), X(query("SELECT pg_advisory_unlock(4242)")), X(query("SELECT pg_advisory_unlock(4242)")),
        X(query("BEGIN"), query("SELECT pg_advisory_xact_lock(4243)"), query("COMMIT")),
        X(query("SELECT pg_advisory_lock(4244)")), X(query("SELECT pg_advisory_unlock_all()")), X(query("SELECT pg_advisory_unlock(4244)")),
    ],
    "listen_self": [
        X(query("LISTEN chan"), query("NOTIFY chan, 'one'")),
        X(query("UNLISTEN chan"), query("NOTIFY chan, 'two'")),
        X(query("NOTIFY \"Odd\", 'x'"), query("LISTEN"), query("SELECT pg_notify('chan', 'y')")),
    ],
}  # fmt: skip
