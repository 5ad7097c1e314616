"""What the API reads, and the few audited facts it writes: one file `sql/<topic>.sql` a topic."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any, Final

import psycopg
from psycopg.rows import DictRow, TupleRow, tuple_row

from ingest_server.store.queries import Queries, beside

Connection = psycopg.AsyncConnection[DictRow]

_PARAMETER: Final = re.compile(rb"%\((\w+)\)s")


async def rows(connection: Connection, topic: str, query: str, **params: Any) -> list[DictRow]:
    """All rows of a query, as mappings. Raises psycopg.Error."""
    cursor = await connection.execute(queries(topic)[query], params)
    return await cursor.fetchall()


async def tuple_rows(
    connection: Connection, topic: str, query: str, **params: Any
) -> list[TupleRow]:
    """All rows of a query, each as a tuple in the order of its columns: for many rows.

    Numbers come in binary: to write and read their digits would cost more than all the rest.
    Raises psycopg.Error.
    """
    cursor = connection.cursor(row_factory=tuple_row)
    await cursor.execute(queries(topic)[query], params, binary=True)
    return await cursor.fetchall()


async def united(
    connection: Connection, topic: str, *asked: tuple[str, dict[str, Any]]
) -> list[TupleRow]:
    """The rows of several queries with the same columns, asked as one; else as `tuple_rows`.

    What tells the queries' rows apart has to be a column. Raises psycopg.Error.
    """
    text, names = _united(topic, tuple(query for query, _ in asked))
    # A raw cursor: the other one would look through so long a text at every call.
    cursor = psycopg.AsyncRawCursor(connection, row_factory=tuple_row)
    params = [asked[number][1][name] for number, name in names]
    await cursor.execute(text, params, binary=True)
    return await cursor.fetchall()


@lru_cache(maxsize=256)
def _united(topic: str, asked: tuple[str, ...]) -> tuple[bytes, list[tuple[int, str]]]:
    """The queries as one with `$1`, and for each of these whose it is: place in `asked`, name."""
    names: list[tuple[int, str]] = []
    texts = []
    for number, query in enumerate(asked):
        text = queries(topic)[query]
        for name in dict.fromkeys(_PARAMETER.findall(text)):
            names.append((number, name.decode()))
            text = text.replace(b"%%(%b)s" % name, b"$%d" % len(names))
        texts.append(b"(%b)" % text)
    return b"\nUNION ALL\n".join(texts), names


async def row(connection: Connection, topic: str, query: str, **params: Any) -> DictRow | None:
    """The only row of a query, or None. Raises psycopg.Error."""
    cursor = await connection.execute(queries(topic)[query], params)
    return await cursor.fetchone()


@cache
def queries(topic: str) -> Queries:
    """The queries of one topic, read once."""
    return beside(__file__, f"{topic}.sql")
