"""Small reads for the command line: gaps; rows as dicts."""

from __future__ import annotations

from typing import Any

from psycopg.rows import dict_row

from ingest_server.store import connection as connections
from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside

Row = dict[str, Any]
_SQL = beside(__file__, "looks.sql")


def gaps(dsn: str, *, edge: str | None, limit: int) -> list[Row]:
    """Times without data, newest first. Raises StoreError."""
    return _rows(dsn, "gaps", edge=edge, limit=limit)


def _rows(dsn: str, query: str, **parameters: Any) -> list[Row]:
    with wrapped(), connections.connect(dsn, name="cli") as connection:
        return connection.cursor(row_factory=dict_row).execute(_SQL[query], parameters).fetchall()
