"""Django on mysqlclient: migrations forth and back, then the ORM."""

from support.django import migrate_and_exercise


def test_mysql_django_migrations_and_orm(mysql_pooler):
    migrate_and_exercise(mysql_pooler, DJANGO_DATABASE="mysql")
