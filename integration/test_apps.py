"""`[[app]]`: which connections belong to an application, and that each limit holds for all threads together."""

from __future__ import annotations

from contextlib import ExitStack

import psycopg
import pytest

from support.pooler import ADMIN_PASSWORD, ADMIN_USER, Options
from support.processes import wait_until
from support.secure import Certificates
from support.wire import LoginFailed

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]


def apps(pooler) -> dict[str, dict]:
    return {row["name"]: row for row in pooler.console("SHOW APPS")}


def test_a_connection_belongs_to_the_first_app_that_fits(own_pooler):
    pooler = own_pooler(
        apps=[
            {"name": "one", "match": {"user": "app", "application_name": "one-*"}},
            {"name": "here", "match": {"user": "app", "database": "other", "source": ["127.0.0.0/8"]}},
            {"name": "away", "match": {"source": ["10.0.0.0/8"]}},
            {"name": "two", "match": {"application_name": ["?wo", "one-*"]}},
        ]
    )
    with ExitStack() as stack:
        def client(**how):
            return stack.enter_context(pooler.wire(**how))

        client(application_name="one-1")
        client(application_name="one-1", user="bob")
        client(application_name="two")
        client(application_name="twoo")
        client(dbname="other", application_name="two")
        used = {name: row["clients"] for name, row in apps(pooler).items()}
        assert used == {"one": 1, "here": 1, "away": 0, "two": 2, "default": 1}
        assert list(used) == ["one", "here", "away", "two", "default"], "in the order they are tried"
        shown = sorted((row["app"], row["user"]) for row in pooler.console("SHOW CLIENTS") if row["database"] != "pgbouncer")
        assert shown == [("default", "app"), ("here", "app"), ("one", "app"), ("two", "app"), ("two", "bob")]
    wait_until(lambda: all(row["clients"] == 0 for row in apps(pooler).values()), 5)


def test_the_name_given_at_login_counts(own_pooler):
    """`application_name_add_host` changes what servers see; a later SET changes nothing."""
    pooler = own_pooler(
        general={"application_name_add_host": True}, apps=[{"name": "psql", "match": {"application_name": "psql"}}]
    )
    with pooler.wire(application_name="psql") as one, pooler.wire(application_name="other") as other:
        one.query("SET application_name = 'other'")
        other.query("SET application_name = 'psql'")
        assert apps(pooler)["psql"]["clients"] == 1


def test_max_client_connections(own_pooler):
    pooler = own_pooler(
        apps=[{"name": "small", "match": {"user": "app"}, "max_client_connections": 3}], threads=2
    )
    clients = [pooler.wire() for _ in range(3)]
    for _ in range(5):
        with pytest.raises(LoginFailed) as error:
            pooler.wire()
        assert error.value.code == "53300"
        text = str(error.value.fields)
        assert "max_client_connections" in text and '"small"' in text and "3" in text, text
    assert apps(pooler)["small"]["refused"] == 5
    pooler.wire("bob").close()
    clients.pop().close()
    wait_until(lambda: apps(pooler)["small"]["clients"] == 2, 5)
    clients.append(pooler.wire())
    for client in clients:
        assert client.value("SELECT 1") == "1"
        client.close()


def test_a_limit_changes_while_clients_are_there(own_pooler):
    options = Options(apps=[{"name": "small", "match": {"user": "app"}, "max_client_connections": 1}])
    pooler = own_pooler(options)
    with pooler.wire() as first:
        with pytest.raises(LoginFailed):
            pooler.wire()
        pooler.reload(options.with_(apps=[{**options.apps[0], "max_client_connections": 2}]))
        with pooler.wire() as second:
            pooler.reload(options)
            assert first.value("SELECT 1") == second.value("SELECT 1") == "1", "who is there stays"
            with pytest.raises(LoginFailed):
                pooler.wire()
            assert apps(pooler)["small"] == {**apps(pooler)["small"], "clients": 2, "max_client_connections": 1}


def test_a_changed_match_moves_those_who_are_there(own_pooler):
    options = Options(apps=[{"name": "a", "match": {"application_name": "a-*"}}])
    pooler = own_pooler(options)
    with pooler.wire(application_name="a-1"), pooler.wire(application_name="b-1"):
        assert {n: r["clients"] for n, r in apps(pooler).items()} == {"a": 1, "default": 1}
        pooler.reload(options.with_(apps=[{"name": "b", "match": {"application_name": "?-*"}, "max_client_connections": 1}]))
        assert {n: r["clients"] for n, r in apps(pooler).items()} == {"b": 2, "default": 0}


def test_certificates_tell_apps_apart(own_pooler, tmp_path):
    certificates = Certificates.make(tmp_path)
    pooler = own_pooler(
        listen=certificates.listen("verify-ca"),
        apps=[{"name": "other", "match": {"certificate": "O=*"}}, {"name": "shown", "match": {"certificate": "CN=a*"}}],
    )
    how = {
        "sslmode": "verify-full", "sslrootcert": str(certificates.authority.certificate),
        "sslcert": str(certificates.app.certificate), "sslkey": str(certificates.app.key),
    }  # fmt: skip
    with pooler.connect(**how) as c:
        assert c.execute("SELECT 1").fetchone() == (1,)
        how |= {"password": ADMIN_PASSWORD, "cursor_factory": psycopg.ClientCursor}
        with pooler.connect(ADMIN_USER, "pgbouncer", **how) as console:
            found = {row[0]: row[1] for row in console.execute("SHOW APPS").fetchall()}
    assert found == {"other": 0, "shown": 1, "default": 0}
