"""Users that no [user.NAME] has are looked up at the server (auth_user, auth_query, auth_dbname); 4.2 of the checklist."""

from __future__ import annotations

import subprocess
import threading

import psycopg
import pytest

from support.pooler import ADMIN_PASSWORD, ADMIN_USER, BINARY, Options, make_pooler
from support.postgres import USERS, Primary
from support.processes import wait_until
from support.wire import LoginFailed

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]

ASKER = {"password": "asker secret"}
#: What a lookup saw of its own connection, a row each.
SPY = """
CREATE SCHEMA auth;
CREATE TABLE auth.seen (at timestamptz DEFAULT now(), name text, path text, app text, role text, db text);
CREATE FUNCTION auth.lookup(wanted text) RETURNS TABLE (name text, secret text) LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO auth.seen (name, path, app, role, db) VALUES (wanted, current_setting('search_path'),
        current_setting('application_name'), session_user, current_database());
    RETURN QUERY SELECT rolname::text, rolpassword FROM pg_catalog.pg_authid WHERE rolname = wanted AND rolcanlogin;
END $$;
GRANT USAGE ON SCHEMA auth TO asker;
"""
LOOKUP = "SELECT name, secret FROM auth.lookup($1)"


@pytest.fixture(scope="module")
def server():
    server = Primary().create()
    server.query("CREATE ROLE asker LOGIN PASSWORD 'asker secret'")
    server.query("CREATE ROLE superasker LOGIN SUPERUSER PASSWORD 'asker secret'")
    server.query("CREATE ROLE expired LOGIN PASSWORD 'old' VALID UNTIL '2001-01-01'")
    server.query("CREATE ROLE lasting LOGIN PASSWORD 'new' VALID UNTIL 'infinity'")
    server.query("CREATE ROLE nopassword LOGIN")
    server.query("CREATE ROLE nologin PASSWORD 'x'")
    for statement in SPY.split(";\nCREATE"):
        server.query(statement if statement.lstrip().startswith("CREATE") else "CREATE" + statement)
    server.query("GRANT USAGE ON SCHEMA auth TO asker")
    yield server
    server.remove()


@pytest.fixture
def make(server):
    made = []

    def make(query=LOOKUP, asker="asker", start=True, **changes):
        general = {"auth_user": asker, **({"auth_query": query} if query else {}), **changes.pop("general", {})}
        users = {asker: ASKER, ADMIN_USER: {"password": ADMIN_PASSWORD}, **changes.pop("users", {})}
        pooler = make_pooler(server, Options().with_(users=users, general=general, **changes))
        made.append(pooler)
        return pooler.start()

    yield make
    for pooler in made:
        log = pooler.log()
        pooler.remove()
        assert "app secret" not in log and "SCRAM-SHA-256$" not in log


def login(pooler, user="app", password=None, dbname="app", **startup) -> str | None:
    """What the login comes to: the user at the server, or code and message."""
    if password is None:
        password = USERS[user][0]
    try:
        with pooler.raw(15) as c:
            c.login(user, password, dbname, **startup)
            return c.value("SELECT current_user")
    except LoginFailed as error:
        return f"{error.code} {error.fields['M']}"


DENIED = '28P01 password authentication failed for user "{}"'


def seen(server, name=None) -> list[tuple]:
    return server.query("SELECT name, path, app, role, db FROM auth.seen WHERE %s::text IS NULL OR name = %s ORDER BY at", (name, name))


def test_auth_query_of_pgbouncer(make):
    """The query by default, as a superuser: SCRAM and MD5 secrets, both passed on to the server."""
    pooler = make(query=None, asker="superasker", auth_type="md5")
    for user in ("app", "bob", "md5user"):
        assert login(pooler, user) == user
        assert login(pooler, user, "wrong") == DENIED.format(user)
        assert login(pooler, user) == user
    assert login(pooler, "lasting", "new") == "lasting"


