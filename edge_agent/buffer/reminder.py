"""When a trouble that lasts is told again: at widening intervals, pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Reminder:
    """The memory of one kind of trouble; times in seconds of a monotonic clock."""

    first_s: float = 10.0
    most_s: float = 600.0
    _next_s: float = float("-inf")
    _pause_s: float = 0.0

    def is_due(self, now_s: float) -> bool:
        """Whether to tell of it now; counts as told."""
        if now_s < self._next_s:
            return False
        self._pause_s = min(max(self._pause_s * 2, self.first_s), self.most_s)
        self._next_s = now_s + self._pause_s
        return True

    def over(self) -> None:
        """The trouble is over: the next one is told at once."""
        self._next_s, self._pause_s = float("-inf"), 0.0
