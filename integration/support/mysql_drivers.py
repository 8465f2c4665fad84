"""Python's MySQL drivers under one name each: how they connect, and what differs between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mysql.connector
import MySQLdb
import MySQLdb.cursors
import pymysql


@dataclass(frozen=True)
class Driver:
    module: object
    connect: Callable
    #: A cursor that reads rows as they come.
    streaming: Callable
    #: Options that connect() takes, in the driver's own words.
    local_infile: dict
    compressed: dict | None


def _pymysql(pooler, user="app", dbname="app", **more):
    return pymysql.connect(
        host=pooler.host, port=pooler.port, user=user, password=pooler.password(user), database=dbname,
        charset=more.pop("charset", "utf8mb4"), connect_timeout=20, **more,
    )  # fmt: skip


def _mysqlclient(pooler, user="app", dbname="app", **more):
    return MySQLdb.connect(
        host=pooler.host, port=pooler.port, user=user, password=pooler.password(user), database=dbname,
        charset=more.pop("charset", "utf8mb4"), connect_timeout=20, ssl_mode="DISABLED", **more,
    )  # fmt: skip


def _connector(pure: bool):
    def connect(pooler, user="app", dbname="app", **more):
        return mysql.connector.connect(
            host=pooler.host, port=pooler.port, user=user, password=pooler.password(user), database=dbname,
            charset=more.pop("charset", "utf8mb4"), connection_timeout=20, use_pure=pure, ssl_disabled=True, **more,
        )  # fmt: skip

    return connect


DRIVERS = {
    "pymysql": Driver(pymysql, _pymysql, lambda c: c.cursor(pymysql.cursors.SSCursor), {"local_infile": True}, None),
    "mysqlclient": Driver(
        MySQLdb, _mysqlclient, lambda c: c.cursor(MySQLdb.cursors.SSCursor), {"local_infile": 1}, {"compress": True}
    ),
    "connector_pure": Driver(
        mysql.connector, _connector(True), lambda c: c.cursor(buffered=False), {"allow_local_infile": True}, {"compress": True}
    ),
    "connector_c": Driver(
        mysql.connector, _connector(False), lambda c: c.cursor(buffered=False), {"allow_local_infile": True}, {"compress": True}
    ),
}
