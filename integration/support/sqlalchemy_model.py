"""Tables and scenes for SQLAlchemy, whatever database it speaks to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import ForeignKey, String, create_engine, func, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "sa_author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "sa_book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    author_id: Mapped[int] = mapped_column(ForeignKey("sa_author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


def engine_with_tables(url: str, **options):
    engine = create_engine(url, pool_size=6, max_overflow=0, **options)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    return engine


def orm(engine):
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


def reflection(engine):
    found = inspect(engine)
    assert {"sa_author", "sa_book"} <= set(found.get_table_names())
    assert found.get_foreign_keys("sa_book")[0]["referred_table"] == "sa_author"
    assert found.get_unique_constraints("sa_author")[0]["column_names"] == ["name"]


def threads(engine):
    def work(n):
        with Session(engine) as session:
            session.add(Author(name=f"thread {n}", books=[Book(title=str(n))]))
            session.flush()
            found = session.scalars(select(Author).where(Author.name == f"thread {n}")).one().books[0].title
            session.commit()
            return found == str(n)

    with ThreadPoolExecutor(12) as threads:
        assert all(threads.map(work, range(60)))
