"""The newest reading of each tag, coalesced in memory and written about once a second.

In the transaction of the readings it would cost a good part of the rate. What a crash loses of it
is rebuilt from the readings when the next process begins: some edges at each flush, so that
thousands of them hold up nothing else.

Invariant: `note` and `flush` may be called from two threads: writing does not hold up the commits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest_server.store import arrays, latest
from ingest_server.store.copyrows import Readings, joined
from ingest_server.store.rows import Shape
from wire.quality import to_signed

if TYPE_CHECKING:
    from ingest_server.store.arrays import Array
    from ingest_server.store.connection import Connection


_MOST_ROWS: Final = 100_000
"""Readings kept as they came until the next flush; of more, only the newest of each tag."""


class Latest:
    """`note` after each commit, `flush` now and then; the first flushes also rebuild.

    `rebuild_s`: for so long edges are rebuilt in one flush; one is in any case.
    """

    def __init__(self, *, rebuild_s: float = 0.2) -> None:
        self._rebuild_s = rebuild_s
        self._to_rebuild: list[int] | None = None
        self._pending: list[Readings] = []
        self._rows = 0
        self._taking = threading.Lock()

    def note(self, parts: Sequence[Readings]) -> None:
        """Remember the newest reading of each tag among these, by event time."""
        if not any(len(part) for part in parts):
            return
        with self._taking:
            self._pending += parts
            self._rows += sum(len(part) for part in parts)
            if self._rows > _MOST_ROWS:
                self._pending = [newest(joined(self._pending))]
                self._rows = 0

    def flush(self, connection: Connection) -> None:
        """Write what is remembered. Raises StoreError; then it is still remembered."""
        with self._taking:
            taken, self._pending, self._rows = self._pending, [], 0
        if taken:
            self._save(connection, newest(joined(taken)))
        if self._to_rebuild is None:
            self._to_rebuild = latest.edges(connection)[::-1]
        end_s = time.monotonic() + self._rebuild_s
        while self._to_rebuild:
            latest.rebuild(connection, self._to_rebuild[-1])
            self._to_rebuild.pop()
            if time.monotonic() >= end_s:
                return

    def _save(self, connection: Connection, taken: Readings) -> None:
        try:
            latest.save(connection, columns(taken))
        except BaseException:
            with self._taking:
                self._pending.insert(0, taken)
            raise


def newest(readings: Readings) -> Readings:
    """One reading a tag: the latest by event time, of equal ones the last."""
    order = np.lexsort((readings.ts, readings.tag_id))
    tags = readings.tag_id[order]
    last = np.flatnonzero(np.diff(tags, append=tags[-1:] + 1)) if len(tags) else order
    return readings.take(order[last])


def columns(readings: Readings) -> dict[str, Array]:
    """Columns of `tag_latest`, one entry a tag."""
    shape = readings.shape
    texts = [""] * len(readings) if readings.s is None else readings.s.tolist()
    return {
        "tag_id": arrays.ints(readings.tag_id),
        "ts": arrays.times(readings.ts),
        "num": arrays.doubles(readings.f, nulls=shape != Shape.FROM_FLOAT),
        "big": arrays.bigints(readings.i, nulls=shape != Shape.BIG),
        "txt": arrays.texts(
            [
                text.replace("\0", "\u2400") if kind == Shape.TEXT else None
                for text, kind in zip(texts, shape.tolist(), strict=True)
            ]
        ),
        "q": arrays.ints(to_signed(readings.q)),
    }
