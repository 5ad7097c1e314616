"""The database's time, as a worker's clock: what it said last, and what has elapsed since.

Edges learn from acknowledgements what time it is. All workers tell them that of the one database,
so that a worker whose own clock is wrong, or is set, moves no edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from runtime import platform
from runtime.clock import now_us

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.clock import Clock

_SLOW_US: Final = 500_000


class DatabaseClock:
    """A `Clock`; the computer's own until the database has said what time it is.

    May be read by any thread while one tells it.
    """

    def __init__(
        self, *, before: Clock = now_us, elapsed: Callable[[], int] = platform.elapsed_us
    ) -> None:
        self._before = before
        self._elapsed = elapsed
        self._ahead_us: int | None = None

    def __call__(self) -> int:
        """The database's time, microseconds since the Unix epoch."""
        ahead_us = self._ahead_us
        return self._before() if ahead_us is None else self._elapsed() + ahead_us

    def elapsed_us(self) -> int:
        """Elapsed time, to be handed to `said`."""
        return self._elapsed()

    def said(self, database_us: int, *, asked_us: int) -> None:
        """The database said what time it is, asked at that elapsed time.

        An answer that took long says less than what is known.
        """
        answered_us = self._elapsed()
        if self._ahead_us is None or answered_us - asked_us <= _SLOW_US:
            self._ahead_us = database_us - (asked_us + answered_us) // 2
