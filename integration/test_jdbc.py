"""pgjdbc as Debian has it, by a small program compiled here."""

import pytest

from support.jdbc import compiled
from support.jdbc import jdbc as run

DRIVER = "/usr/share/java/postgresql.jar"


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    return compiled("Smoke", tmp_path_factory.mktemp("jdbc"), DRIVER)


def jdbc(pooler, classes, *checks):
    return run(pooler, "Smoke", classes, DRIVER, *checks)


def test_jdbc_batches_copy_cancel(pooler, classes):
    jdbc(pooler, classes, "prepared:0", "threads:0", "copy", "cancel")


@pytest.mark.requires_headgate
def test_jdbc_prepared_settings_portals(pooler, classes):
    jdbc(pooler, classes, "prepared:1", "prepared:5", "prepared:-1", "threads:1", "batches", "settings")
