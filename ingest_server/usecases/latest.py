"""The newest reading of each tag, coalesced in memory and written about once a second.

In the transaction of the readings it would cost a good part of the rate. What a crash loses of it
is rebuilt from the readings when the next process begins: some edges at each flush, so that
thousands of them hold up nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest_server.store import latest
from ingest_server.store.copyrows import Readings
from ingest_server.store.rows import Shape
from runtime.clock import to_datetime
from wire.quality import to_signed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest_server.store.connection import Connection


class Latest:
    """`note` after each commit, `flush` now and then; the first flushes also rebuild.

    `rebuild_s`: for so long edges are rebuilt in one flush; one is in any case.
    """

    def __init__(self, *, rebuild_s: float = 0.2) -> None:
        self._rebuild_s = rebuild_s
        self._to_rebuild: list[int] | None = None
        self._pending: list[Readings] = []

    def note(self, parts: Sequence[Readings]) -> None:
        """Remember the newest reading of each tag among these, by event time."""
        if len(parts) > 1 or any(len(part) for part in parts):
            self._pending.append(newest(joined([*self._pending, *parts])))
            self._pending = self._pending[-1:]

    def flush(self, connection: Connection) -> None:
        """Write what is remembered. Raises StoreError; then it is still remembered."""
        if self._pending:
            latest.save(connection, columns(self._pending[0]))
            self._pending.clear()
        if self._to_rebuild is None:
            self._to_rebuild = latest.edges(connection)[::-1]
        end_s = time.monotonic() + self._rebuild_s
        while self._to_rebuild:
            latest.rebuild(connection, self._to_rebuild[-1])
            self._to_rebuild.pop()
            if time.monotonic() >= end_s:
                return


def joined(parts: Sequence[Readings]) -> Readings:
    """All readings one after another; device times set aside are left out."""
    texts = [np.full(len(part), "", np.object_) if part.s is None else part.s for part in parts]
    return Readings(
        tag_id=np.concatenate([part.tag_id for part in parts]),
        ts=np.concatenate([part.ts for part in parts]),
        q=np.concatenate([part.q for part in parts]),
        f=np.concatenate([part.f for part in parts]),
        i=np.concatenate([part.i for part in parts]),
        s=np.concatenate(texts),
        orig=None,
        shape=np.concatenate([part.shape for part in parts]),
    )


def newest(readings: Readings) -> Readings:
    """One reading a tag: the latest by event time, of equal ones the last."""
    order = np.lexsort((readings.ts, readings.tag_id))
    tags = readings.tag_id[order]
    last = np.flatnonzero(np.diff(tags, append=tags[-1:] + 1)) if len(tags) else order
    return readings.take(order[last])


def columns(readings: Readings) -> dict[str, list[Any]]:
    """Columns of `tag_latest` as lists, one entry a tag."""
    shape = readings.shape
    texts = [""] * len(readings) if readings.s is None else readings.s.tolist()
    return {
        "tag_id": readings.tag_id.tolist(),
        "ts": [to_datetime(at_us) for at_us in readings.ts.tolist()],
        "num": _where(shape == Shape.FROM_FLOAT, readings.f),
        "big": _where(shape == Shape.BIG, readings.i),
        "txt": [
            text.replace("\0", "\u2400") if kind == Shape.TEXT else None
            for text, kind in zip(texts, shape.tolist(), strict=True)
        ],
        "q": to_signed(readings.q).tolist(),
    }


def _where(chosen: NDArray[np.bool_], values: NDArray[Any]) -> list[Any]:
    """The values that are chosen, None in the place of the others."""
    found: NDArray[np.object_] = np.full(len(values), None, np.object_)
    found[chosen] = values[chosen]
    return list(found.tolist())
