"""Puts the views for BI tools (schema `lineside_bi`) there, after every migration.

Invariants: what stands in `views.sql` is what the database has; views that are current are not
touched, so a start never waits for a report that runs. Grants and people's own views on top stay,
since views are replaced in place.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import psycopg

SCHEMA: Final = "lineside_bi"

_FILE: Final = Path(__file__).with_name("views.sql")
_STATE: Final = """
SELECT obj_description(to_regnamespace(%(schema)s)::oid, 'pg_namespace') AS mark,
       (SELECT count(*) FROM pg_views WHERE schemaname = %(schema)s) AS views
"""


def put_views(connection: psycopg.Connection[Any]) -> bool:
    """Make the views current in a transaction of their own; whether there was anything to do.

    Call it again after a table they stand on was replaced (`DROP TABLE ... CASCADE` takes views
    along). Raises psycopg.Error.
    """
    text = _FILE.read_bytes()
    mark = f"views {hashlib.sha256(text).hexdigest()[:16]}"
    wanted = text.count(b"CREATE OR REPLACE VIEW ")
    with connection.transaction():
        row = connection.execute(_STATE, {"schema": SCHEMA}).fetchone()
        if row is not None and row[0] == mark and row[1] >= wanted:
            return False
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}".encode())
        connection.execute(text)
        connection.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{mark}'".encode())
    return True
