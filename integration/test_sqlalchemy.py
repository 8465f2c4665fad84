"""SQLAlchemy 2: schema, ORM, its own pool in front of ours, and reflection, on psycopg and on psycopg2."""

import pytest
from sqlalchemy import text

from support import sqlalchemy_model


@pytest.fixture(params=[pytest.param("psycopg", marks=pytest.mark.requires_headgate), "psycopg2"])
def engine(pooler, request):
    engine = sqlalchemy_model.engine_with_tables(pooler.url(scheme=f"postgresql+{request.param}"))
    yield engine
    engine.dispose()


def test_sqlalchemy_orm(engine):
    sqlalchemy_model.orm(engine)


def test_sqlalchemy_reflection(engine):
    sqlalchemy_model.reflection(engine)


def test_sqlalchemy_threads_share_servers(engine):
    sqlalchemy_model.threads(engine)


def test_sqlalchemy_isolation_levels_and_streaming(engine):
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as c:
        assert c.scalar(text("SHOW transaction_isolation")) == "serializable"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        assert c.scalar(text("SELECT 1")) == 1
    with engine.connect().execution_options(stream_results=True, yield_per=100) as c:
        assert sum(r[0] for r in c.execute(text("SELECT generate_series(1, 1000)"))) == 500500
