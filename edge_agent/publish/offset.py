"""Estimates the server's clock minus the edge's from the times in acknowledgements."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

_KEPT = 16


@dataclass(slots=True)
class ClockOffset:
    """The greatest difference of the last 16: that message had the least delay on its way."""

    _seen: deque[int] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def add(self, server_us: int, received_us: int) -> None:
        """A message that the server stamped just before sending it; never a retained one."""
        self._seen.append(server_us - received_us)

    @property
    def us(self) -> int | None:
        """Microseconds, None before the first message."""
        return max(self._seen, default=None)
