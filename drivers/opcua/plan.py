"""Which nodes are asked together, and when a refused one is asked again. Pure.

Answers of a request are matched to its rows by order; rows and answers are counted against each
other before either is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wire import quality

Rows = NDArray[np.intp]

REFUSED_PAUSE_S: Final = 60.0
"""Between attempts at a node that the server does not have or does not let us read."""
REFUSALS: Final = np.array(
    [
        0x801F_0000,  # BadUserAccessDenied
        0x8033_0000,  # BadNodeIdInvalid
        quality.BAD_NODE_UNKNOWN,  # BadNodeIdUnknown
        0x8035_0000,  # BadAttributeIdInvalid
        0x803A_0000,  # BadNotReadable
    ],
    np.uint32,
)
"""Status codes that stay until somebody changes something (OPC UA Part 4, 7.39.2)."""


def chunks(rows: Rows, limit: int) -> list[Rows]:
    """The rows in order, in requests of at most `limit`, nearly equally long."""
    if not rows.size:
        return []
    return np.array_split(rows, -(-rows.size // limit))


def limit_of(configured: int, servers: int | None) -> int:
    """Nodes in one request: the lower of ours and the server's; none or 0 says it has no limit."""
    return min(configured, servers) if servers else configured


class Rests:
    """Until when (seconds of a monotonic clock) each of n nodes is left alone, and why."""

    def __init__(self, count: int) -> None:
        self._until_s = np.full(count, -np.inf)
        self.quality = np.zeros(count, np.uint32)
        """Why a node rests; 0 for those that do not."""

    def due(self, now_s: float) -> Rows:
        """The rows to be asked now."""
        return np.flatnonzero(self._until_s <= now_s)

    def forever(self, rows: Sequence[int], code: int) -> None:
        """These cannot be asked on this connection at all."""
        self._until_s[list(rows)] = np.inf
        self.quality[list(rows)] = code

    def heard(self, rows: Rows, q: NDArray[np.uint32], now_s: float) -> Rows:
        """Note the qualities that came for rows; returns the rows newly refused."""
        status = q & np.uint32(quality.STATUS_MASK)
        refused = np.isin(status, REFUSALS)
        self.quality[rows[~refused]] = 0
        self._until_s[rows[~refused]] = -np.inf
        return self.refuse(rows[refused], status[refused], now_s)

    def refuse(self, rows: Rows, codes: NDArray[np.uint32], now_s: float) -> Rows:
        """Leave rows alone for a while; returns those that were not yet."""
        fresh: Rows = rows[self.quality[rows] == 0]
        self.quality[rows] = codes & np.uint32(quality.STATUS_MASK)
        self._until_s[rows] = now_s + REFUSED_PAUSE_S
        return fresh
