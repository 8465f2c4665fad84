"""MySQL: how the proxy logs in to servers, and what happens when a password is changed there."""

from __future__ import annotations

import pytest

from support.mariadb import literal
from support.mysql_pooler import mysql_options
from support.mysql_wire import WireError
from support.processes import wait_until

pytestmark = pytest.mark.requires_pooler


def test_mysql_server_login_with_ed25519(mysql_pooler):
    if mysql_pooler.family != "mariadb":
        pytest.skip("client_ed25519 is MariaDB's")
    with mysql_pooler.wire("ed") as client:
        assert client.value("SELECT CURRENT_USER()") == "ed@127.0.0.1"


def test_mysql_server_login_in_full_without_tls(own_mysql_pooler, mysql_server):
    """The server has forgotten the password's digest: it wants the password itself, under its public key."""
    if mysql_server.family != "mysql":
        pytest.skip("caching_sha2_password is MySQL's")
    pooler = own_mysql_pooler(cluster={"tls": "disable"})
    mysql_server.execute("FLUSH PRIVILEGES")
    with pooler.wire() as client:
        assert client.value("SELECT CURRENT_USER()").startswith("app@")
        assert client.query("SHOW STATUS LIKE 'Ssl_cipher'").rows[0][1] == ""
    # Now it knows the digest.
    with own_mysql_pooler(cluster={"tls": "disable"}).wire() as client:
        assert client.value("SELECT 1") == "1"


def test_mysql_password_changed_at_the_server(own_mysql_pooler, mysql_server):
    host = "127.0.0.1" if mysql_server.family == "mariadb" else "%"
    host = mysql_server.query("SELECT host FROM mysql.user WHERE user = 'bob'")[0][0] or host
    old = mysql_server.users()["bob"][0]

    def change(password: str) -> None:
        mysql_server.execute(f"ALTER USER bob@{literal(host)} IDENTIFIED BY {literal(password)}")

    options = mysql_options(mysql_server)
    pooler = own_mysql_pooler(options, default_pool_size=2)
    first, second = pooler.wire("bob"), pooler.wire("bob")
    try:
        first.query("BEGIN")
        change("another one")
        assert first.value("SELECT 1") == "1", "connections there are stay"
        with pytest.raises(WireError) as error:
            second.query("SELECT 1")
        assert error.value.code == 1045
        assert "password" in error.value.message
        pooler.options.users["bob"]["server_password"] = "another one"
        pooler.write()
        pooler.reload()

        def works() -> bool:
            try:
                with pooler.wire("bob") as client:
                    return client.value("SELECT 1") == "1"
            except (OSError, WireError):
                return False

        wait_until(works, what="new connections with the new password")
        assert first.value("SELECT 2") == "2"
        first.query("COMMIT")
    finally:
        change(old)
        first.close()
        second.close()
