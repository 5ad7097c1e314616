"""How long to wait before the next attempt at a broker: soon if nobody answers, later if refused.

Pure but for what it counts. An address where nobody answers costs next to nothing to try, so it is
tried about once a second however long it lasts: data flow again within two seconds of the broker's
return. Whoever answers and then refuses, or drops the connection before it was of use, is busy or
misconfigured: those attempts become rare. Half of each pause is drawn by lot, so that hundreds of
edges that lost one broker do not come back in the same instant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from runtime.errors import LinesideError, RetryLater
from runtime.supervise import Backoff

_NOBODY_ANSWERS: Final = "LS-1101"


@dataclass(slots=True)
class Reconnect:
    """The memory of attempts in a row."""

    away: Backoff = field(default_factory=lambda: Backoff(first_s=0.25, most_s=1.2, spread=0.5))
    refused: Backoff = field(default_factory=lambda: Backoff(first_s=0.5, most_s=30.0, spread=0.5))
    _away: int = 0
    _refused: int = 0

    def pause_s(self, error: LinesideError | None, *, worked: bool, lot: float) -> float:
        """Seconds to wait after an attempt that ended with `error`.

        `worked`: it was of use; that it took long says nothing, a silent host takes longest.
        `lot`: drawn from 0..1 by the caller.
        """
        if isinstance(error, RetryLater) and error.code == _NOBODY_ANSWERS:
            self._away += 1
            return self.away.pause_s(self._away, at=lot)
        self._away = 0
        self._refused = 1 if worked else self._refused + 1
        return self.refused.pause_s(self._refused, at=lot)
