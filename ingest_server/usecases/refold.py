"""Folds what parked streams kept, in stream order, and lets their folds go on.

Invariants:
- some records are folded at a time, in the transaction that takes them out of `unfolded` and saves
  the states: a process that is killed in between leaves them folded or kept, never both;
- the edge's writer is held meanwhile and then reads everything afresh: either it adds a record to
  what is kept, or it finds the stream up to date and folds by itself;
- a record whose fold fails again stays, with all after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingest_server.store import changes as store_changes
from ingest_server.store import connection as connections
from ingest_server.store import folding, unfolded
from ingest_server.store.errors import PlanChanged, wrapped
from ingest_server.store.rows import NoticeRow
from ingest_server.usecases.folds import Folds

if TYPE_CHECKING:
    from ingest_server.store.connection import Connection
    from runtime.clock import Clock
    from wire.frame import StreamClass
    from wire.ids import EdgeId

AT_ONCE: Final = 200
"""Records folded in one transaction: so long the edge's writer waits."""
PAUSE_S: Final = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Refolded:
    """What became of one edge's streams of a class. `error`: why the next record failed again."""

    edge: EdgeId
    cls: StreamClass
    records: int
    left: int
    error: Exception | None = None


def refold(
    dsn: str,
    *,
    clock: Clock,
    edge: EdgeId | None = None,
    at_once: int = AT_ONCE,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Refolded]:
    """Fold all that is kept, of one edge or of all. Raises StoreError; then do it again."""
    connection = connections.connect(dsn, name="refold")
    try:
        return [
            _class(connection, *place, clock=clock, at_once=at_once, sleep=sleep)
            for place in unfolded.parked(connection, edge)
        ]
    finally:
        connection.close()


def _class(
    connection: Connection,
    edge_id: int,
    edge: EdgeId,
    cls: StreamClass,
    *,
    clock: Clock,
    at_once: int,
    sleep: Callable[[float], None],
) -> Refolded:
    records = 0
    while True:
        began_s = time.monotonic()
        part = _part(connection, edge_id, edge, cls, clock=clock, at_once=at_once)
        records += part.records
        if part.error is not None or not part.left:
            return Refolded(edge=edge, cls=cls, records=records, left=part.left, error=part.error)
        # The edge's writer gets as much time as it was kept out, and enough to read all afresh.
        sleep(max(time.monotonic() - began_s, PAUSE_S))


def _part(
    connection: Connection,
    edge_id: int,
    edge: EdgeId,
    cls: StreamClass,
    *,
    clock: Clock,
    at_once: int,
) -> Refolded:
    folds = Folds(clock=clock)
    with wrapped(), connection.transaction():
        # In the writers' order - plans, then edges: nobody waits in a ring.
        version = folding.plan_version(connection, hold=True)
        unfolded.hold_edge(connection, edge_id)
        records = unfolded.oldest(connection, edge_id, cls, limit=at_once)
        folded = folds.fold_kept(connection, edge, records)
        if records and folds.version != version:
            raise PlanChanged("LS-5505")
        failed = {record.batch for record in folded.kept}
        done = [record for record in records if record.batch not in failed]
        folding.write(connection, folded.rows)
        left = unfolded.done(connection, edge_id, cls, done)
        if not left:
            notice = NoticeRow(code="LS-5419", params={"class": str(cls)})
            changes = store_changes.Changes(edge_notices=[(edge_id, notice)])
            store_changes.write(connection, changes)
    return Refolded(
        edge=edge,
        cls=cls,
        records=len(done),
        left=left,
        error=next(iter(folded.parked.values()), None),
    )
