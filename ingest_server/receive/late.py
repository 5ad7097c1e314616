"""Which edges of a group send readings that came late, and how long their records may wait."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest_server.receive.decide import SampleBatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingest_server.receive.arrival import Arrival
    from ingest_server.store.connection import Connection
    from ingest_server.store.errors import StoreAway

LATE_US: Final = 86_400_000_000
"""Nothing younger is packed."""
BUSY: Final = "busy"
"""What became of a record whose day is being packed: nothing yet, its edge sends it again."""
_LOCK_NOT_AVAILABLE: Final = "55P03"


def split(arrivals: Sequence[Arrival], places: Sequence[int], *, now_us: int) -> list[list[int]]:
    """The places of each edge that has a late record among them; such an edge's records all."""
    told = [
        (arrival.edge, arrival.content.samples.ts)
        for arrival in map(arrivals.__getitem__, places)
        if arrival.edge is not None and isinstance(arrival.content, SampleBatch)
    ]
    before_us = now_us - LATE_US
    if not told or (np.concatenate([ts for _, ts in told]) >= before_us).all():
        return []
    late = {edge for edge, ts in told if (ts < before_us).any()}
    return [
        [place for place in places if arrivals[place].edge == edge]
        for edge in sorted(late, key=str)
    ]


@contextmanager
def soon_or_not(connection: Connection) -> Iterator[None]:
    """Wait a second for locks, not longer."""
    connection.execute("SET lock_timeout = '1s'")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("RESET lock_timeout")


def is_locked(error: StoreAway) -> bool:
    """Whether somebody else held what was asked for."""
    return error.params.get("state") == _LOCK_NOT_AVAILABLE
