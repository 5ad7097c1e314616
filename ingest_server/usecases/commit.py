"""One transaction for a group of records: cursors, readings, folds; all or nothing.

Invariants: what folds and latest values remember follows the database: it changes after the commit,
and the folds forget whenever a transaction fails.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ingest_server.store import changes as store_changes
from ingest_server.store import folding, unfolded
from ingest_server.store.errors import PlanChanged, wrapped
from ingest_server.store.partitions import DAY_US, Partitions
from ingest_server.store.rows import NoticeRow
from ingest_server.usecases.folds import Folded, Folds
from ingest_server.usecases.horizon import Horizon
from ingest_server.usecases.latest import Latest

if TYPE_CHECKING:
    from uuid import UUID

    from ingest_server.store.changes import Changes
    from ingest_server.store.connection import Connection
    from ingest_server.store.rows import EdgeRow
    from runtime.clock import Clock


class Commit:
    """Writes changes with all that follows from them. Blocking; one thread at a time."""

    def __init__(self, dsn: str, *, clock: Clock, worker: UUID | None = None) -> None:
        self._partitions = Partitions(dsn, worker=worker)
        self._clock = clock
        self._horizon = Horizon()
        self._folds = Folds(clock=clock)
        self._latest = Latest()

    def run(self, connection: Connection, changes: Changes) -> bool:
        """Commit the changes and their folds; False where the streams were changed on the way.

        Raises StoreError; then nothing was written.
        """
        changes = self._horizon.take(connection, changes, self._clock())
        folded = self._folds.fold(connection, changes)
        if folded.parked:
            changes = _parked(changes, folded)
        self._partitions.ensure(days_of(changes))
        with wrapped(), connection.transaction():
            if folding.plan_version(connection, hold=True) != self._folds.version:
                raise PlanChanged("LS-5505")
            self._horizon.hold(connection)
            store_changes.write(connection, changes)
            folding.write(connection, folded.rows)
            unfolded.keep(connection, folded.kept)
        self._folds.accept(folded)
        self._latest.note([each.readings for each in changes.records if each.readings is not None])
        return not folded.parked

    def upkeep(self, connection: Connection) -> None:
        """Write the latest values; due about once a second. Raises StoreError.

        On a connection of its own, it may be called from another thread while `run` is under way.
        """
        self._latest.flush(connection)

    def drop_latest(self) -> None:
        """The database may not be what it was: rebuild its latest values at the next upkeep."""
        self._latest = Latest()

    def forget(self) -> None:
        """Read everything afresh: the database may not be what it was."""
        self._partitions.forget()
        self._folds.forget()

    def close(self) -> None:
        """Give the connections back; latest values are rebuilt at the next upkeep."""
        self.forget()
        self.drop_latest()
        self._partitions.close()


def days_of(changes: Changes) -> list[int]:
    """The days, counted from the Unix epoch, on which readings of the changes lie."""
    parts = [each.readings.ts for each in changes.records if each.readings is not None]
    if not parts:
        return []
    ts = np.concatenate(parts)
    if not ts.size:
        return []
    first, last = int(ts.min()) // DAY_US, int(ts.max()) // DAY_US
    if last - first <= 1:  # nearly always: no need to look at every reading
        return list(range(first, last + 1))
    days: list[int] = np.unique(ts // DAY_US).tolist()
    return days


def _parked(changes: Changes, folded: Folded) -> Changes:
    """The same with the streams whose folds failed left behind, and people told."""
    pairs: list[tuple[EdgeRow, EdgeRow]] = []
    notices: list[tuple[int, NoticeRow]] = []
    for before, after in changes.edges:
        streams = dict(after.streams)
        for (edge_id, epoch, cls), seq in folded.first_kept.items():
            if edge_id == after.edge_id:
                streams[epoch, cls] = replace(streams[epoch, cls], applied=seq - 1)
        for (edge_id, epoch, cls), error in folded.parked.items():
            if edge_id != after.edge_id:
                continue
            params = {"epoch": str(epoch), "class": str(cls), "reason": repr(error)[:300]}
            notices.append((edge_id, NoticeRow(code="LS-5415", params=params)))
        pairs.append((before, replace(after, streams=streams)))
    return replace(changes, edges=pairs, edge_notices=[*changes.edge_notices, *notices])
