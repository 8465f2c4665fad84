"""Django: migrations forth and back, then the ORM, with and without server-side binding."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.pooler import KIND

HERE = Path(__file__).parent


def django(pooler, *arguments, **env):
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=HERE, capture_output=True, text=True, timeout=100,
        env={
            **pooler.env(), "DJANGO_SETTINGS_MODULE": "django_project.settings", "PYTHONPATH": str(HERE),
            "DISABLE_SERVER_SIDE_CURSORS": "1" if KIND == "pgbouncer" else "0", **env,
        },
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("binding", ["0", pytest.param("1", marks=pytest.mark.requires_headgate)])
def test_django_migrations_and_orm(pooler, binding):
    django(pooler, "-m", "django", "migrate", "shop", "zero", SERVER_SIDE_BINDING=binding)
    django(pooler, "-m", "django", "migrate", SERVER_SIDE_BINDING=binding)
    assert "ok" in django(pooler, "django_project/exercise.py", SERVER_SIDE_BINDING=binding)
    assert "No changes" in django(pooler, "-m", "django", "makemigrations", "--check", "--dry-run")
    django(pooler, "-m", "django", "migrate", "shop", "0001", SERVER_SIDE_BINDING=binding)
