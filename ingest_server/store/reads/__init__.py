"""What the API reads, and the few audited facts it writes: one file `sql/<topic>.sql` a topic."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import psycopg
from psycopg.rows import AsyncRowFactory, DictRow, TupleRow, dict_row, tuple_row

from ingest_server.store.queries import Queries, beside

Connection = psycopg.AsyncConnection[DictRow]


async def rows(connection: Connection, topic: str, query: str, **params: Any) -> list[DictRow]:
    """All rows of a query, as mappings. Raises psycopg.Error."""
    cursor = await connection.execute(queries(topic)[query], params)
    return await cursor.fetchall()


async def tuple_rows(
    connection: Connection, topic: str, query: str, **params: Any
) -> list[TupleRow]:
    """All rows of a query, each as a tuple in the order of its columns. Raises psycopg.Error."""
    cursor = connection.cursor(row_factory=tuple_row)
    await cursor.execute(queries(topic)[query], params)
    return await cursor.fetchall()


async def several(
    connection: Connection, topic: str, *asked: tuple[str, dict[str, Any]]
) -> list[list[DictRow]]:
    """The rows of several queries with their parameters, sent together. Raises psycopg.Error."""
    return await _together(connection, topic, asked, dict_row, binary=False)


async def tuples(
    connection: Connection, topic: str, *asked: tuple[str, dict[str, Any]]
) -> list[list[TupleRow]]:
    """As `several`, each row as a tuple in the order of the query's columns: for many rows.

    Numbers come in binary: to write and read their digits would cost more than all the rest.
    """
    return await _together(connection, topic, asked, tuple_row, binary=True)


async def _together(
    connection: Connection,
    topic: str,
    asked: Sequence[tuple[str, dict[str, Any]]],
    factory: AsyncRowFactory[Any],
    *,
    binary: bool,
) -> list[list[Any]]:
    async with connection.pipeline():
        cursors = [connection.cursor(row_factory=factory) for _ in asked]
        for cursor, (query, params) in zip(cursors, asked, strict=True):
            await cursor.execute(queries(topic)[query], params, binary=binary)
        return [await cursor.fetchall() for cursor in cursors]


async def row(connection: Connection, topic: str, query: str, **params: Any) -> DictRow | None:
    """The only row of a query, or None. Raises psycopg.Error."""
    cursor = await connection.execute(queries(topic)[query], params)
    return await cursor.fetchone()


@cache
def queries(topic: str) -> Queries:
    """The queries of one topic, read once."""
    return beside(__file__, f"{topic}.sql")
