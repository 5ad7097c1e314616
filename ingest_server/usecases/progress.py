"""Brings production per minute up to date with counts and assignments (role `work`).

Invariants:
- a minute is always computed whole, from all its facts and the assignments as they are now;
- marks are taken first and the facts read in later statements of the same transaction: what is
  committed in between has left a mark of its own;
- the same facts and assignments give the same rows, whatever the order in which they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest_server.domain.assignments import Assignment, timelines_for
from ingest_server.domain.attribution import Key, attribute
from ingest_server.domain.facts import Facts
from ingest_server.store import connection as connections
from ingest_server.store.arrays import bigints_of, bools_of, doubles_of, times_of
from ingest_server.store.errors import StoreError, wrapped
from ingest_server.store.queries import of_store
from runtime.clock import from_datetime, to_datetime

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest_server.store.connection import Connection

_LOCK: Final = 0x4C53_4445_0004
_MOST_MARKS: Final = 5_000
_SQL = of_store("progress.sql")

Place = tuple[str, str]
"""Plant and equipment."""
Minute = tuple[str, str, datetime]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Counter:
    """The facts of one counter of one equipment, and in which of its edge's batches each came."""

    edge_id: int
    role: str
    gap_s: float | None
    batch: NDArray[np.int64]
    facts: Facts


class Progress:
    """Drains the marks of changed minutes. Blocking; one thread at a time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Connection | None = None

    def drain(self) -> int:
        """Recompute some of the marked minutes; how many. Raises StoreError."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = connections.connect(self._dsn, name="progress")
            with wrapped(), self._connection.transaction():
                return _drain(self._connection)
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _drain(connection: Connection) -> int:
    turn = connection.execute(_SQL["one_at_a_time"], {"key": _LOCK}).fetchone()
    if turn is None or not turn[0]:
        return 0
    marks = connection.execute(_SQL["take_marks"], {"limit": _MOST_MARKS}).fetchall()
    minutes: list[Minute] = sorted(
        {(plant, equipment, minute) for plant, equipment, minute in marks}
    )
    if not minutes:
        return 0
    wanted = {
        "plant": [plant for plant, _, _ in minutes],
        "equipment": [equipment for _, equipment, _ in minutes],
        "minute": [minute for _, _, minute in minutes],
    }
    counters = _counters(connection.execute(_SQL["facts"], wanted, binary=True).fetchall())
    rows = production(counters, _lines(connection, minutes, counters))
    connection.execute(_SQL["clear_minutes"], wanted)
    if rows:
        names = ("plant", "equipment", "minute", "tag_id", "role", "run", "quantity")
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        connection.execute(_SQL["add_rows"], columns)
    return len(minutes)


def _counters(found: Iterable[Sequence[Any]]) -> dict[tuple[Place, int], _Counter]:
    return {
        ((plant, equipment), tag_id): _Counter(
            edge_id=edge_id,
            role=role,
            gap_s=gap_s,
            batch=bigints_of(batch),
            facts=_facts(times_of(ts), times_of(from_ts), doubles_of(quantity), bools_of(broken)),
        )
        for (
            plant,
            equipment,
            tag_id,
            edge_id,
            role,
            gap_s,
            batch,
            ts,
            from_ts,
            quantity,
            broken,
        ) in found
    }


def _lines(
    connection: Connection,
    minutes: Iterable[Minute],
    counters: Mapping[tuple[Place, int], _Counter],
) -> dict[Place, list[Assignment]]:
    since: dict[Place, int] = {}
    for plant, equipment, minute in minutes:
        place = (plant, equipment)
        since[place] = min(from_datetime(minute), since.get(place, 2**62))
    for (place, _), counter in counters.items():
        since[place] = min(since[place], int(counter.facts.from_us.min()))
    found = connection.execute(
        _SQL["assignments"],
        {
            "plant": [plant for plant, _ in since],
            "equipment": [equipment for _, equipment in since],
            "since": [to_datetime(max(at_us, 0)) for at_us in since.values()],
        },
    ).fetchall()
    lines: dict[Place, list[Assignment]] = {place: [] for place in since}
    for plant, equipment, at, order, operation, source, author, seq, edge_id, batch in found:
        lines[plant, equipment].append(
            Assignment(
                equipment=equipment,
                at_us=from_datetime(at),
                order=order,
                operation=operation,
                source=source,
                author=author,
                seq=seq,
                since=None if edge_id is None else (edge_id, batch),
            )
        )
    return lines


def production(
    counters: Mapping[tuple[Place, int], _Counter], lines: Mapping[Place, Sequence[Assignment]]
) -> list[tuple[str, str, datetime, int, str, str, float]]:
    """Rows of `production_1m` of these counters' facts."""
    rows: list[tuple[str, str, datetime, int, str, str, float]] = []
    for (place, tag_id), counter in sorted(counters.items(), key=lambda item: item[0]):
        gap_us = None if counter.gap_s is None else round(counter.gap_s * 1e6)
        sums: dict[tuple[int, str], float] = {}
        for told, line in timelines_for(lines[place], counter.edge_id, counter.batch):
            made = attribute(counter.facts.take(told), line, gap_us=gap_us)
            for key, minute_us, quantity in zip(
                made.key.tolist(), made.minute_us.tolist(), made.quantity.tolist(), strict=True
            ):
                which = (minute_us, run_of(made.keys[key]))
                sums[which] = sums.get(which, 0.0) + quantity
        rows += [
            (*place, to_datetime(minute_us), tag_id, counter.role, run, quantity)
            for (minute_us, run), quantity in sums.items()
        ]
    return rows


def run_of(key: Key) -> str:
    """The text in `production_1m.run`."""
    return f"order:{key.run.order}" if key.place == "order" else key.place


def _facts(
    ts_us: NDArray[np.int64],
    from_us: NDArray[np.int64],
    quantity: NDArray[np.float64],
    discontinuous: NDArray[np.bool_],
) -> Facts:
    nothing = np.zeros(len(ts_us), np.int64)
    return Facts(
        ts_us=ts_us,
        from_us=from_us,
        quantity=quantity,
        cause=np.zeros(len(ts_us), np.uint8),
        discontinuous=discontinuous,
        before=nothing,
        value=nothing,
    )
