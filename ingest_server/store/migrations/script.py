"""What the migrations share: running a `.sql` file whole, and finding TimescaleDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from alembic import context
from sqlalchemy import Connection

_VERSIONS = Path(__file__).with_name("versions")

# The loader of TimescaleDB defines its parameters only where it was preloaded; without that,
# CREATE EXTENSION would end the whole session.
_CAN_INSTALL = """
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb'),
       EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
       AND EXISTS (SELECT FROM pg_settings WHERE name LIKE 'timescaledb.%')
"""

_IS_HYPERTABLE = "SELECT relkind <> 'p' FROM pg_class WHERE oid = 'lineside.reading'::regclass"


def run(bind: Connection, name: str) -> None:
    """Run all statements of `versions/<name>` in the current transaction.

    Straight through psycopg: the file is sent as it is, whatever colons and percent signs it has.
    """
    _driver(bind).execute((_VERSIONS / name).read_bytes())


def install_timescaledb(bind: Connection) -> bool:
    """Whether to use TimescaleDB: it is wanted, and there or installed if this user may do that."""
    if not context.config.attributes.get("hypertables", True):
        return False
    connection = _driver(bind)
    row = connection.execute(_CAN_INSTALL).fetchone()
    installed, installable = row or (False, False)
    if installed or not installable:
        return bool(installed)
    try:
        with connection.transaction():
            connection.execute("CREATE EXTENSION timescaledb SCHEMA public")
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def reading_is_hypertable(bind: Connection) -> bool:
    """Whether readings lie in a hypertable: what follows from them then does too."""
    row = _driver(bind).execute(_IS_HYPERTABLE).fetchone()
    return bool(row and row[0])


def _driver(bind: Connection) -> psycopg.Connection[Any]:
    driver = bind.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(f"migrations need psycopg, not {type(driver).__name__}")
    return driver
