"""Where buckets begin and end: in the plant's own days, also where its clocks change.

A bucket of less than a day is counted from the plant's midnight and ends at the next one at the
latest, so on a day of 23 or 25 hours the last bucket of the day is shorter. A bucket of days begins
at midnight, counted from the day in which the span begins.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from ingest_server.api.times import next_width, width_for

_DAY: Final = timedelta(days=1)


def bucket_begins(
    start: datetime, to: datetime, width: timedelta, zone: tzinfo, *, most: int
) -> list[datetime] | None:
    """The begins of the buckets that cover `[start, to)`, in UTC; None: more than `most`.

    The first one is at or before `start`.
    """
    if (to - start) / width > most:
        return None
    day = start.astimezone(zone).date()
    step = max(width // _DAY, 1)
    begins: list[datetime] = []
    begin = _midnight(day, zone)
    while begin < to:
        day += timedelta(days=step)
        end = _midnight(day, zone)
        if width >= _DAY:
            begins.append(begin)
        else:
            # From the bucket that `start` lies in, or the day's first.
            at = begin + max((start - begin) // width, 0) * width
            while at < min(end, to):
                begins.append(at)
                at += width
        begin = end
        if len(begins) > most + 1:
            return None
    # A day may begin before `start` and end there: only the bucket that holds `start` counts.
    begins = begins[bisect_right(begins, start) - 1 :]
    return None if len(begins) > most else begins


def begins_for(
    start: datetime, to: datetime, points: int, zone: tzinfo
) -> tuple[timedelta, list[datetime]]:
    """The smallest round width that gives at most `points` buckets, and their begins."""
    width = width_for(to - start, points)
    while True:
        begins = bucket_begins(start, to, width, zone, most=points)
        if begins is not None:
            return width, begins
        width = next_width(width)


def _midnight(day: date, zone: tzinfo) -> datetime:
    # Where clocks go forward at midnight the day's first instant is what `fold=0` gives.
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)
