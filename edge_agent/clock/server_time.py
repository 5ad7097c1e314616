"""Estimates the server's time from the times in its acknowledgements: pure.

Invariants: a time comes late, never early, so of honest answers the greatest is the nearest; but
few odd answers do not count: what lies more than a minute above the median is left out. Answers
that were read all at once (they waited in a socket) prove nothing about the present.

All times are microseconds; `elapsed_us` is that of a clock which nobody sets.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

_KEPT: Final = 16
_FEWEST: Final = 3
_APART_US: Final = 500_000
_SPAN_US: Final = 2_000_000
_ODD_US: Final = 60_000_000
_OLDEST_US: Final = 300_000_000


@dataclass(slots=True)
class ServerTime:
    """The last 16 answers of five minutes, half a second apart."""

    _seen: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def add(self, server_us: int, elapsed_us: int) -> None:
        """A message that the server stamped just before sending it; never a retained one."""
        while self._seen and elapsed_us - self._seen[0][0] > _OLDEST_US:
            self._seen.popleft()
        ahead_us = server_us - elapsed_us
        if self._seen and elapsed_us - self._seen[-1][0] < _APART_US:
            # A busy server answers often: its answers of half a second count as one.
            last_us, known_us = self._seen.pop()
            self._seen.append((last_us, max(known_us, ahead_us)))
        else:
            self._seen.append((elapsed_us, ahead_us))

    @property
    def ahead_us(self) -> int | None:
        """The server's time minus the elapsed time; None before enough was heard."""
        if len(self._seen) < _FEWEST or self._seen[-1][0] - self._seen[0][0] < _SPAN_US:
            return None
        found = sorted(ahead for _, ahead in self._seen)
        highest = found[(len(found) - 1) // 2] + _ODD_US
        return max(ahead for ahead in found if ahead <= highest)

    def present_us(self, elapsed_us: int) -> int | None:
        """The server's time now; None where it was not heard within the last five minutes."""
        ahead_us = self.ahead_us
        if ahead_us is None or elapsed_us - self._seen[-1][0] > _OLDEST_US:
            return None
        return elapsed_us + ahead_us
