"""A database that is put back is there as a whole or not at all."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import psycopg
import pytest

from ingest_server.embedded.postgres import EmbeddedPostgres
from ingest_server.store.migrate import migrate
from rig import dumps

pytestmark = pytest.mark.timeout(120)
_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'lineside'"


def _tables(dsn: str) -> int | None:
    """How many tables there are; None where there is no database."""
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            row = connection.execute(_TABLES).fetchone()
    except psycopg.OperationalError:
        return None
    return None if row is None else int(row[0])


async def test_nobody_works_on_half_of_a_database_that_is_put_back(tmp_path: Path) -> None:
    environ = {k: v for k, v in os.environ.items() if k != "LINESIDE_POSTGRES_HOME"}
    async with EmbeddedPostgres(tmp_path / "database", environ=environ) as database:
        migrate(database.dsn)
        whole = _tables(database.dsn)
        file = tmp_path / "earlier.dump"
        dumps.dump(database, file, environ=environ)
        with psycopg.connect(database.dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE lineside.made_later ()")
        assert whole is not None
        putting_back = asyncio.create_task(
            asyncio.to_thread(dumps.restore, database, file, environ=environ)
        )
        seen: set[int | None] = set()
        while not putting_back.done():
            seen.add(await asyncio.to_thread(_tables, database.dsn))
        await putting_back
        assert seen <= {None, whole, whole + 1}
        assert _tables(database.dsn) == whole
