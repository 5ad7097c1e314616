"""The parts of a table that hold a span of time each: partitions or chunks; list, drop, thin out.

Invariants: every DDL gives up on a lock soon and is tried again, so that nobody's long transaction
makes writers queue behind it; each call is done whole or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import psycopg
from psycopg import sql

from ingest_server.store.errors import StoreAway, wrapped
from ingest_server.store.partitions import DAY_US, Partitioned
from ingest_server.store.queries import beside
from runtime.clock import from_datetime, to_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.store.connection import Connection

R = TypeVar("R")
_TRIES: Final = 10
_SQL = beside(__file__, "spans.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """One partition or chunk: [from_us, to_us), and the bytes it takes with its indexes."""

    table: str
    schema: str
    name: str
    from_us: int
    to_us: int
    size: int
    compressed: bool = False
    chunk: bool = False


class Spans:
    """What there is of a table, and how to make it less. Blocking; one thread at a time."""

    def __init__(
        self, connection: Connection, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._connection = connection
        self._sleep = sleep

    def of(self, table: Partitioned) -> list[Span]:
        """The spans of a table, oldest first. Raises StoreError."""
        name = {"table": f"lineside.{table.table}", "name": table.table}
        with wrapped():
            row = self._connection.execute(_SQL["is_partitioned"], name).fetchone()
            if row and row[0]:
                found = self._connection.execute(_SQL["partitions"], name).fetchall()
                spans = [
                    Span(
                        table=table.table,
                        schema="lineside",
                        name=child,
                        from_us=day * DAY_US,
                        to_us=(day + table.days) * DAY_US,
                        size=size,
                    )
                    for child, size in found
                    if (day := table.day_of(child)) is not None
                ]
            else:
                found = self._connection.execute(_SQL["chunks"], name).fetchall()
                spans = [
                    Span(
                        table=table.table,
                        schema=schema,
                        name=child,
                        from_us=from_datetime(start),
                        to_us=from_datetime(end),
                        size=size,
                        compressed=compressed,
                        chunk=True,
                    )
                    for schema, child, start, end, size, compressed in found
                ]
        return sorted(spans, key=lambda span: span.from_us)

    def drop(self, span: Span) -> None:
        """Remove a span with everything in it. Raises StoreError."""

        def work() -> None:
            if span.chunk:
                bounds = {
                    "table": f"lineside.{span.table}",
                    "from_ts": to_datetime(span.from_us),
                    "to_ts": to_datetime(span.to_us),
                }
                self._connection.execute(_SQL["drop_chunks"], bounds)
                return
            names = {
                "table": sql.Identifier("lineside", span.table),
                "name": sql.Identifier(span.schema, span.name),
            }
            for step in ("detach", "drop"):
                self._connection.execute(sql.SQL(_SQL[step].decode()).format(**names))

        self._patiently(work)

    def thin(self, span: Span, tags: Sequence[int]) -> int:
        """Remove the readings of some tags from a span and give their space back; how many.

        Who reads the span goes on reading; who writes into it waits. Raises StoreError.
        """
        wanted = {"tags": list(tags)}
        name = {"name": sql.Identifier(span.schema, span.name)}

        def work() -> int:
            self._connection.execute(_SQL["take_time"])
            if span.compressed:
                # Whole segments of these tags go; nothing has to be decompressed for that.
                bounds = {"from_ts": to_datetime(span.from_us), "to_ts": to_datetime(span.to_us)}
                self._connection.execute(_SQL["decompress_freely"])
                return self._connection.execute(_SQL["delete"], {**wanted, **bounds}).rowcount
            before = self._count(name)
            for step in ("hold", "set_apart", "empty", "put_back"):
                self._connection.execute(sql.SQL(_SQL[step].decode()).format(**name), wanted)
            return before - self._count(name)

        with wrapped():
            has = sql.SQL(_SQL["has"].decode()).format(**name)
            if self._connection.execute(has, wanted).fetchone() is None:
                return 0
        return self._patiently(work)

    def _count(self, name: dict[str, sql.Identifier]) -> int:
        row = self._connection.execute(sql.SQL(_SQL["count"].decode()).format(**name)).fetchone()
        return int(row[0]) if row else 0

    def _patiently(self, work: Callable[[], R]) -> R:
        for attempt in range(1, _TRIES + 1):
            try:
                with self._connection.transaction():
                    self._connection.execute(_SQL["ddl_timeout"])
                    return work()
            except psycopg.Error as error:
                locked = isinstance(error, psycopg.errors.LockNotAvailable)
                if attempt == _TRIES or not locked:
                    state, reason = error.sqlstate or "-", " ".join(str(error).split())
                    raise StoreAway("LS-5501", state=state, reason=reason) from error
                self._sleep(0.2 * attempt)
        raise AssertionError("unreachable")
