"""LAST_INSERT_ID() of clients that share one server: each reads its own, as on a connection of its own."""

from __future__ import annotations

import pytest

TABLE = "CREATE TABLE IF NOT EXISTS app.ids (id INT PRIMARY KEY AUTO_INCREMENT, v INT, UNIQUE (v)) ENGINE=InnoDB"

#: What a client runs before it asks. The OK packets of some name an id that LAST_INSERT_ID() is not.
STORIES = {
    "nothing": [],
    "own_id": ["INSERT INTO ids (v) VALUES (1)"],
    "given_id": ["INSERT INTO ids VALUES (500, 1)"],
    "own_then_given": ["INSERT INTO ids (v) VALUES (1)", "INSERT INTO ids VALUES (500, 2)"],
    "refused": ["INSERT INTO ids (v) VALUES (1)", "INSERT INTO ids (v) VALUES (1)"],
    "ignored": ["INSERT INTO ids (v) VALUES (1)", "INSERT IGNORE INTO ids (v) VALUES (1)"],
    "updated_instead": ["INSERT INTO ids (v) VALUES (1)", "INSERT INTO ids (v) VALUES (1) ON DUPLICATE KEY UPDATE v = 2"],
    "given_and_updated": ["INSERT INTO ids VALUES (500, 1)", "INSERT INTO ids (v) VALUES (1) ON DUPLICATE KEY UPDATE v = 2"],
    "many": ["INSERT INTO ids (v) VALUES (1), (2), (3)"],
    "many_given": ["INSERT INTO ids VALUES (700, 1), (800, 2)"],
    "replaced": ["REPLACE INTO ids VALUES (900, 1)"],
    "set": ["SET last_insert_id = 44"],
    "told": ["SELECT LAST_INSERT_ID(45)"],
    "rolled_back": ["BEGIN", "INSERT INTO ids (v) VALUES (1)", "ROLLBACK"],
    "updated": ["INSERT INTO ids (v) VALUES (1)", "UPDATE ids SET v = 9"],
    "updated_by_expression": ["INSERT INTO ids (v) VALUES (1)", "UPDATE ids SET v = LAST_INSERT_ID(v + 60)"],
}  # fmt: skip


def outcomes(client, story: list[str]) -> list:
    for sql in story:
        client.outcome(sql)
    return [client.value("SELECT LAST_INSERT_ID()")]


def empty(server) -> None:
    server.execute("CREATE DATABASE IF NOT EXISTS app", TABLE, "TRUNCATE app.ids")


@pytest.mark.parametrize("settled", [False, True], ids=["at_once", "after_others"])
@pytest.mark.parametrize("name", STORIES)
def test_last_insert_id_is_the_clients_own(own_mysql_pooler, mysql_server, name, settled):
    empty(mysql_server)
    with mysql_server.session() as direct:
        direct.query("USE app")
        expected = outcomes(direct, STORIES[name])
    empty(mysql_server)
    pooler = own_mysql_pooler(default_pool_size=1)
    with pooler.wire() as other, pooler.wire() as client:
        # Another client's id is what the server has last.
        other.query("INSERT INTO ids (v) VALUES (1001), (1002)")
        other.query("INSERT INTO ids (v) VALUES (1003)")
        own = other.value("SELECT LAST_INSERT_ID()")
        other.query("DELETE FROM ids")
        mysql_server.execute("TRUNCATE app.ids")
        for sql in STORIES[name]:
            client.outcome(sql)
        if settled:
            other.query("DO 1")
        assert client.value("SELECT LAST_INSERT_ID()") == expected[0]
        assert other.value("SELECT LAST_INSERT_ID()") == own
