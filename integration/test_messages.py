"""What users and operators read when something is wrong: it says what to do."""

import subprocess

import psycopg
import pytest

from support.pooler import ADMIN_PASSWORD, ADMIN_USER, BINARY
from support.processes import wait_until
from support.wire import LoginFailed, Wire, cancel, fields, query, types

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]


def headgate(*arguments, stdin=""):
    return subprocess.run([BINARY, *arguments], input=stdin, capture_output=True, text=True, timeout=20)


# The command line


@pytest.mark.parametrize("command", ["run", "check", "demo", "secret", "version", "help"])
def test_help_of_every_command(command):
    assert f"  {command} " in headgate("help").stdout
    for form in (["help", command], [command, "--help"], [command, "-h"]):
        found = headgate(*form)
        assert found.returncode == 0 and found.stdout.startswith(f"usage: headgate {command}"), form


@pytest.mark.parametrize(
    "arguments, said",
    [
        ([], "usage:"), (["bogus"], 'unknown command "bogus"'), (["help", "bogus"], 'unknown command "bogus"'),
        (["run", "--bogus"], 'unknown option "--bogus"'), (["run", "--config"], "needs the path of a file"),
        (["run", "a.toml", "b.toml"], "several configuration files"), (["check"], "--config FILE is missing"),
        (["secret"], "usage:"), (["secret", "bogus"], "mysql-native and caching-sha2"), (["demo", "--port-base", "x"], "--port-base"),
    ],
)  # fmt: skip
def test_wrong_usage(arguments, said):
    found = headgate(*arguments)
    assert found.returncode == 2 and said in found.stderr and not found.stdout


def test_version_and_secret():
    assert headgate("version").stdout.startswith("headgate ")
    assert headgate("secret", "scram", stdin="x\n").stdout.startswith("SCRAM-SHA-256$")
    assert headgate("secret", "scram").returncode == 1


def test_a_broken_configuration_is_not_served(tmp_path):
    file = tmp_path / "broken.toml"
    file.write_text('[[listen]]\naddress = "127.0.0.1:1"\n[databse.x]\n')
    for command in ("check", "run"):
        found = headgate(command, "--config", str(file))
        assert found.returncode == 1 and "did you mean" in found.stdout + found.stderr


# Who may log in


def refused(pooler, user, password, dbname="app"):
    with pytest.raises(LoginFailed) as error:
        Wire(pooler.host, pooler.port).login(user, password, dbname)
    return error.value.fields


def test_the_log_says_why_a_password_was_not_taken(own_pooler):
    pooler = own_pooler(users={"app": {"password": "app secret"}, "bare": {}, ADMIN_USER: {"password": ADMIN_PASSWORD}})
    answers = [refused(pooler, user, "wrong") for user in ("app", "nobody", "bare")]
    assert {(a["C"], a["M"].replace(user, "X")) for a, user in zip(answers, ("app", "nobody", "bare"))} == {
        ("28P01", 'password authentication failed for user "X"')
    }, "the client learns nothing"
    for why in ("it is not that of [user.app]", "there is no [user.nobody]", "[user.bare] has no password"):
        wait_until(lambda w=why: w in pooler.log(), 5)


def test_a_wrong_password_at_the_server_is_told_from_the_clients_own(own_pooler):
    pooler = own_pooler(
        users={"app": {"password": "right", "server_password": "wrong"}, ADMIN_USER: {"password": ADMIN_PASSWORD}}
    )
    said = refused(pooler, "app", "right")
    assert said["C"] == "28P01" and "server" in said["D"] and "server_password of [user.app]" in said["H"]
    assert "error=\"28P01: password authentication failed" in pooler.log() and "server=127.0.0.1:" in pooler.log()


def test_unknown_database(own_pooler):
    pooler = own_pooler(databases={"app": {"dbname": "app"}, "gone": {"dbname": "not_there"}})
    assert "[database.*]" in refused(pooler, "app", "app secret", "nothing")["H"]
    said = refused(pooler, "app", "app secret", "gone")
    assert said["C"] == "3D000" and "server's answer" in said["D"]


# Who waits


def test_waiting_in_vain_says_for_what(own_pooler, primary):
    pooler = own_pooler(default_pool_size=1, defaults={"query_wait_timeout": 1})
    with pooler.wire() as a, pooler.wire() as b:
        a.query("BEGIN")
        said = fields(b.query("SELECT 1")[0].body)
        assert said["C"] == "57014" and "in use" in said["D"] and "default_pool_size" in said["H"]
        a.query("COMMIT")
        pooler.console("PAUSE app")
        said = fields(b.query("SELECT 1")[0].body)
        assert "paused" in said["D"] and "RESUME" in said["H"]


def test_waiting_for_a_server_that_is_down_says_so(own_pooler):
    pooler = own_pooler(servers=["127.0.0.1:1"], defaults={"query_wait_timeout": 1})
    said = refused(pooler, "app", "app secret")
    assert "Connection refused" in said.get("D", "") + said["M"]
    assert "server=127.0.0.1:1" in pooler.log()


def test_one_client_too_many_is_told_by_every_library(own_pooler):
    """libpq asks for TLS first; what comes before the start-up packet it does not show. Cancels are heard."""
    pooler = own_pooler(general={"max_client_conn": 2})
    with pooler.wire() as a, pooler.wire() as b:
        with pytest.raises(psycopg.OperationalError, match="max_client_conn = 2"):
            psycopg.connect(**pooler.conninfo(), sslmode="prefer")
        a.send(query("SELECT pg_sleep(60)"))
        wait_until(lambda: any("pg_sleep" in s["query"] and s["state"] == "active" for s in pooler.servers()), 5)
        pid, secret = a.key
        raw = pooler.raw()
        raw.send(cancel(pid, secret))
        assert "E" in types(a.read_until("Z")), "cancelled"
        raw.close()
        assert b.value("SELECT 1") == "1"
    wait_until(lambda: _gets_in(pooler), 5)


def _gets_in(pooler):
    try:
        pooler.wire().close()
        return True
    except LoginFailed:
        return False
