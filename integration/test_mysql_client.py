"""The mysql client, MariaDB's and MySQL's own: the first thing anybody tries."""

from __future__ import annotations

import subprocess

import pytest

from support.mysql_server import MySQL, why_not


@pytest.fixture(params=["mariadb-client", "mysql-client"])
def client(mysql_pooler, request):
    """Gives a function that runs the client with the arguments, and with what it reads."""
    if request.param == "mariadb-client":
        command = ["mariadb", f"--defaults-file={mysql_pooler.option_file()}", "--skip-ssl"]
    elif mysql_pooler.family == "mariadb" and mysql_pooler.kind == "direct":
        pytest.skip("MySQL 9's client has no mysql_native_password, and this MariaDB's users have nothing else")
    elif reason := why_not():
        pytest.skip(reason)
    else:
        command = [
            *MySQL.program("usr/bin/mysql"), f"--defaults-file={mysql_pooler.option_file()}", "--ssl-mode=DISABLED",
            "--get-server-public-key", "--commands",
        ]  # fmt: skip

    def run(*arguments: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [*command, "-N", "-B", *arguments], input=stdin, text=True, capture_output=True, timeout=60
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


def test_mysql_client_select(client):
    assert client("app", "-e", "SELECT 6 * 7").stdout == "42\n"


def test_mysql_client_script(client):
    script = """
        DROP TABLE IF EXISTS client_t; CREATE TABLE client_t (i INT, t VARCHAR(20));
        START TRANSACTION; INSERT INTO client_t VALUES (1, 'ä'), (2, NULL); COMMIT;
        SET @n = 5; SELECT @n + 1;
        delimiter //
        DROP PROCEDURE IF EXISTS client_p// CREATE PROCEDURE client_p() BEGIN SELECT 'in'; SELECT 'procedure'; END//
        delimiter ;
        CALL client_p();
        use other
        SELECT DATABASE();
        SELECT * FROM app.client_t;
    """
    assert client("app", stdin=script).stdout.split() == ["6", "in", "procedure", "other", "1", "ä", "2", "NULL"]


def test_mysql_client_errors(client):
    done = client("app", "-e", "SELECT nonsense FROM client_nothing", check=False)
    assert done.returncode == 1
    assert "ERROR 1146 (42S02)" in done.stderr
    done = client("app", "-f", stdin="SELECT 1; SELECT nonsense; SELECT 2;", check=False)
    assert done.stdout.split() == ["1", "2"]
    assert "ERROR 1054 (42S22)" in done.stderr


def test_mysql_client_says_what_it_is_connected_to(client):
    """`\\s` asks for half a dozen things, each in its own way."""
    text = client("app", "-e", "\\s").stdout
    assert "Current database:\tapp" in text
    assert "Threads:" in text, "COM_STATISTICS"


def test_mysql_client_warnings_and_vertical(client):
    assert "1365" in client("app", "--show-warnings", "-e", "SELECT 1 / 0").stdout
    assert "a: 1\n" in client("app", "-t", "-e", "SELECT 1 AS a\\G", "--column-names").stdout


def test_mysql_client_completion_reads_the_schema(client):
    """With rehash it asks for every table's columns (COM_FIELD_LIST)."""
    client("app", "-e", "CREATE TABLE IF NOT EXISTS client_f (i INT, t TEXT)")
    assert client("app", "--auto-rehash", stdin="SELECT 'read';\n").stdout == "read\n"


def test_mysql_client_compressed_and_local_file(client, tmp_path):
    file = tmp_path / "rows"
    file.write_text("".join(f"{n}\trow {n}\n" for n in range(1000)))
    client("app", "-e", "DROP TABLE IF EXISTS client_l; CREATE TABLE client_l (i INT, t VARCHAR(20))")
    for more in ([], ["--compress"]):
        client("app", "--local-infile=1", *more, "-e", f"TRUNCATE client_l; LOAD DATA LOCAL INFILE '{file}' INTO TABLE client_l")
        assert client("app", *more, "-e", "SELECT COUNT(*), SUM(i) FROM client_l").stdout.split() == ["1000", "499500"]


def test_mysql_client_unknown_database_and_password(client):
    assert "ERROR 1049" in client("nothing_such", "-e", "SELECT 1", check=False).stderr
    assert "ERROR 1045" in client("app", "--password=wrong", "-e", "SELECT 1", check=False).stderr


def test_mysql_client_without_a_database(client):
    assert client("-e", "SELECT DATABASE(); USE other; SELECT DATABASE()").stdout.split() == ["NULL", "other"]
