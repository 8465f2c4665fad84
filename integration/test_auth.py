"""Who may come in, by which method, and what a stranger can learn (nothing). 4.2 of the checklist."""

import base64
import struct

import pytest

from support import wire
from support.pooler import Options
from support.wire import Closed, LoginFailed, ScramClient, fields, message, text, types

pytestmark = pytest.mark.requires_pooler

#: auth_type of the pooler → the request its clients get (5 md5, 10 SASL, 3 cleartext, 0 none).
METHODS = {"trust": 0, "plain": 3, "md5": 5, "scram-sha-256": 10}


def request_of(connection) -> int:
    m = connection.read()
    assert m.type == "R", m
    return struct.unpack_from("!I", m.body)[0]


@pytest.fixture
def asking(own_pooler):
    """Poolers that ask for a proof; passwords as they are come over a unix socket, since nowhere else are they taken."""

    def make(auth_type):
        pooler = own_pooler(auth_type=auth_type, unix_socket=auth_type == "plain")
        if auth_type == "plain" and pooler.kind == "headgate":
            pooler.host = str(pooler.directory)
        return pooler

    return make


@pytest.mark.parametrize("auth_type", METHODS)
@pytest.mark.parametrize("user", ["app", "bob", "md5user", "plainuser"])
def test_auth_matrix(asking, auth_type, user):
    """Every method towards clients with every method towards servers."""
    pooler = asking(auth_type)
    with pooler.raw() as c:
        c.send(wire.startup(user, "app"))
        assert request_of(c) == METHODS[auth_type]
    with pooler.wire(user) as c:
        assert c.value("SELECT current_user") == user
    if auth_type != "trust":
        with pytest.raises(LoginFailed) as error, pooler.raw() as c:
            c.login(user, "wrong", "app")
        assert error.value.code == "28P01" or pooler.kind == "pgbouncer"


def failed_login(pooler, user, password, dbname="app"):
    """Everything an attacker sees: types of messages, lengths, the error."""
    with pooler.raw() as c:
        try:
            c.login(user, password, dbname)
        except LoginFailed as error:
            shape = [(m.type, len(m.body) if m.type == "R" else 0) for m in c.login_messages]
            return shape, {k: v.replace(user, "USER").replace(dbname, "DB") for k, v in error.fields.items()}
    pytest.fail("logged in")


@pytest.mark.parametrize("auth_type", ["scram-sha-256", "md5", "plain"])
def test_auth_unknown_user_looks_like_a_wrong_password(asking, auth_type):
    pooler = asking(auth_type)
    known, unknown = failed_login(pooler, "app", "wrong"), failed_login(pooler, "zzz", "wrong")
    assert known == unknown
    assert known[1]["C"] == "28P01" or pooler.kind == "pgbouncer"


@pytest.mark.requires_headgate
def test_auth_password_in_the_clear_is_not_asked_for(own_pooler):
    pooler = own_pooler(auth_type="plain")
    for user in ("app", "zzz"):
        with pytest.raises(LoginFailed) as error, pooler.raw() as c:
            c.login(user, "app secret", "app")
        assert error.value.code == "28000" and "only possible with TLS" in error.value.fields["M"]


@pytest.mark.requires_headgate
def test_auth_unknown_database_only_after_the_password(pooler):
    assert failed_login(pooler, "app", "wrong", "nowhere") == failed_login(pooler, "app", "wrong", "app")
    with pytest.raises(LoginFailed) as error:
        pooler.wire(dbname="nowhere")
    assert error.value.code == "3D000"


@pytest.mark.requires_headgate
def test_auth_salt_of_an_unknown_user_is_steady(own_pooler):
    pooler = own_pooler()

    def challenge(user):
        with pooler.raw() as c:
            c.send(wire.startup(user, "app"))
            assert request_of(c) == 10
            scram = ScramClient("x")
            c.send(scram.first())
            m = c.read()
            parts = dict(p.split("=", 1) for p in m.body[4:].decode().split(","))
            assert parts["r"].startswith(scram.nonce)
            return parts["s"], parts["i"]

    assert challenge("zzz") == challenge("zzz")
    assert challenge("zzz")[0] != challenge("yyy")[0]
    assert len(base64.b64decode(challenge("zzz")[0])) == len(base64.b64decode(challenge("app")[0]))
    assert challenge("zzz")[1] == challenge("app")[1]


def test_auth_empty_password_fails(asking):
    for auth_type in ("plain", "md5", "scram-sha-256"):
        pooler = asking(auth_type)
        with pytest.raises((LoginFailed, Closed)), pooler.raw() as c:
            c.login("app", "", "app")


SASL = {
    "mechanism nobody has": text("SCRAM-SHA-1") + struct.pack("!I", 8) + b"n,,n=,r=",
    "length beyond the message": text("SCRAM-SHA-256") + struct.pack("!I", 0x7FFFFFFF) + b"n,,n=,r=abc",
    "length of minus one": text("SCRAM-SHA-256") + b"\xff\xff\xff\xff",
    "length of minus two": text("SCRAM-SHA-256") + b"\xff\xff\xff\xfe" + b"n,,n=,r=abc",
    "no length": text("SCRAM-SHA-256"),
    "no terminator": b"SCRAM-SHA-256",
    "nothing": b"",
    "empty first message": text("SCRAM-SHA-256") + struct.pack("!I", 0),
    "channel binding by the plain mechanism": text("SCRAM-SHA-256") + struct.pack("!I", 32) + b"p=tls-server-end-point,,n=,r=abc",
    "downgrade": text("SCRAM-SHA-256-PLUS") + struct.pack("!I", 13) + b"n,,n=,r=abcde",
    "an extension that must be known": text("SCRAM-SHA-256") + struct.pack("!I", 17) + b"n,,m=x,n=,r=abcde",
    "no nonce": text("SCRAM-SHA-256") + struct.pack("!I", 5) + b"n,,n=",
    "commas only": text("SCRAM-SHA-256") + struct.pack("!I", 5) + b",,,,,",
    "authorisation identity": text("SCRAM-SHA-256") + struct.pack("!I", 19) + b"n,a=bob,n=,r=abcdef",
    "huge nonce": text("SCRAM-SHA-256") + struct.pack("!I", 60007) + b"n,,n=,r=" + b"a" * 59999,
}


