"""Who may come in, from where and by which proof: HBA and ident files, for both protocols."""

from __future__ import annotations

import subprocess

import psycopg
import pymysql
import pytest

from support.mysql_pooler import make_mysql_pooler, mysql_options
from support.pooler import BINARY, Options, make_pooler
from support.processes import wait_until
from support.secure import Certificates, poolers
from support.wire import LoginFailed

pytestmark = [pytest.mark.requires_pooler, pytest.mark.requires_headgate]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def files(tmp_path):
    """Writes an HBA file, and an ident file; the keys of [[listen]] that name them."""

    def write(hba: str, ident: str | None = None, **others) -> dict:
        for name, text in others.items():
            (tmp_path / name).write_text(text)
        (tmp_path / "hba.conf").write_text(hba)
        if ident is None:
            return {"hba_file": str(tmp_path / "hba.conf")}
        (tmp_path / "ident.conf").write_text(ident)
        return {"hba_file": str(tmp_path / "hba.conf"), "ident_file": str(tmp_path / "ident.conf")}

    return write


@pytest.fixture
def make(primary):
    yield from poolers(lambda **changes: make_pooler(primary, Options().with_(**changes)))


@pytest.fixture
def make_mysql(mysql_server):
    yield from poolers(
        lambda **changes: make_mysql_pooler(mysql_server, mysql_options(mysql_server).with_(**changes)))


def outcome(pooler, user="app", dbname="app", **how) -> str:
    """`tls`, `clear`, or what the client was told."""
    try:
        with pooler.connect(user, dbname, **how) as c:
            assert c.execute("SELECT current_user").fetchone()[0] == user
            return "tls" if c.pgconn.ssl_in_use else "clear"
    except psycopg.OperationalError as error:
        return str(error)


def refusal(pooler, user="app", dbname="app", **startup) -> dict:
    with pytest.raises(LoginFailed) as error, pooler.raw() as c:
        c.login(user, pooler.options.users.get(user, {}).get("password", "wrong"), dbname, **startup)
    return error.value.fields


def test_hba_first_match_wins(make, files):
    pooler = make(files("""
        host app bob all reject
        host app all 127.0.0.1/32 scram-sha-256
        host app all all reject
        host all,replication @people 127.0.0.0 255.0.0.0 md5
        """, people="bob, app\n"))  # fmt: skip
    assert outcome(pooler) == outcome(pooler, "bob", "other") == "clear"
    assert refusal(pooler, "bob")["M"] == (
        'pg_hba.conf rejects connection for host "127.0.0.1", user "bob", database "app", no encryption')
    found = refusal(pooler, "plainuser", "other")
    assert (found["S"], found["C"]) == ("FATAL", "28000")
    assert found["M"] == 'no pg_hba.conf entry for host "127.0.0.1", user "plainuser", database "other", no encryption'
    assert "hba_file" in found["H"] and pooler.options.listen["hba_file"] not in str(found)
    # Whether there is such a database or user makes no difference to who may not come in.
    for user, dbname in (("nobody", "other"), ("plainuser", "nowhere")):
        assert refusal(pooler, user, dbname)["M"] == found["M"].replace("plainuser", user).replace('"other"', f'"{dbname}"')
    assert f"no rule of {pooler.options.listen['hba_file']} fits" in pooler.log()
    assert "hba.conf:2 rejects" in pooler.log()


def test_hba_physical_replication_needs_its_own_rule(make, files):
    pooler = make(files("host all all all scram-sha-256"))
    found = refusal(pooler, replication="true")
    assert found["M"] == 'no pg_hba.conf entry for replication connection from host "127.0.0.1", user "app", no encryption'
    with pooler.raw() as c:
        c.login("app", pooler.options.users["app"]["password"], "app", replication="database")
    pooler = make(files("host replication app all scram-sha-256"))
    with pooler.raw() as c:
        c.login("app", pooler.options.users["app"]["password"], "", replication="true")
    assert "no pg_hba.conf entry" in refusal(pooler)["M"]


@pytest.mark.parametrize("method", ["trust", "md5", "scram-sha-256", "password"])
def test_hba_methods(make, certificates, files, method):
    pooler = make({**certificates.listen("prefer"), **files(f"""
        hostssl app all all {method}
        hostnossl other all samehost {method}
        """)})  # fmt: skip
    trusting = {"sslmode": "verify-full", "sslrootcert": str(certificates.authority.certificate)}
    assert outcome(pooler, **trusting) == "tls"
    assert "database \"app\", no encryption" in outcome(pooler, sslmode="disable")
    assert 'database "other", SSL encryption' in outcome(pooler, dbname="other", **trusting)
    clear = outcome(pooler, dbname="other", sslmode="disable")
    assert ("only possible with TLS" in clear) if method == "password" else (clear == "clear")
    wrong = outcome(pooler, password="wrong", **trusting)
    assert wrong == "tls" if method == "trust" else 'password authentication failed for user "app"' in wrong
    unknown = outcome(pooler, "nobody", password="wrong", **trusting)
    assert 'password authentication failed for user "nobody"' in unknown


