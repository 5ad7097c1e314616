"""Reads a few records more than are wanted just now, as the next ones are mostly those behind.

Invariant: what is handed out covers what is wanted, as it was on disk at some time since `clear`.
"""

from __future__ import annotations

from collections import deque

from edge_agent.buffer.rows import Place, Stored
from edge_agent.buffer.store import Store
from edge_agent.publish.window import Wanted

_READ_AHEAD = 8


class ReadAhead:
    """The records of `store` in the order in which they are wanted."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ahead: deque[tuple[Place, Stored]] = deque()

    def clear(self) -> None:
        """Forget what was read: the disk is asked again."""
        self._ahead.clear()

    async def next(self, wanted: Wanted) -> Stored | None:
        """The record that covers what is wanted, None where there is none."""
        while self._ahead:
            place, stored = self._ahead[0]
            if place == wanted.place and stored.seq <= wanted.seq <= stored.through:
                # A longer tombstone may stand there by now; it says no less than this one.
                self._ahead.popleft()
                return stored
            self._ahead.clear()
        found = await self._store.read(wanted.place, wanted.seq, most=_READ_AHEAD)
        if not found or found[0].seq > wanted.seq:
            return None
        self._ahead.extend((wanted.place, stored) for stored in found[1:])
        return found[0]