@pytest.mark.parametrize("user", ["expired", "nopassword", "nologin", "nobody", 'app"; DROP TABLE x; --', "a" * 70])
def test_auth_query_finds_nobody(make, user):
    """VALID UNTIL is honoured (CVE-2025-2291)."""
    pooler = make(query=None, asker="superasker")
    assert login(pooler, user, {"expired": "old", "nologin": "x"}.get(user, "guess")) == DENIED.format(user)
    if user == "expired":
        assert "found no secret" in pooler.log()


def failed_login(pooler, user, password, dbname="app"):
    with pooler.raw() as c:
        with pytest.raises(LoginFailed) as error:
            c.login(user, password, dbname)
        shape = [(m.type, len(m.body) if m.type == "R" else 0) for m in c.login_messages]
        return shape, {k: v.replace(user, "USER").replace(dbname, "DB") for k, v in error.value.fields.items()}


@pytest.mark.parametrize("auth_type", ["scram-sha-256", "md5"])
def test_auth_query_strangers_look_like_wrong_passwords(make, auth_type):
    pooler = make(auth_type=auth_type, general={"auth_dbname": "app"})
    # With md5 the request tells the kind of secret, as PostgreSQL's does.
    known = failed_login(pooler, "app" if auth_type == "scram-sha-256" else "md5user", "wrong")
    assert known == failed_login(pooler, "zzz", "wrong")
    if auth_type == "scram-sha-256":
        assert known == failed_login(pooler, "app", "wrong", "nowhere") == failed_login(pooler, "zzz", "wrong", "nowhere")
        assert login(pooler, dbname="nowhere").startswith("3D000 ")


WRONG = {
    "SELECT name, secret FROM auth.lookup($1) WHERE false": "found nobody",
    "SELECT name, secret FROM auth.lookup($1), generate_series(1, 3)": "more than one row",
    "SELECT name FROM auth.lookup($1)": "has 1 columns",
    "SELECT name, secret, 1 FROM auth.lookup($1)": "has 3 columns",
    "SELECT NULL, secret FROM auth.lookup($1)": "user without a name",
    "SELECT name, NULL FROM auth.lookup($1)": "found no secret",
    "SELECT name, '' FROM auth.lookup($1)": "found no secret",
    "SELECT 'bob'::text, secret FROM auth.lookup($1)": "another user than was asked for",
    "SELECT 'asker', secret FROM auth.lookup('asker'), (SELECT $1::text) t": "another user than was asked for",
    "SELECT name, repeat(secret, 2000) FROM auth.lookup($1)": "too long or makes no sense",
    "SELECT name, secret FROM auth.lookup($1), generate_series(1, 10000000)": "more than one row",
    "SELECT 1 / 0, $1::text": "22012",
    "SELECT nonsense FROM nowhere WHERE $1 = ''": "42P01",
    "COPY (SELECT $1) TO STDOUT": "auth_query",
}


@pytest.mark.parametrize("query", WRONG, ids=list(WRONG.values()))
def test_auth_query_answers_that_are_no_answer(make, query):
    """A user that was not found becomes nobody, auth_user least of all (CVE-2015-6817)."""
    pooler = make(query=query)
    assert login(pooler) == DENIED.format("app")
    assert login(pooler, "nobody", "") == DENIED.format("nobody")
    assert login(pooler, "nobody", ASKER["password"]) == DENIED.format("nobody")
    wait_until(lambda: WRONG[query] in pooler.log(), what=f"{WRONG[query]!r} in the log")
    # Whoever has a table of its own needs nobody to be looked up.
    assert login(pooler, "asker", ASKER["password"]) == "asker"


