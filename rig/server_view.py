"""What the server has, read from its database for the comparison."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.sql import SQL, Literal

from rig.figures import Reading
from rig.readings import Gap, Stored
from rig.rows import Place, Row, stored_row
from runtime.clock import from_datetime
from runtime.errors import RetryLater

_CONNECT_LIMIT_S = 10
_FETCHED = 20_000
"""Rows fetched at a time."""
_TAGS_AT_ONCE = 400
_ROWS = """
SELECT e.plant, e.edge, b.epoch, b.class, b.seq, b.batch,
       t.path, r.ts, r.num, r.big, r.txt, r.q, t.dtype
FROM lineside.reading r
JOIN lineside.tag t USING (tag_id)
JOIN lineside.edge e USING (edge_id)
JOIN lineside.batch b ON b.edge_id = t.edge_id AND b.batch = r.batch
WHERE e.edge <> ALL(%s)
"""
_STRAYS = """
SELECT count(*) FROM lineside.reading r
LEFT JOIN lineside.tag t USING (tag_id)
LEFT JOIN lineside.batch b ON b.edge_id = t.edge_id AND b.batch = r.batch
LEFT JOIN lineside.edge e ON e.edge_id = t.edge_id
WHERE b.batch IS NULL AND coalesce(e.edge <> ALL(%s), true)
"""
_WHOLE_NUMBERS = """
SELECT t.path, string_agg(int4send(coalesce(r.big, r.num::bigint)::integer), ''::bytea)
FROM lineside.reading r JOIN lineside.tag t USING (tag_id)
WHERE r.tag_id = ANY(%s) AND coalesce(r.big, r.num) IS NOT NULL
GROUP BY t.path
"""
_TAGS = """
SELECT t.tag_id FROM lineside.tag t JOIN lineside.edge e USING (edge_id) WHERE e.edge = %s
ORDER BY t.tag_id
"""
_COUNTERS = """
SELECT c.equipment, c.role, c.edge, c.path, t.tag_id
FROM lineside.counter_binding c
JOIN lineside.edge e ON e.plant = c.plant AND e.edge = c.edge
JOIN lineside.tag t ON t.edge_id = e.edge_id AND t.path = c.path
WHERE c.kind <> 'pulse'
ORDER BY c.edge, c.path, t.tag_id
"""
_LATENCY = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY lag),
       percentile_cont(0.99) WITHIN GROUP (ORDER BY lag)
FROM (
  SELECT extract(epoch FROM b.committed_at - r.ts) * 1000 AS lag
  FROM lineside.reading r JOIN lineside.tag t USING (tag_id)
  JOIN lineside.batch b ON b.edge_id = t.edge_id AND b.batch = r.batch
  WHERE {windows}
) AS lags
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counter:
    """A counter the plan binds: what was read and what was counted."""

    equipment: str
    role: str
    edge: str
    path: str
    readings: list[Reading]
    quantity: float
    by_run: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """An alarm the server raised."""

    rule: str
    bit: int | None
    raised_us: int
    cleared_us: int | None


@contextmanager
def in_words(folder: Path) -> Iterator[None]:
    """Raise RetryLater (LS-8106) where the database went away; `folder`: where its log is."""
    try:
        yield
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RetryLater("LS-8106", folder=str(folder), reason=reason) from error


class ServerView:
    """The server's database at one moment: read-only, and whatever is committed meanwhile unseen.

    The moment is that of the first question; `snapshot`: that of the view that gave it out.
    `apart`: edges whose readings are not looked at row by row (`stored`, `strays`).
    """

    def __init__(
        self, dsn: str, *, snapshot: str | None = None, apart: Collection[str] = ()
    ) -> None:
        self._dsn = dsn
        self._snapshot = snapshot
        self._apart = list(apart)
        self._connection: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        self._connection = psycopg.connect(
            self._dsn, options="-c timezone=UTC", connect_timeout=_CONNECT_LIMIT_S
        )
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection.read_only = True
        if self._snapshot is not None:
            self._connection.execute(
                SQL("SET TRANSACTION SNAPSHOT {}").format(Literal(self._snapshot))
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def snapshot(self) -> str:
        """Give out this view's moment to others, for as long as this one is open."""
        return str(self._value("SELECT pg_export_snapshot()"))

    def stored(self) -> dict[Place, list[Stored]]:
        """Every row of `reading`, by the record it came from and the batch it went in with."""
        found: dict[Place, dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for plant, edge, epoch, cls, seq, batch, *columns in self._stream(_ROWS, self._apart):
            path, ts, num, big, txt, quality, dtype = columns
            where = Place(plant=plant, edge=edge, epoch=epoch, cls=cls, seq=seq)
            row = stored_row(path, from_datetime(ts), num, big, txt, quality, dtype)
            found[where][batch].append(row)
        return {
            where: [Stored(batch=batch, rows=tuple(rows)) for batch, rows in batches.items()]
            for where, batches in found.items()
        }

    def whole_numbers(self, edge: str) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """All values of an edge's tags, which must be numbers of 32 bits: path, values in no order.

        Fetched some hundred tags at a time: neighbours stand together in a table by time.
        """
        tags = [tag_id for (tag_id,) in self._query(_TAGS, edge)]
        for at in range(0, len(tags), _TAGS_AT_ONCE):
            for path, body in self._query(_WHOLE_NUMBERS, tags[at : at + _TAGS_AT_ONCE]):
                yield path, np.frombuffer(body, ">i4").astype(np.int64)

    def strays(self) -> int:
        """Rows of `reading` that belong to no batch."""
        return int(self._value(_STRAYS, self._apart))

    def gaps(self) -> list[Gap]:
        """All gaps."""
        rows = self._query(
            "SELECT e.plant, e.edge, g.class, g.device, g.from_ts, g.to_ts, g.cause"
            " FROM lineside.gap g JOIN lineside.edge e USING (edge_id)"
        )
        return [
            Gap(
                plant=plant,
                edge=edge,
                cls=cls,
                device=device,
                from_us=from_datetime(since),
                to_us=_optional_us(until),
                cause=cause,
            )
            for plant, edge, cls, device, since, until, cause in rows
        ]

    def counters(self) -> list[Counter]:
        """Every cumulative counter of the plan, tag by tag."""
        return [
            Counter(
                equipment=equipment,
                role=role,
                edge=edge,
                path=path,
                readings=self._readings(tag_id),
                quantity=float(
                    self._value(
                        "SELECT coalesce(sum(quantity), 0) FROM lineside.count_fact"
                        " WHERE tag_id = %s",
                        tag_id,
                    )
                ),
                by_run={
                    run: float(quantity)
                    for run, quantity in self._query(
                        "SELECT run, sum(quantity) FROM lineside.production_1m"
                        " WHERE tag_id = %s GROUP BY run",
                        tag_id,
                    )
                },
            )
            for equipment, role, edge, path, tag_id in self._query(_COUNTERS)
        ]

    def alarms(self) -> list[Alarm]:
        """Every alarm ever raised."""
        rows = self._query("SELECT rule, bit, raised_at, cleared_at FROM lineside.alarm")
        return [
            Alarm(
                rule=rule, bit=bit, raised_us=from_datetime(raised), cleared_us=_optional_us(ended)
            )
            for rule, bit, raised, ended in rows
        ]

    def orders(self) -> list[tuple[str, str, float]]:
        """(order, equipment, required) of the plan."""
        return [
            (order, equipment, float(required))
            for order, equipment, required in self._query(
                "SELECT order_no, equipment, required FROM lineside.work_order ORDER BY order_no"
            )
        ]

    def notices(self) -> set[str]:
        """Codes of what people were told."""
        return {code for (code,) in self._query("SELECT DISTINCT code FROM lineside.notice")}

    def forks(self) -> set[str]:
        """Epochs of which people were told that two buffers go on from them (LS-5411)."""
        rows = self._query(
            "SELECT params ->> 'predecessor' FROM lineside.notice WHERE code = 'LS-5411'"
        )
        return {epoch for (epoch,) in rows}

    def unfinished_figures(self) -> int:
        """Minutes still to be recomputed."""
        return int(self._value("SELECT count(*) FROM lineside.production_dirty"))

    def rows(self) -> int:
        """How many readings the streams have brought."""
        return int(self._value("SELECT coalesce(sum(rows), 0) FROM lineside.stream"))

    def cursors(self) -> dict[tuple[str, str], int]:
        """(epoch, class) to cursor."""
        rows = self._query("SELECT epoch, class, cursor FROM lineside.stream")
        return {(str(epoch), cls): int(cursor) for epoch, cls, cursor in rows}

    def latency_ms(
        self, windows: Sequence[tuple[datetime, datetime]]
    ) -> tuple[float | None, float | None]:
        """p50 and p99 from event time to commit, of readings taken in the windows."""
        if not windows:
            return None, None
        clause = " OR ".join("(r.ts >= %s AND r.ts < %s)" for _ in windows)
        arguments = [moment for window in windows for moment in window]
        [(p50, p99)] = self._query(_LATENCY.format(windows=clause), *arguments)
        return (
            None if p50 is None else round(float(p50), 1),
            None if p99 is None else round(float(p99), 1),
        )

    def _readings(self, tag_id: int) -> list[Reading]:
        rows = self._query(
            "SELECT ts, coalesce(big, num) FROM lineside.reading WHERE tag_id = %s"
            " AND q >= 0 AND q < 1073741824 AND coalesce(big, num) IS NOT NULL"
            " ORDER BY batch, ts",
            tag_id,
        )
        return [Reading(at_us=from_datetime(ts), raw=int(value)) for ts, value in rows]

    def _query(self, sql: str, *arguments: object) -> Iterator[tuple[Any, ...]]:
        if self._connection is None:
            raise RuntimeError("the view is not open")
        yield from self._connection.execute(sql.encode(), arguments or None)

    def _stream(self, sql: str, *arguments: object) -> Iterator[tuple[Any, ...]]:
        """For what is too much to be held twice: fetched as it is used."""
        if self._connection is None:
            raise RuntimeError("the view is not open")
        with self._connection.cursor(name="lineside_rows") as cursor:
            cursor.itersize = _FETCHED
            cursor.execute(sql.encode(), arguments or None)
            yield from cursor

    def _value(self, sql: str, *arguments: object) -> Any:
        return next(self._query(sql, *arguments))[0]


def _optional_us(at: datetime | None) -> int | None:
    return None if at is None else from_datetime(at)
