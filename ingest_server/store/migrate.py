"""Brings a database to the schema of this release: numbered `.sql` files, one process at a time.

Several servers may start at once on one database: an advisory lock of PostgreSQL lets one migrate
while the others wait, then find nothing left to do. Each migration is one transaction.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ingest_server.store.errors import DatabaseAhead, StoreRefuses, migrating
from ingest_server.store.views import put_views

if TYPE_CHECKING:
    from collections.abc import Iterator

MIGRATION_LOCK = 0x4C53_4445_0001
"""Key of the advisory lock: the letters LSDE and a number of ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Migrated:
    """What `migrate` found and left: revisions before (None: an empty database) and after."""

    before: str | None
    after: str


def migrate(dsn: str, *, hypertables: bool = True) -> Migrated:
    """Make the database of `dsn` current; safe to call always and by several processes at once.

    `hypertables`: a new database uses TimescaleDB where it can be had. Raises StoreError;
    DatabaseAhead where a later release has migrated it already, StoreAway also while a dump is
    being restored: what is there of it is left alone.
    """
    config = _config()
    with _connected(dsn) as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)  # noqa: S101 - the creator made it
        driver.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        driver.execute("CREATE SCHEMA IF NOT EXISTS lineside")
        moving = driver.execute("SELECT to_regclass('lineside.reading_moving')").fetchone()
        driver.commit()
        if moving and moving[0] is not None:
            raise StoreRefuses("LS-5840")
        before = _revision(connection)
        if before is not None and before not in revisions():
            raise DatabaseAhead("LS-5510", found=before)
        config.attributes["connection"] = connection
        config.attributes["hypertables"] = hypertables
        command.upgrade(config, "head")
        connection.commit()
        put_views(driver)
        return Migrated(before=before, after=_revision(connection) or "")


def revisions() -> tuple[str, ...]:
    """All that this release knows, the newest first."""
    known = ScriptDirectory.from_config(_config())
    return tuple(each.revision for each in known.walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _connected(dsn: str) -> Iterator[sqlalchemy.Connection]:
    """A connection of its own that is closed at the end, which also gives the lock back."""
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(
            dsn,
            connect_timeout=10,
            application_name="lineside migrate",
            options="-c search_path=lineside,public -c timezone=UTC",
        ),
        poolclass=sqlalchemy.NullPool,
    )
    try:
        with migrating():
            try:
                with engine.connect() as connection:
                    yield connection
            except sqlalchemy.exc.DBAPIError as error:
                raise (error.orig or error) from error
    finally:
        engine.dispose()


def _revision(connection: sqlalchemy.Connection) -> str | None:
    context = MigrationContext.configure(
        connection, opts={"version_table": "schema_version", "version_table_schema": "lineside"}
    )
    return context.get_current_revision()
