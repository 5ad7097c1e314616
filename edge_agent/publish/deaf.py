"""When a connection on which nothing is heard is given up for a new one: pure.

A server that is away is silent, too; then a new connection costs little, and comes ever more
rarely. But a clustered broker that lost a node may have lost this edge's subscription with it: it
takes what is sent and delivers nothing for as long as the connection lasts.
"""

from __future__ import annotations

from typing import Final

_STATUSES: Final = 6
"""A server that is there answers within the first time-out of sending, and so within one status."""
_MOST_S: Final = 600.0


class Patience:
    """How long silence is borne: `status_every_s` times six, doubled with each connection given up
    in a row up to ten minutes, and up to a quarter more by lot.

    Times are seconds of a monotonic clock.
    """

    def __init__(self, status_every_s: float) -> None:
        self.given_up = 0
        """Connections in a row."""
        self.limit_s = 0.0
        self._first_s = status_every_s * _STATUSES
        self._answers = 0
        self._since_s = 0.0

    def connected(self, answers: int, now_s: float, *, lot: float) -> None:
        """A new connection stands; `answers` were heard before it. `lot`: drawn from 0..1."""
        wanted_s = min(self._first_s * 2 ** min(self.given_up, 10), max(self._first_s, _MOST_S))
        self.limit_s = wanted_s * (1 + lot / 4)
        self._answers, self._since_s = answers, now_s

    def is_over(self, answers: int, now_s: float, *, waiting: bool) -> bool:
        """Whether to give the connection up; `waiting`: something sent is not confirmed yet."""
        if answers != self._answers:
            self.given_up = 0
        if answers != self._answers or not waiting:
            self._answers, self._since_s = answers, now_s
        if now_s - self._since_s <= self.limit_s:
            return False
        self.given_up += 1
        return True
