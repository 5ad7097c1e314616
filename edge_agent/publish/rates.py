"""How fast records may go out at what time of day, for links that are thin or shared: pure.

The rules:

- a cap holds from one local time of day to another, over midnight where `to` is the earlier one; of
  caps that overlap the lowest holds; where none does nothing is held back;
- a token bucket that holds a second's worth, and that a message may overdraw: what was sent is paid
  back before the next one goes. Records of class `bulk` wait until a part of it is free, so that
  `key` always goes first;
- what keeps the conversation alive (status, answers to commands) is never held back, but is paid
  for; live values are shown as long as they take no more than half of the rate, and what is left
  out once is shown newer the next time;
- bytes are counted as MQTT carries them; TCP and TLS add a few per cent.

Times: `now_us` is the wall clock, microseconds since the Unix epoch, which chooses the cap; `now_s`
a monotonic clock, by which the bucket fills.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from runtime.clock import to_datetime
from wire.frame import StreamClass

A_DAY_MIN: Final = 24 * 60
_HEADER_BYTES: Final = 10
_BULK_FREE: Final = 0.25
_LIVE_SHARE: Final = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Cap:
    """From one minute of the local day up to another, at most so many bytes a second."""

    from_min: int
    to_min: int
    bytes_s: float

    def holds(self, minute: int) -> bool:
        """Whether it holds in that minute of the day."""
        if self.from_min < self.to_min:
            return self.from_min <= minute < self.to_min
        return minute >= self.from_min or minute < self.to_min


def bytes_a_second(caps: Sequence[Cap], local: datetime) -> float | None:
    """What may be sent at a local time; None: as much as goes."""
    minute = local.hour * 60 + local.minute
    return min((cap.bytes_s for cap in caps if cap.holds(minute)), default=None)


def local_time(at_us: int, zone: tzinfo | None) -> datetime:
    """A point in time on the clock on the wall; None: in this computer's own time zone."""
    return to_datetime(at_us).astimezone(zone)


class Bucket:
    """Fills at a rate up to a second's worth; may be overdrawn."""

    def __init__(self) -> None:
        self._left = 0.0
        self._at_s: float | None = None

    def left(self, rate: float, now_s: float) -> float:
        """Bytes that may go now; negative where too much went before."""
        if self._at_s is None:
            self._left = rate
        else:
            self._left = min(rate, self._left + max(0.0, now_s - self._at_s) * rate)
        self._at_s = now_s
        return self._left

    def spend(self, size: int, rate: float, now_s: float) -> None:
        """So many bytes went."""
        self._left = self.left(rate, now_s) - size

    def empty(self) -> None:
        """Forget it: the next look finds it full."""
        self._at_s = None


class Budget:
    """What may be sent now, under the caps of one edge."""

    def __init__(self, caps: Sequence[Cap] = (), *, zone: tzinfo | None = None) -> None:
        self._caps = tuple(caps)
        self._zone = zone
        self._all = Bucket()
        self._live = Bucket()

    def rate(self, now_us: int) -> float | None:
        """Bytes a second just now; None: no cap."""
        if not self._caps:
            return None
        return bytes_a_second(self._caps, local_time(now_us, self._zone))

    def pause_s(self, cls: StreamClass, *, now_us: int, now_s: float) -> float:
        """How long a record of the class has to wait; 0: it may go."""
        rate = self.rate(now_us)
        if rate is None:
            self._all.empty()
            return 0.0
        free = rate * _BULK_FREE if cls is StreamClass.BULK else 0.0
        missing = free - self._all.left(rate, now_s)
        return max(0.0, missing / rate)

    def may_show(self, *, now_us: int, now_s: float) -> bool:
        """Whether live values may go now."""
        rate = self.rate(now_us)
        return rate is None or self._live.left(rate * _LIVE_SHARE, now_s) > 0

    def spent(
        self, topic: str, payload: bytes, *, now_us: int, now_s: float, live: bool = False
    ) -> None:
        """A message went out."""
        rate = self.rate(now_us)
        if rate is None:
            return
        size = packet_bytes(topic, payload)
        self._all.spend(size, rate, now_s)
        if live:
            self._live.spend(size, rate * _LIVE_SHARE, now_s)


def packet_bytes(topic: str, payload: bytes) -> int:
    """About what a publish takes on the line."""
    return _HEADER_BYTES + len(topic) + len(payload)
