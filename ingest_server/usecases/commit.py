"""One transaction for a group of records: cursors, readings, folds; all or nothing.

Invariants: what the folds remember follows the database: it changes after the commit, and is
forgotten whenever a transaction fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ingest_server.store import changes as store_changes
from ingest_server.store.errors import wrapped
from ingest_server.store.partitions import DAY_US, Partitions

if TYPE_CHECKING:
    from ingest_server.store.changes import Changes
    from ingest_server.store.connection import Connection
    from runtime.clock import Clock


class Commit:
    """Writes changes with all that follows from them. Blocking; one thread at a time."""

    def __init__(self, dsn: str, *, clock: Clock) -> None:
        self._partitions = Partitions(dsn)
        self._clock = clock

    def run(self, connection: Connection, changes: Changes) -> None:
        """Commit the changes and their folds. Raises StoreError; then nothing was written."""
        self._partitions.ensure(days_of(changes))
        with wrapped(), connection.transaction():
            store_changes.write(connection, changes)

    def forget(self) -> None:
        """Read everything afresh: the database may not be what it was."""
        self._partitions.forget()

    def close(self) -> None:
        """Give the connections back."""
        self.forget()
        self._partitions.close()


def days_of(changes: Changes) -> list[int]:
    """The days, counted from the Unix epoch, on which readings of the changes lie."""
    parts = [each.readings.ts for each in changes.records if each.readings is not None]
    if not parts:
        return []
    days: list[int] = np.unique(np.concatenate(parts) // DAY_US).tolist()
    return days
