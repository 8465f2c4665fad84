"""SQLAlchemy 2: schema, ORM, its own pool in front of ours, and reflection, on psycopg and on psycopg2."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import ForeignKey, create_engine, func, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "sa_author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "sa_book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("sa_author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


@pytest.fixture(params=[pytest.param("psycopg", marks=pytest.mark.requires_headgate), "psycopg2"])
def engine(pooler, request):
    engine = create_engine(pooler.url(scheme=f"postgresql+{request.param}"), pool_size=6, max_overflow=0)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_sqlalchemy_orm(engine):
    with Session(engine) as session:
        session.add_all([Author(name=f"a{i}", books=[Book(title=f"b{i}.{j}") for j in range(3)]) for i in range(20)])
        session.commit()
        assert session.scalar(select(func.count()).select_from(Book)) == 60
        with pytest.raises(IntegrityError), session.begin_nested():
            session.add(Author(name="a1"))
            session.flush()
        session.delete(session.scalars(select(Author).where(Author.name == "a2")).one())
        session.commit()
        assert session.scalar(select(func.count()).select_from(Book)) == 57


def test_sqlalchemy_reflection(engine):
    found = inspect(engine)
    assert {"sa_author", "sa_book"} <= set(found.get_table_names())
    assert found.get_foreign_keys("sa_book")[0]["referred_table"] == "sa_author"
    assert found.get_unique_constraints("sa_author")[0]["column_names"] == ["name"]


def test_sqlalchemy_threads_share_servers(engine):
    def work(n):
        with Session(engine) as session:
            session.add(Author(name=f"thread {n}", books=[Book(title=str(n))]))
            session.flush()
            found = session.scalars(select(Author).where(Author.name == f"thread {n}")).one().books[0].title
            session.commit()
            return found == str(n)

    with ThreadPoolExecutor(12) as threads:
        assert all(threads.map(work, range(60)))


def test_sqlalchemy_isolation_levels_and_streaming(engine):
    with engine.connect().execution_options(isolation_level="SERIALIZABLE") as c:
        assert c.scalar(text("SHOW transaction_isolation")) == "serializable"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        assert c.scalar(text("SELECT 1")) == 1
    with engine.connect().execution_options(stream_results=True, yield_per=100) as c:
        assert sum(r[0] for r in c.execute(text("SELECT generate_series(1, 1000)"))) == 500500
