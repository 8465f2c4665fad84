"""All hand-written conversations, and the tables they find."""

from __future__ import annotations

from support.postgres import PostgresServer

from . import scripts_copy, scripts_flow, scripts_prepared, scripts_session
from .pair import DIRECT_DATABASE, POOLED_DATABASE

SCRIPTS = {
    **scripts_flow.SCRIPTS,
    **scripts_prepared.SCRIPTS,
    **scripts_copy.SCRIPTS,
    **scripts_session.SCRIPTS,
}

#: What PgBouncer 1.18 is known to do otherwise (the reasons are in docs/design/protocol-traps.md).
PGBOUNCER_DIFFERS = {
    *scripts_copy.SCRIPTS,
    *("set_local", "bad_set", "unknown_message_type", "password_after_login"),
}


def prepare(server: PostgresServer) -> None:
    """Two databases, made alike to the last object id."""
    server.query("GRANT bob TO app", dbname="postgres")
    for name in (DIRECT_DATABASE, POOLED_DATABASE):
        server.query(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", dbname="postgres")
    server.query(f"CREATE DATABASE {DIRECT_DATABASE} OWNER app", dbname="postgres")
    with server.admin(DIRECT_DATABASE) as c:
        c.execute("GRANT ALL ON SCHEMA public TO PUBLIC")
        c.execute("SET ROLE app")
        c.execute("CREATE TABLE d (i int PRIMARY KEY, t text)")
        c.execute("INSERT INTO d SELECT n, 'row ' || n FROM generate_series(1, 100) n")
        c.execute("CREATE TABLE c (i int, t text)")
    server.query(f"CREATE DATABASE {POOLED_DATABASE} OWNER app TEMPLATE {DIRECT_DATABASE}", dbname="postgres")
    with server.admin(POOLED_DATABASE) as c:
        c.execute("GRANT ALL ON SCHEMA public TO PUBLIC")
