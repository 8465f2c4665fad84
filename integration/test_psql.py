"""psql, the first thing anybody tries."""

import subprocess


def psql(pooler, *arguments, check=True, stdin=None, **env):
    return subprocess.run(
        ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-At", *arguments],
        env={**pooler.env(), **env}, input=stdin, text=True, capture_output=True, check=check, timeout=60,
    )  # fmt: skip


def test_psql_select(pooler):
    assert psql(pooler, "-c", "SELECT 6 * 7").stdout == "42\n"


def test_psql_several_statements_and_variables(pooler):
    script = "\\set n 5\nBEGIN;\nSELECT :n + 1;\nCOMMIT;\nSELECT 'a' \\; SELECT 'b';\n\\echo done\n"
    assert psql(pooler, stdin=script).stdout.split() == ["BEGIN", "6", "COMMIT", "a", "b", "done"]


def test_psql_error_has_its_position(pooler):
    result = psql(pooler, "-c", "SELECT nonsense FROM pg_class", check=False)
    assert result.returncode == 1
    assert 'column "nonsense" does not exist' in result.stderr
    assert "LINE 1: SELECT nonsense FROM pg_class" in result.stderr


def test_psql_meta_commands(pooler):
    psql(pooler, "-c", "CREATE TABLE IF NOT EXISTS psql_meta (id int PRIMARY KEY, t text)")
    assert "psql_meta" in psql(pooler, "-c", "\\dt psql_meta").stdout
    assert "id|integer|" in psql(pooler, "-c", "\\d psql_meta").stdout
    assert "app" in psql(pooler, "-c", "\\l").stdout
    assert "app" in psql(pooler, "-c", "\\conninfo").stdout


def test_psql_single_transaction_rolls_back(pooler):
    psql(pooler, "-c", "DROP TABLE IF EXISTS psql_one")
    result = psql(pooler, "-1", "-c", "CREATE TABLE psql_one (i int)", "-c", "SELECT 1/0", check=False)
    assert result.returncode != 0
    assert psql(pooler, "-c", "SELECT to_regclass('psql_one') IS NULL").stdout == "t\n"
