"""Time buckets: UTC minutes for storage, days in the plant's own time zone for people.

All times are microseconds since the Unix epoch. A bucket is half-open: its start belongs to it, its
end to the next. A local day has 23 or 25 hours where clocks change; its bounds are found on the
plant's wall clock, never by adding 24 hours.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def floor_to(ts_us: NDArray[np.int64], width_us: int) -> NDArray[np.int64]:
    """The start of the bucket of `width_us` that each time lies in, counted from the epoch."""
    return ts_us - ts_us % width_us


def minute_of(ts_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """The start of the minute that each time lies in."""
    return floor_to(ts_us, MINUTE_US)


def local_day(at_us: int, zone: tzinfo, *, starts: time = time(0)) -> tuple[int, int]:
    """Start and end of the plant's day that `at_us` lies in, where a day begins at `starts`.

    With `starts` at 06:00 a night shift belongs wholly to the day on which it began.
    """
    local = (_EPOCH + timedelta(microseconds=at_us)).astimezone(zone)
    day = local.date()
    if at_us < _us(day, starts, zone):
        day -= timedelta(days=1)
    return _us(day, starts, zone), _us(day + timedelta(days=1), starts, zone)


def _us(day: date, starts: time, zone: tzinfo) -> int:
    at = datetime.combine(day, starts, tzinfo=zone)
    return (at.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
