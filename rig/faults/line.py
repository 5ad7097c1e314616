"""When a segment comes out of a slow line: pure, given the time it went in.

Invariants:
- the segments of a connection come out in the order they went in;
- the n-th segment of a connection has the same fate whenever the seed is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from rig.faults.fault import Slow

SEGMENT: Final = 1448
"""Bytes of a full TCP segment on Ethernet with time stamps (RFC 9293, 3.7.1; RFC 7323)."""
_MOST_REPETITIONS: Final = 6


@dataclass(kw_only=True, slots=True)
class Line:
    """What the connections of one direction share: until when the line is busy."""

    busy_until_s: float = 0.0


class Shaper:
    """One direction of one connection through a line."""

    def __init__(self, slow: Slow, line: Line, *, seed: str) -> None:
        self.slow = slow
        self._line = line
        self._random = Random(seed)
        self._last_s = 0.0

    def due(self, now_s: float, size: int) -> float:
        """When a segment of `size` bytes that goes in at `now_s` comes out; same clock."""
        slow = self.slow
        leaves_s = now_s
        if slow.bits_per_s:
            leaves_s = max(now_s, self._line.busy_until_s) + size * 8 / slow.bits_per_s
            self._line.busy_until_s = leaves_s
        late_s = slow.latency_s + self._random.random() * slow.jitter_s + self._stalled_s()
        self._last_s = max(self._last_s, leaves_s + late_s)
        return self._last_s

    def _stalled_s(self) -> float:
        stalled_s = 0.0
        for repetition in range(_MOST_REPETITIONS):
            if self._random.random() >= self.slow.loss:
                break
            stalled_s += self.slow.retransmit_s * 2**repetition
        return stalled_s
