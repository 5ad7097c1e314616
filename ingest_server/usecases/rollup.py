"""Brings readings per minute and per hour up to date with what was stored (role `work`).

Invariants:
- a bucket is always computed whole, after its end plus a grace, from all its readings; so the same
  readings give the same rows, whatever the order in which they came, and doing it twice changes
  nothing;
- marks are taken first and the readings read in later statements of the same transaction: what is
  committed in between has left a mark of its own;
- a step is bounded: what it does not reach is marked again in the same transaction;
- readings that retention may have dropped are never computed again: their rollups stand.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from psycopg import sql

from ingest_server.store import connection as connections
from ingest_server.store.errors import StoreError, wrapped
from ingest_server.store.partitions import DAY_US, HOURS, MINUTES, Partitions
from ingest_server.store.queries import of_store
from ingest_server.store.series import BUCKETS, ORIGIN
from runtime.clock import from_datetime, to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingest_server.store.connection import Connection
    from runtime.clock import Clock

MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US
_LOCK: Final = 0x4C53_4445_0005
_MOST_MARKS: Final = 20_000
_MOST_SPANS: Final = 32
_MOST_HOURS: Final = 16
_MOST_CELLS: Final = 20_000
"""Tags times minutes in one statement."""
_SQL = of_store("rollup.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """Minutes of an edge to compute in one go, within one hour; microseconds, end exclusive."""

    edge_id: int
    from_us: int
    to_us: int


class Rollup:
    """Drains the marks of changed minutes and hours. Blocking; one thread at a time.

    `grace_s`: how long after its end a bucket is computed first; later readings compute it again.
    """

    def __init__(self, dsn: str, *, clock: Clock, grace_s: float = 10.0) -> None:
        self._dsn = dsn
        self._clock = clock
        self._grace_us = round(grace_s * 1e6)
        self._connection: Connection | None = None
        self._minutes = Partitions(dsn, MINUTES)
        self._hours = Partitions(dsn, HOURS)

    def step(self) -> int:
        """Compute some of what is due: how many spans and hours; 0: all is done. Raises StoreError.

        Hours wait until no minute is due: they are made from minutes.
        """
        try:
            if self._connection is None or self._connection.closed:
                self._connection = connections.connect(self._dsn, name="rollup")
            now_us = self._clock() - self._grace_us
            return self._roll_minutes(self._connection, now_us) or self._roll_hours(
                self._connection, now_us
            )
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        """Give the connections back."""
        self._minutes.close()
        self._hours.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _roll_minutes(self, connection: Connection, now_us: int) -> int:
        with wrapped(), connection.transaction():
            if not _my_turn(connection):
                return 0
            due = {"due": to_datetime(now_us - MINUTE_US), "limit": _MOST_MARKS}
            found = connection.execute(_SQL["take_marks"], due).fetchall()
            if not found:
                return 0
            marks = {(edge_id, from_datetime(minute)) for edge_id, minute in found}
            tags = _tags(connection, {edge_id for edge_id, _ in marks})
            frozen = _frozen(connection)
            spans = spans_of(
                marks, {edge_id: sum(map(len, each.values())) for edge_id, each in tags.items()}
            )
            later: set[tuple[int, int]] = set()
            for span in spans[_MOST_SPANS:]:
                minutes = range(span.from_us, span.to_us, MINUTE_US)
                later |= marks.intersection((span.edge_id, minute) for minute in minutes)
            spans = spans[:_MOST_SPANS]
            self._minutes.ensure(span.from_us // DAY_US for span in spans)
            for span in spans:
                wanted = _open(tags.get(span.edge_id, {}), frozen, span.from_us)
                later |= {(span.edge_id, at) for at in _roll_span(connection, span, wanted)}
            _put(connection, "put_marks", "minute", later)
            hours = {(span.edge_id, span.from_us - span.from_us % HOUR_US) for span in spans}
            _put(connection, "put_hours", "hour", hours)
            return len(spans)

    def _roll_hours(self, connection: Connection, now_us: int) -> int:
        with wrapped(), connection.transaction():
            if not _my_turn(connection):
                return 0
            due = {"due": to_datetime(now_us - HOUR_US), "limit": _MOST_HOURS}
            found = connection.execute(_SQL["take_hours"], due).fetchall()
            if not found:
                return 0
            self._hours.ensure(from_datetime(hour) // DAY_US for _, hour in found)
            tags = _tags(connection, {edge_id for edge_id, _ in found})
            frozen = _frozen(connection)
            for edge_id, hour in found:
                wanted = _open(tags.get(edge_id, {}), frozen, from_datetime(hour))
                connection.execute(_SQL["roll_hours"], {"tags": wanted, "hour": hour})
            return len(found)


def spans_of(marks: Iterable[tuple[int, int]], tags: Mapping[int, int]) -> list[Span]:
    """Marked minutes (edge id, start) as spans without a hole, each within an hour, oldest first.

    `tags`: how many each edge has; a span is the shorter the more there are.
    """
    spans: list[Span] = []
    for edge_id, minute in sorted(set(marks)):
        most_us = max(1, _MOST_CELLS // max(1, tags.get(edge_id, 1))) * MINUTE_US
        last = spans[-1] if spans else None
        if (
            last is not None
            and last.edge_id == edge_id
            and last.to_us == minute
            and minute % HOUR_US
            and minute - last.from_us < most_us
        ):
            spans[-1] = Span(edge_id=edge_id, from_us=last.from_us, to_us=minute + MINUTE_US)
        else:
            spans.append(Span(edge_id=edge_id, from_us=minute, to_us=minute + MINUTE_US))
    return sorted(spans, key=lambda span: (span.from_us, span.edge_id))


def _roll_span(connection: Connection, span: Span, tags: list[int]) -> list[int]:
    """Compute the minutes of a span; the later minutes that this changes."""
    if not tags:
        return []
    found = connection.execute(
        sql.SQL(_SQL["roll_minutes"].decode()).format(buckets=sql.SQL(BUCKETS.decode())),
        {
            "tags": tags,
            "from_ts": to_datetime(span.from_us),
            "to_ts": to_datetime(span.to_us),
            "width": timedelta(minutes=1),
            "origin": ORIGIN,
        },
    ).fetchall()
    return [from_datetime(minute) for (minute,) in found]


def _my_turn(connection: Connection) -> bool:
    row = connection.execute(_SQL["one_at_a_time"], {"key": _LOCK}).fetchone()
    return bool(row and row[0])


def _tags(connection: Connection, edge_ids: Iterable[int]) -> dict[int, dict[str, list[int]]]:
    """Tag ids by edge and class."""
    found: dict[int, dict[str, list[int]]] = {}
    for edge_id, cls, ids in connection.execute(_SQL["tags"], {"edge_id": list(edge_ids)}):
        found.setdefault(edge_id, {})[cls] = ids
    return found


def _frozen(connection: Connection) -> dict[str, int]:
    return {cls: from_datetime(before) for cls, before in connection.execute(_SQL["frozen"])}


def _open(tags: Mapping[str, list[int]], frozen: Mapping[str, int], from_us: int) -> list[int]:
    """The tags whose readings of that time are all there."""
    return [tag for cls, ids in tags.items() if frozen.get(cls, from_us) <= from_us for tag in ids]


def _put(connection: Connection, name: str, column: str, marks: Iterable[tuple[int, int]]) -> None:
    ordered = sorted(marks)
    if ordered:
        parameters = {
            "edge_id": [edge_id for edge_id, _ in ordered],
            column: [to_datetime(at_us) for _, at_us in ordered],
        }
        connection.execute(_SQL[name], parameters)
