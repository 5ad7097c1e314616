"""Connections to the database: one set of session parameters, errors wrapped."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from psycopg.rows import DictRow, dict_row

from ingest_server.store import arrays
from ingest_server.store.errors import wrapped

Connection = psycopg.Connection[Any]

_OPTIONS: Final = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "search_path": "lineside,public",
        "timezone": "UTC",
        # What was acknowledged to an edge survives a power cut, whatever the server's default is.
        "synchronous_commit": "on",
        # A lock held by somebody for longer is retried, not waited for in silence.
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "60s",
        "statement_timeout": "120s",
    }.items()
)


def connect(dsn: str, *, name: str) -> Connection:
    """An open connection in autocommit; transactions are made by `with connection.transaction()`.

    `name` shows in pg_stat_activity. A server that vanished is noticed within about 30 s.
    Raises StoreError.
    """
    with wrapped():
        connection = psycopg.connect(
            dsn,
            autocommit=True,
            connect_timeout=10,
            application_name=f"lineside {name}",
            options=_OPTIONS,
            keepalives_idle=15,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=30_000,
        )
    arrays.teach(connection)
    return connection


@asynccontextmanager
async def opened(dsn: str, *, name: str) -> AsyncIterator[psycopg.AsyncConnection[DictRow]]:
    """One transaction on a connection of its own; rows are mappings. Raises StoreError."""
    with wrapped():
        async with (
            await psycopg.AsyncConnection[DictRow].connect(
                dsn,
                autocommit=True,
                row_factory=dict_row,
                connect_timeout=10,
                application_name=f"lineside {name}",
                options=_OPTIONS,
            ) as connection,
            connection.transaction(),
        ):
            yield connection


def silence_library() -> None:
    """What psycopg's pool has to say about a database that is away, we say in words of ours."""
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