def test_auth_query_connection_has_nothing_of_the_client(make, server):
    """CVE-2025-12819: what a client says of itself reaches no lookup, least of all its search_path."""
    server.query("DELETE FROM auth.seen")
    pooler = make()
    options = "-c search_path=evil -c statement_timeout=1h"
    assert login(pooler, search_path="evil, auth", application_name="a client's", options=options) == "app"
    assert login(pooler, "zzz", "x", search_path="evil", session_authorization="postgres") == DENIED.format("zzz")
    assert set(seen(server)) == {
        (name, "pg_catalog, pg_temp", "headgate auth_query", "asker", "app") for name in ("app", "zzz")}


def test_auth_query_search_path_of_the_role_counts_for_nothing(make, server):
    """Nor do settings of the role: a table of that name is not what is asked."""
    server.query("CREATE SCHEMA evil")
    server.query("CREATE TABLE evil.pg_authid (rolname name, rolpassword text, rolvaliduntil timestamptz, rolcanlogin bool)")
    server.query("INSERT INTO evil.pg_authid VALUES ('ghost', 'known', NULL, true)")
    server.query("GRANT ALL ON SCHEMA evil TO PUBLIC")
    server.query("GRANT SELECT ON evil.pg_authid TO PUBLIC")
    server.query("ALTER ROLE superasker SET search_path = evil, pg_catalog")
    try:
        pooler = make(query=None, asker="superasker")
        assert login(pooler, "ghost", "known", search_path="evil, pg_catalog") == DENIED.format("ghost")
        assert login(pooler) == "app"
    finally:
        server.query("ALTER ROLE superasker RESET search_path")
        server.query("DROP SCHEMA evil CASCADE")


