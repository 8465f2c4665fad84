"""pg_dump and pg_restore through the pooler, in each format, and psql reading a plain dump."""

import subprocess

import pytest


def run(pooler, *command, dbname="app", stdin=None):
    result = subprocess.run(command, env=pooler.env(dbname=dbname), capture_output=True, input=stdin, timeout=100)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


@pytest.fixture
def schema(pooler):
    with pooler.connect() as c:
        c.execute("DROP SCHEMA IF EXISTS dumped CASCADE")
        c.execute("CREATE SCHEMA dumped")
        c.execute("CREATE TABLE dumped.t (id serial PRIMARY KEY, t text, b bytea, j jsonb)")
        c.execute("INSERT INTO dumped.t (t, b, j) SELECT 'it''s \\ ' || n, decode('00ff', 'hex'), '{}' FROM generate_series(1, 2000) n")
        c.execute("CREATE VIEW dumped.v AS SELECT id FROM dumped.t")
        c.execute("CREATE FUNCTION dumped.f(i int) RETURNS int LANGUAGE sql AS 'SELECT i + 1'")
    yield "SELECT count(*), sum(id), md5(string_agg(t, ',' ORDER BY id)) FROM dumped.t"


@pytest.mark.requires_headgate
@pytest.mark.parametrize("format", ["plain", "custom", "directory"])
def test_dump_and_restore(pooler, schema, format, tmp_path):
    file = tmp_path / "dump"
    jobs = ["-j", "2"] if format == "directory" and pooler.options.default_pool_size > 2 else []
    run(pooler, "pg_dump", "-n", "dumped", f"--format={format}", "-f", str(file), *jobs)
    with pooler.connect() as c:
        expected = c.execute(schema).fetchone()
    with pooler.connect(dbname="other") as c:
        c.execute("DROP SCHEMA IF EXISTS dumped CASCADE")
    if format == "plain":
        run(pooler, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(file), dbname="other")
    else:
        run(pooler, "pg_restore", "--no-owner", "--exit-on-error", "-d", "other", str(file), dbname="other")
    with pooler.connect(dbname="other") as c:
        assert c.execute(schema).fetchone() == expected
        assert c.execute("SELECT dumped.f(1)").fetchone() == (2,)
        # pg_dump's own SETs (search_path among them) must have stayed with pg_dump.
        assert c.execute("SHOW search_path").fetchone() == ('"$user", public',)


@pytest.mark.requires_headgate
def test_dump_in_parallel(own_pooler, schema, tmp_path):
    """Each job is a session that imports the snapshot of the first, so all must be served at once."""
    pooler = own_pooler(default_pool_size=4)
    run(pooler, "pg_dump", "-n", "dumped", "--format=directory", "-j", "2", "-f", str(tmp_path / "dump"))
    assert (tmp_path / "dump/toc.dat").exists()
