"""Where buckets begin and end: in the plant's own days, also where its clocks change.

A bucket of less than a day is counted from the plant's midnight and ends at the next one at the
latest, so on a day of 23 or 25 hours the last bucket of the day is shorter. A bucket of days begins
at midnight, counted from the day in which the span begins.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest_server.api.times import next_width, width_for
from runtime.clock import from_datetime

_DAY: Final = timedelta(days=1)
_US: Final = timedelta(microseconds=1)

Begins = NDArray[np.int64]
"""Begins of buckets, ascending: microseconds since the Unix epoch."""


def bucket_begins(
    start: datetime, to: datetime, width: timedelta, zone: tzinfo, *, most: int
) -> Begins | None:
    """The begins of the buckets that cover `[start, to)`; None: more than `most`.

    The first one is at or before `start`.
    """
    if (to - start) / width > most:
        return None
    start_us, to_us, width_us = from_datetime(start), from_datetime(to), width // _US
    day = start.astimezone(zone).date()
    step = max(width // _DAY, 1)
    stretches: list[Begins] = []
    count = 0
    begin_us = _midnight_us(day, zone)
    while begin_us < to_us:
        day += timedelta(days=step)
        end_us = _midnight_us(day, zone)
        # Of the first day from the bucket that `start` lies in.
        first_us = begin_us + max((start_us - begin_us) // width_us, 0) * width_us
        if width >= _DAY:
            first_us, last_us = begin_us, begin_us + 1
        else:
            last_us = min(end_us, to_us)
        count += max(-(-(last_us - first_us) // width_us), 0)
        if count > most + 1:
            return None
        stretches.append(np.arange(first_us, last_us, width_us, dtype=np.int64))
        begin_us = end_us
    begins = np.concatenate(stretches)
    # A day may begin before `start` and end there: only the bucket that holds `start` counts.
    begins = begins[np.searchsorted(begins, start_us, side="right") - 1 :]
    return None if len(begins) > most else begins


def begins_for(
    start: datetime, to: datetime, points: int, zone: tzinfo
) -> tuple[timedelta, Begins]:
    """The smallest round width that gives at most `points` buckets, and their begins."""
    width = width_for(to - start, points)
    while True:
        begins = bucket_begins(start, to, width, zone, most=points)
        if begins is not None:
            return width, begins
        width = next_width(width)


def _midnight_us(day: date, zone: tzinfo) -> int:
    # Where clocks go forward at midnight the day's first instant is what `fold=0` gives.
    return from_datetime(datetime.combine(day, time.min, tzinfo=zone))
