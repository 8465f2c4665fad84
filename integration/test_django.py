"""Django: migrations forth and back, then the ORM, with and without server-side binding."""

import pytest

from support.django import migrate_and_exercise
from support.pooler import KIND


@pytest.mark.parametrize("binding", ["0", pytest.param("1", marks=pytest.mark.requires_headgate)])
def test_django_migrations_and_orm(pooler, binding):
    no_cursors = "1" if KIND == "pgbouncer" else "0"
    migrate_and_exercise(pooler, SERVER_SIDE_BINDING=binding, DISABLE_SERVER_SIDE_CURSORS=no_cursors)
