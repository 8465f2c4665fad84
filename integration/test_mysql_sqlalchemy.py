"""SQLAlchemy 2 in front of MariaDB and MySQL, on three drivers: the scenes of PostgreSQL's tests, and MySQL's own."""

import pytest
from sqlalchemy import text

from support import sqlalchemy_model

OPTIONS = {
    "pymysql": {}, "mysqldb": {"connect_args": {"ssl_mode": "DISABLED"}},
    "mysqlconnector": {"connect_args": {"ssl_disabled": True, "use_pure": True}},
}  # fmt: skip


@pytest.fixture(params=OPTIONS)
def engine(mysql_pooler, request):
    family = "mariadb" if mysql_pooler.family == "mariadb" else "mysql"
    url = mysql_pooler.url(scheme=f"{family}+{request.param}") + "?charset=utf8mb4"
    engine = sqlalchemy_model.engine_with_tables(url, **OPTIONS[request.param])
    yield engine
    engine.dispose()


def test_mysql_sqlalchemy_orm(engine):
    sqlalchemy_model.orm(engine)


def test_mysql_sqlalchemy_reflection(engine):
    sqlalchemy_model.reflection(engine)


def test_mysql_sqlalchemy_threads_share_servers(engine):
    sqlalchemy_model.threads(engine)


def test_mysql_sqlalchemy_isolation_levels_and_streaming(engine, mysql_server):
    name = "tx_isolation" if mysql_server.family == "mariadb" else "transaction_isolation"
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as c:
        assert c.scalar(text(f"SELECT @@{name}")) == "SERIALIZABLE"
    with engine.connect() as c:
        assert c.scalar(text(f"SELECT @@{name}")) == "REPEATABLE-READ", "set back when it returned to the pool"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        assert c.scalar(text("SELECT @@autocommit")) == 1
    with engine.connect() as c:
        c.execute(text("INSERT INTO sa_author (name) VALUES ('a'), ('b'), ('c')"))
        assert c.scalar(text("SELECT LAST_INSERT_ID()")) == 1
        c.commit()
        streamed = c.execution_options(stream_results=True, yield_per=2).execute(text("SELECT name FROM sa_author ORDER BY name"))
        assert [row[0] for row in streamed] == ["a", "b", "c"]


def test_mysql_sqlalchemy_two_phase(engine):
    with engine.connect() as c:
        transaction = c.begin_twophase()
        c.execute(text("INSERT INTO sa_author (name) VALUES ('two phases')"))
        transaction.prepare()
        transaction.commit()
        assert c.scalar(text("SELECT COUNT(*) FROM sa_author")) == 1
