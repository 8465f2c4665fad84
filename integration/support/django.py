"""Django's commands, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

INTEGRATION = Path(__file__).resolve().parents[1]


def django(pooler, *arguments, **env):
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=INTEGRATION, capture_output=True, text=True, timeout=100,
        env={**pooler.env(), "DJANGO_SETTINGS_MODULE": "django_project.settings", "PYTHONPATH": str(INTEGRATION), **env},
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def migrate_and_exercise(pooler, **env) -> None:
    django(pooler, "-m", "django", "migrate", "shop", "zero", **env)
    django(pooler, "-m", "django", "migrate", **env)
    assert "ok" in django(pooler, "django_project/exercise.py", **env)
    assert "No changes" in django(pooler, "-m", "django", "makemigrations", "--check", "--dry-run", **env)
    django(pooler, "-m", "django", "migrate", "shop", "0001", **env)