def test_hba_certificates_and_their_maps(make, certificates, files):
    bob = certificates.authority.sign("bob", "bob@example.com")
    pooler = make({**certificates.listen("prefer"), **files("""
        hostssl app all all cert map=people
        hostssl other app all cert clientname=DN map=subjects
        hostssl other bob all scram-sha-256 clientcert=verify-ca
        hostssl all plainuser all scram-sha-256 clientcert=verify-full
        """, ident=r"""
        people /^(.*)@example\.com$ \1
        people app app
        subjects CN=app app
        """)})  # fmt: skip
    trusting = {"sslmode": "verify-full", "sslrootcert": str(certificates.authority.certificate)}

    def showing(pair):
        return {**trusting, "sslcert": str(pair.certificate), "sslkey": str(pair.key)}

    assert outcome(pooler, password="wrong", **showing(certificates.app)) == "tls"
    assert outcome(pooler, "bob", password="wrong", **showing(bob)) == "tls"
    assert 'certificate authentication failed for user "bob"' in outcome(pooler, "bob", **showing(certificates.app))
    assert 'certificate authentication failed for user "nobody"' in outcome(pooler, "nobody", password="x", **showing(bob))
    assert "requires a valid client certificate" in outcome(pooler, **trusting)
    assert "unknown ca" in outcome(pooler, **showing(certificates.stranger))
    # By the whole subject.
    assert outcome(pooler, dbname="other", **showing(certificates.app)) == "tls"
    assert "certificate authentication failed" in outcome(pooler, dbname="other", **showing(bob))
    # A certificate besides the password.
    assert outcome(pooler, "bob", "other", **showing(certificates.app)) == "tls"
    assert "password authentication failed" in outcome(pooler, "bob", "other", password="wrong", **showing(certificates.app))
    assert "requires a valid client certificate" in outcome(pooler, "bob", "other", **trusting)
    assert "certificate authentication failed" in outcome(pooler, "plainuser", "other", **showing(certificates.app))


def test_hba_auth_type_cert(make, certificates):
    pooler = make(certificates.listen("prefer"), auth_type="cert")
    trusting = {"sslmode": "verify-full", "sslrootcert": str(certificates.authority.certificate)}
    shown = {**trusting, "sslcert": str(certificates.app.certificate), "sslkey": str(certificates.app.key)}
    assert outcome(pooler, password="wrong", **shown) == "tls"
    for how in (trusting, {"sslmode": "disable"}):
        assert 'certificate authentication failed for user "app"' in outcome(pooler, **how)
    assert 'certificate authentication failed for user "bob"' in outcome(pooler, "bob", **shown)


def psql(pooler, system_user: str, user: str) -> str:
    done = subprocess.run(
        ["setpriv", f"--reuid={system_user}", "--clear-groups", "psql", "-X", "-At", "-w", "-h", str(pooler.directory), "-p",
         str(pooler.port), "-U", user, "-d", "app", "-c", "SELECT current_user"],
        capture_output=True, text=True, cwd="/")  # fmt: skip
    return done.stdout.strip() or done.stderr


def test_hba_peer(make, files):
    pooler = make(files("local all all peer map=here\nlocal all all trust", ident="here postgres app\nhere root all\n"),
        unix_socket=True)  # fmt: skip
    pooler.directory.chmod(0o755)
    assert psql(pooler, "postgres", "app") == "app"
    assert 'Peer authentication failed for user "bob"' in psql(pooler, "postgres", "bob")
    assert 'Peer authentication failed for user "app"' in psql(pooler, "nobody", "app")
    assert psql(pooler, "root", "bob") == "bob"
    assert 'Peer authentication failed for user "stranger"' in psql(pooler, "root", "stranger")
    assert 'no pg_hba.conf entry for host "127.0.0.1"' in outcome(pooler)


def test_hba_password_over_a_unix_socket(make, files):
    pooler = make(files("local all all password"), unix_socket=True)
    assert outcome(pooler, host=str(pooler.directory)) == "clear"
    assert "password authentication failed" in outcome(pooler, host=str(pooler.directory), password="wrong")


