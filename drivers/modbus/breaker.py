"""When something that failed is tried again: a circuit breaker as a value. Pure.

closed: works; open: left alone until a time; half-open: that time is over, one attempt decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runtime.supervise import Backoff

State = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Breaker:
    """Failures in a row, and until when (seconds of a monotonic clock) to leave it alone."""

    failures: int = 0
    until_s: float = 0.0
    quality: int = 0
    """Quality of the points concerned while it is not closed."""

    def state(self, now_s: float) -> State:
        """What may be done at `now_s`."""
        if not self.failures:
            return "closed"
        return "open" if now_s < self.until_s else "half_open"

    def failed(self, *, now_s: float, lot: float, backoff: Backoff, quality: int) -> Breaker:
        """After one more failure; `lot` in 0..1 spreads the pause."""
        failures = self.failures + 1
        pause_s = backoff.pause_s(failures, at=lot)
        return Breaker(failures=failures, until_s=now_s + pause_s, quality=quality)


CLOSED = Breaker()
"""Also what any breaker becomes after a success."""
