"""A Django project as small as they get; where the database is comes from the environment."""

import os

SECRET_KEY = "only for tests"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django_project.shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
POSTGRESQL = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": os.environ.get("PGDATABASE"),
    "HOST": os.environ.get("PGHOST"),
    "PORT": os.environ.get("PGPORT"),
    "USER": os.environ.get("PGUSER"),
    "PASSWORD": os.environ.get("PGPASSWORD"),
    "CONN_MAX_AGE": 60,
    "OPTIONS": {"server_side_binding": os.environ.get("SERVER_SIDE_BINDING") == "1"},
    # Django's own advice for poolers; off, because a proxy that keeps its promise does not need it.
    "DISABLE_SERVER_SIDE_CURSORS": os.environ.get("DISABLE_SERVER_SIDE_CURSORS") == "1",
}
MYSQL = {
    "ENGINE": "django.db.backends.mysql",
    "NAME": os.environ.get("MYSQL_DATABASE"),
    "HOST": os.environ.get("MYSQL_HOST"),
    "PORT": os.environ.get("MYSQL_TCP_PORT"),
    "USER": os.environ.get("MYSQL_USER"),
    "PASSWORD": os.environ.get("MYSQL_PWD"),
    "CONN_MAX_AGE": 60,
    "OPTIONS": {"ssl_mode": "DISABLED", "isolation_level": "repeatable read"},
}
DATABASES = {"default": MYSQL if os.environ.get("DJANGO_DATABASE") == "mysql" else POSTGRESQL}