def test_auth_query_is_asked_once(make, server):
    server.query("DELETE FROM auth.seen")
    pooler = make(default_pool_size=5)
    found = []
    threads = [threading.Thread(target=lambda: found.append(login(pooler))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["app"] * 20
    # Each thread of the pooler asks at most once.
    assert 1 <= len(seen(server, "app")) <= 2
    asked = len(seen(server, "app"))
    for _ in range(5):
        assert login(pooler) == "app"
    assert len(seen(server, "app")) == asked


def test_auth_query_a_changed_password_is_found(make, server):
    server.query("CREATE ROLE changing LOGIN PASSWORD 'first'")
    pooler = make()
    assert login(pooler, "changing", "first") == "changing"
    server.query("ALTER ROLE changing PASSWORD 'second'")
    # The failure has it asked for again.
    wait_until(lambda: login(pooler, "changing", "second") == "changing", 20, 0.2, "the new password")
    assert login(pooler, "changing", "first") == DENIED.format("changing")
    server.query("DROP ROLE changing")
    pooler.console("RELOAD")
    assert login(pooler, "changing", "second") == DENIED.format("changing")


def test_auth_query_new_users_and_reload(make, server):
    pooler = make(general={"auth_query_ttl": "1h"})
    assert login(pooler, "later", "x") == DENIED.format("later")
    server.query("CREATE ROLE later LOGIN PASSWORD 'x'")
    wait_until(lambda: login(pooler, "later", "x") == "later", 20, 0.2, "the new user")
    server.query("ALTER ROLE later NOLOGIN")
    assert login(pooler, "later", "x") in ("later", '28000 role "later" is not permitted to log in')
    for command in ("RELOAD", "RECONNECT"):
        server.query("ALTER ROLE later LOGIN")
        pooler.console("RELOAD")
        assert login(pooler, "later", "x") == "later"
        server.query("ALTER ROLE later NOLOGIN")
        pooler.console(command)
        assert login(pooler, "later", "x") == DENIED.format("later")
    server.query("DROP ROLE later")


def test_auth_query_ttl(make, server):
    server.query("DELETE FROM auth.seen")
    pooler = make(general={"auth_query_ttl": "0s"})
    for _ in range(3):
        assert login(pooler) == "app"
    assert len(seen(server, "app")) == 3


def test_auth_query_databases_have_their_own(make, server):
    server.query("DELETE FROM auth.seen")
    databases = {
        "app": {"dbname": "app"},
        "elsewhere": {"dbname": "other", "auth_dbname": "app"},
        "nobodys": {"dbname": "app", "auth_query": "SELECT $1::text, NULL::text"},
    }
    pooler = make(databases=databases)
    assert login(pooler, dbname="elsewhere") == "app"
    assert {row[4] for row in seen(server)} == {"app"}
    assert login(pooler, dbname="nobodys") == DENIED.format("app")
    assert login(pooler, dbname="app") == "app"


def test_auth_query_on_the_console(make):
    pooler = make(general={"auth_dbname": "app"})
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        pooler.connect("zzz", "pgbouncer", password="x")


def test_auth_query_without_the_server(make, server):
    pooler = make(general={"server_login_retry": "200ms"}, defaults={"query_wait_timeout": 5, "server_connect_timeout": 2})
    assert login(pooler) == "app"
    server.stop()
    try:
        # What is known is enough to know who it is, and what is not is not.
        assert login(pooler, password="wrong") == DENIED.format("app")
        assert "cannot be looked up" in login(pooler, "bob")
        pooler.console("RELOAD")
        assert login(pooler, password="wrong") == DENIED.format("app")
    finally:
        server.start()
    wait_until(lambda: login(pooler) == "app", 20, what="the server's return")
    assert login(pooler, "bob") == "bob"


def test_auth_query_while_paused(make):
    pooler = make()
    assert login(pooler) == "app"
    pooler.console("PAUSE")
    assert login(pooler, password="wrong") == DENIED.format("app")
    assert "is paused" in login(pooler, "bob")
    pooler.console("RESUME")
    assert login(pooler, "bob") == "bob"


def test_auth_query_wrong_password_of_the_asker(make, tmp_path):
    """The secret is asked for again, as those of pools are."""
    secret = tmp_path / "secret"
    secret.write_text("not it")
    secret.chmod(0o600)
    pooler = make(users={"asker": {"password": {"file": str(secret)}}})
    told = login(pooler)
    assert told.startswith("08001 ") and "cannot be looked up" in told and "asker" not in told
    assert "the server refused the login of auth_user" in pooler.log()
    secret.write_text(ASKER["password"])
    wait_until(lambda: login(pooler) == "app", 20, 0.2, "the right secret")


def test_auth_query_check_tells_what_cannot_work(make):
    pooler = make()
    file = pooler.directory / "headgate.toml"
    text = file.read_text()
    wrong = {
        'auth_user = "asker"': ('auth_user = "nobody"', 'auth_user names "nobody", there is no [user.nobody]'),
        "auth.lookup($1)": ("auth.lookup('x')", "auth_query has no $1"),
        "[database.app]": ('[database."*"]', "cannot be looked up without auth_dbname"),
    }
    for good, (bad, message) in wrong.items():
        assert good in text
        file.write_text(text.replace(good, bad))
        done = subprocess.run([str(BINARY), "check", "--config", str(file)], capture_output=True, text=True)
        assert done.returncode == 1 and message in done.stdout, done.stdout


def test_auth_query_scram_pass_through_that_cannot_work(make, server):
    verifier = server.query("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")[0][0]
    pooler = make(users={"app": {"password": {"verifier": verifier}}})
    assert login(pooler) == "app"
    file = pooler.directory / "headgate.toml"
    text = file.read_text()
    wrong = {
        "[user.app]\n": ('[user.app]\nserver_user = "bob"\n', 'cannot log in to servers as "bob", its SCRAM verifier opens'),
        'auth_type = "scram-sha-256"': ('auth_type = "trust"', "its clients must use SCRAM, which no listener asks for"),
    }
    for good, (bad, message) in wrong.items():
        assert good in text
        file.write_text(text.replace(good, bad, 1))
        done = subprocess.run([str(BINARY), "check", "--config", str(file)], capture_output=True, text=True)
        assert done.returncode == 1 and message in done.stdout, done.stdout