def test_hba_reload_is_all_or_nothing(make, files):
    pooler = make(files("host all app all scram-sha-256"))
    assert outcome(pooler) == "clear" and "no pg_hba.conf entry" in outcome(pooler, "bob")
    with pooler.connect() as held:
        files("host all bob all scram-sha-256")
        pooler.reload()
        wait_until(lambda: outcome(pooler, "bob") == "clear", what="the new rules")
        assert "no pg_hba.conf entry" in outcome(pooler)
        assert held.execute("SELECT 1").fetchone() == (1,)
        files("host all app all scram-sha-256\nhost all all localhost trust\n")
        pooler.reload()
        wait_until(lambda: "hba.conf:2:14: error" in pooler.log(), what="the problem in the log")
        assert outcome(pooler, "bob") == "clear" and "no pg_hba.conf entry" in outcome(pooler)


def test_hba_general_file_is_for_listeners_without_their_own(make, files):
    general = {"auth_hba_file": files("host all bob all scram-sha-256")["hba_file"]}
    pooler = make(general=general)
    assert outcome(pooler, "bob") == "clear" and "no pg_hba.conf entry" in outcome(pooler)


def test_hba_check_tells_places(make, files):
    pooler = make(files("host all all all scram-sha-256"))
    files("host all all all ldap\n\nhost all +staff all md5\n")
    done = subprocess.run(
        [str(BINARY), "check", "--config", str(pooler.directory / "headgate.toml")], capture_output=True, text=True)
    hba = pooler.options.listen["hba_file"]
    assert done.returncode == 1
    assert f'{hba}:1:18: error: "ldap" cannot be the method, LDAP servers are not asked' in done.stdout
    assert f'{hba}:3:10: error: "+staff" asks which roles' in done.stdout


# MySQL


def told(pooler, user="app", dbname="app", **how) -> str:
    """`ok`, or what the client was told."""
    try:
        with pooler.connect(user, dbname, **how) as c:
            cursor = c.cursor()
            cursor.execute("SELECT CURRENT_USER()")
            assert cursor.fetchone()[0].startswith(user + "@")
            return "ok"
    except pymysql.err.OperationalError as error:
        return f"{error.args[0]} {error.args[1]}"


def test_hba_mysql_rules(make_mysql, files):
    pooler = make_mysql({**files("""
        host other app all reject
        host app app 127.0.0.0/8 scram-sha-256
        host all plainuser all md5
        host all all 10.0.0.0/8 trust
        """)})  # fmt: skip
    assert told(pooler) == "ok"
    assert told(pooler, password="wrong").startswith("1045 Access denied for user 'app'@'127.0.0.1' (using password: YES)")
    assert told(pooler, dbname="other") == (
        "1045 Access denied for user 'app'@'127.0.0.1': pg_hba.conf rejects connection for host \"127.0.0.1\", user \"app\", "
        'database "other", no encryption')
    assert told(pooler, "nobody", "app", password="x") == (
        "1045 Access denied for user 'nobody'@'127.0.0.1': no pg_hba.conf entry for host \"127.0.0.1\", user \"nobody\", "
        'database "app", no encryption')


def test_hba_mysql_methods(make_mysql, certificates, files):
    pooler = make_mysql({**certificates.listen("prefer"), **files("""
        hostssl app app all cert
        hostssl other app all password clientcert=verify-ca
        hostnossl app app all trust
        """)})  # fmt: skip

    def tls(**how):
        more = {"ssl": certificates.context(certificates.app)} | how
        return told(pooler, **more)

    assert tls(password="wrong") == "ok"
    assert "requires a valid client certificate" in tls(ssl=certificates.context())
    assert tls(dbname="other") == "ok"
    assert tls(dbname="other", password="wrong").startswith("1045 Access denied for user 'app'@'127.0.0.1' (using")
    assert told(pooler, password="wrong") == "ok"


def test_hba_mysql_peer(make_mysql, files):
    pooler = make_mysql(files("local all all peer map=here", ident="here root app\n"), unix_socket=True)
    assert told(pooler, unix_socket=str(pooler.socket), password="wrong") == "ok"
    assert 'Peer authentication failed for user "plainuser"' in told(pooler, "plainuser", unix_socket=str(pooler.socket), password="x")


def test_hba_mysql_change_user_is_asked_again(make_mysql, mysql_server, files):
    other = next(name for name in mysql_server.users() if name not in ("app", "root") and mysql_server.users()[name][0])
    pooler = make_mysql(files(f"host all app all md5\nhost app {other} all reject\n"))
    with pooler.wire() as c, pytest.raises(Exception, match="pg_hba.conf rejects"):
        c.change_user(other, pooler.password(other), "app")
