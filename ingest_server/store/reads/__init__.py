"""What the API reads, and the few audited facts it writes: one file `sql/<topic>.sql` a topic."""

from __future__ import annotations

from functools import cache
from typing import Any

import psycopg
from psycopg.rows import DictRow

from ingest_server.store.queries import Queries, beside

Connection = psycopg.AsyncConnection[DictRow]


async def rows(connection: Connection, topic: str, query: str, **params: Any) -> list[DictRow]:
    """All rows of a query, as mappings. Raises psycopg.Error."""
    cursor = await connection.execute(queries(topic)[query], params)
    return await cursor.fetchall()


async def several(
    connection: Connection, topic: str, *asked: tuple[str, dict[str, Any]]
) -> list[list[DictRow]]:
    """The rows of several queries with their parameters, sent together. Raises psycopg.Error."""
    async with connection.pipeline():
        cursors = [
            await connection.execute(queries(topic)[query], params) for query, params in asked
        ]
        return [await cursor.fetchall() for cursor in cursors]


async def row(connection: Connection, topic: str, query: str, **params: Any) -> DictRow | None:
    """The only row of a query, or None. Raises psycopg.Error."""
    cursor = await connection.execute(queries(topic)[query], params)
    return await cursor.fetchone()


@cache
def queries(topic: str) -> Queries:
    """The queries of one topic, read once."""
    return beside(__file__, f"{topic}.sql")