@pytest.mark.requires_headgate
@pytest.mark.parametrize("what", SASL)
def test_auth_malformed_sasl_is_refused(pooler, what):
    with pooler.raw(5) as c:
        c.send(wire.startup("app", "app"))
        request_of(c)
        c.send(message("p", SASL[what]))
        try:
            found = c.read_to_end(5)
        except wire.Silent:
            # A huge but well-formed nonce may be answered; what follows then fails.
            c.send(message("p", b"c=biws,r=x,p=AAAA"))
            found = c.read_to_end(5)
        assert "E" in types(found)
        assert fields(found[-1].body)["C"] in ("08P01", "28P01", "28000")
    with pooler.wire() as c:
        assert c.value("SELECT 1") == "1"


FINAL = {
    "no proof": lambda n: f"c=biws,r={n}",
    "proof not base64": lambda n: f"c=biws,r={n},p=!!!!",
    "proof too short": lambda n: f"c=biws,r={n},p=AAAA",
    "proof too long": lambda n: f"c=biws,r={n},p=" + base64.b64encode(bytes(500)).decode(),
    "another nonce": lambda n: "c=biws,r=abc,p=" + base64.b64encode(bytes(32)).decode(),
    "another binding": lambda n: f"c=eSws,r={n},p=" + base64.b64encode(bytes(32)).decode(),
    "nothing": lambda n: "",
    "zeroes": lambda n: f"c=biws,r={n},p=" + base64.b64encode(bytes(32)).decode(),
    "extra attribute": lambda n: f"c=biws,r={n},x=y,p=" + base64.b64encode(bytes(32)).decode(),
}


@pytest.mark.requires_headgate
@pytest.mark.parametrize("what", FINAL)
def test_auth_malformed_proof_is_refused(pooler, what):
    with pooler.raw(5) as c:
        c.send(wire.startup("app", "app"))
        request_of(c)
        scram = ScramClient("app secret")
        c.send(scram.first())
        challenge = c.read().body[4:].decode()
        c.send(message("p", FINAL[what](challenge.split(",")[0][2:]).encode()))
        assert types(c.read_to_end(5)) == "E"


@pytest.mark.requires_headgate
def test_auth_a_query_before_login_is_refused(pooler):
    for data in (wire.query("SELECT 1"), wire.startup("app", "app"), message("p", b"x" * 70_000), b"p\x7f\xff\xff\xff"):
        with pooler.raw(5) as c:
            c.send(wire.startup("app", "app"))
            request_of(c)
            c.send(data)
            assert types(c.read_to_end(5)) in ("E", "")


@pytest.mark.requires_headgate
def test_auth_client_login_is_given_up_in_time(own_pooler):
    pooler = own_pooler(headgate={})
    with pooler.raw(100) as c:
        c.send(wire.startup("app", "app")[:20])
        assert c.quiet(1)


@pytest.mark.requires_headgate
def test_auth_stored_verifier_logs_in_with_keys_passed_through(own_pooler, primary):
    """Only the verifier is known; what the client proves opens the server too."""
    verifier = primary.query("SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")[0][0]
    options = Options()
    plain = options.users["app"]["password"]
    options.users["app"] = {"password": {"verifier": verifier}}
    pooler = own_pooler(options)
    for _ in range(3):
        with pooler.raw() as c:
            c.login("app", plain, "app")
            assert c.value("SELECT current_user") == "app"
        primary.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr IS NOT NULL")
    with pytest.raises(LoginFailed), pooler.raw() as c:
        c.login("app", "wrong", "app")


@pytest.mark.requires_headgate
def test_auth_server_user_differs(own_pooler):
    options = Options()
    options.users["shopfront"] = {"password": "front", "server_user": "bob", "server_password": options.users["bob"]["password"]}
    pooler = own_pooler(options)
    with pooler.wire("shopfront") as c:
        assert c.value("SELECT current_user") == "bob"


@pytest.mark.requires_headgate
def test_auth_wrong_server_password_fails_only_that_user(own_pooler):
    options = Options()
    options.users["bob"] = {"password": "not what the server knows"}
    pooler = own_pooler(options)
    with pooler.wire("app") as c:
        with pytest.raises((LoginFailed, wire.ServerError)):
            with pooler.wire("bob") as bob:
                bob.value("SELECT 1")
        assert c.value("SELECT 1") == "1"


@pytest.mark.requires_headgate
def test_auth_password_changed_by_reload(own_pooler, primary):
    options = Options()
    options.users["app"] = {"password": "new password", "server_password": "app secret", "server_user": "app"}
    pooler = own_pooler()
    with pooler.wire() as before:
        assert before.value("SELECT 1") == "1"
        pooler.reload(options)
        assert before.value("SELECT 2") == "2", "who is in stays in"
    with pytest.raises(LoginFailed), pooler.raw() as c:
        c.login("app", "app secret", "app")
    with pooler.wire() as c:
        assert c.value("SELECT 3") == "3"
