"""LISTEN and NOTIFY through shared servers."""

import pytest

from support.wire import query

pytestmark = pytest.mark.requires_headgate


def heard(client, count, timeout=5):
    """The next notifications, whether they came by themselves or along with replies."""
    while len(client.notifications) < count:
        client.read(timeout)
    found, client.notifications = client.notifications, []
    return found


def test_listen_while_idle(pooler):
    with pooler.wire() as a, pooler.wire() as b:
        a.query("LISTEN lc")
        for i in range(20):
            b.query(f"NOTIFY lc, '{i}'")
        assert heard(a, 20) == [("lc", str(i)) for i in range(20)]
        assert b.quiet(0.1)


def test_listen_two_clients_one_channel(pooler):
    with pooler.wire() as a, pooler.wire() as b, pooler.wire() as c:
        a.query("LISTEN shared_c")
        b.query("LISTEN shared_c")
        c.query("NOTIFY shared_c, 'x'")
        assert heard(a, 1) == heard(b, 1) == [("shared_c", "x")]
        a.query("UNLISTEN shared_c")
        c.query("NOTIFY shared_c, 'y'")
        assert heard(b, 1) == [("shared_c", "y")]
        assert a.quiet(0.2)


def test_listen_is_a_part_of_its_transaction(pooler):
    with pooler.wire() as a, pooler.wire() as b:
        a.query("BEGIN; LISTEN rolled")
        a.query("ROLLBACK")
        b.query("NOTIFY rolled")
        assert a.quiet(0.2)
        a.query("BEGIN; LISTEN committed; COMMIT")
        b.query("BEGIN; NOTIFY committed, 'late'")
        assert a.quiet(0.2)
        b.query("COMMIT")
        assert heard(a, 1) == [("committed", "late")]
        b.query("BEGIN; NOTIFY committed, 'never'; ROLLBACK")
        a.query("BEGIN")
        b.query("NOTIFY committed, 'in a transaction'")
        a.query("COMMIT")
        assert heard(a, 1) == [("committed", "in a transaction")]


def test_unlisten_all_and_discard(pooler):
    with pooler.wire() as a, pooler.wire() as b:
        for end in ("UNLISTEN *", "DISCARD ALL"):
            a.query("LISTEN u1; LISTEN u2")
            a.query(end)
            b.query("NOTIFY u1; NOTIFY u2")
            assert a.quiet(0.3) and not a.notifications


def test_listen_names_are_identifiers(pooler):
    with pooler.wire() as a, pooler.wire() as b:
        a.query('LISTEN "Odd Name"')
        a.query("LISTEN Folded")
        b.query("NOTIFY folded, 'f'")
        b.query("SELECT pg_notify('Odd Name', 'o')")
        assert heard(a, 2) == [("folded", "f"), ("Odd Name", "o")]


def test_listen_survives_the_server(pooler, primary):
    """The connection that listens may die; listening goes on."""
    with pooler.wire() as a, pooler.wire() as b:
        a.query("LISTEN lasting")
        b.query("NOTIFY lasting, 'before'")
        assert heard(a, 1) == [("lasting", "before")]
        if pooler.kind == "direct":
            return
        primary.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE client_addr IS NOT NULL")
        import time

        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with pooler.connect() as c:
                c.execute("NOTIFY lasting, 'after'")
            if not a.quiet(0.5):
                assert heard(a, 1) == [("lasting", "after")]
                return
        pytest.fail("listening did not come back")


def test_listen_does_not_use_up_the_pool(pooler):
    """More listeners than servers."""
    listeners = [pooler.wire() for _ in range(6)]
    try:
        for n, c in enumerate(listeners):
            c.query(f"LISTEN many_{n}")
        with pooler.wire() as b:
            for n in range(6):
                b.query(f"NOTIFY many_{n}, '{n}'")
        for n, c in enumerate(listeners):
            assert heard(c, 1) == [(f"many_{n}", str(n))]
    finally:
        for c in listeners:
            c.close()


def test_notify_between_statements_of_a_pipeline(pooler):
    """A notification may come at any moment, and only between messages."""
    with pooler.wire() as a, pooler.wire() as b:
        a.query("LISTEN busy")
        for _ in range(20):
            a.send(query("SELECT generate_series(1, 200)") * 5)
            b.query("NOTIFY busy, 'n'")
            ready = 0
            while ready < 5:
                m = a.read()
                assert m.type in "TDCZA"
                ready += m.type == "Z"
        assert heard(a, 20) == [("busy", "n")] * 20


def test_channels_are_the_databases_own(pooler):
    with pooler.wire() as a, pooler.wire(dbname="other") as b:
        a.query("LISTEN scoped")
        b.query("NOTIFY scoped")
        assert a.quiet(0.3)


