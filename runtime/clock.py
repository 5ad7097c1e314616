"""Time as the programs use it: whole microseconds since the Unix epoch, taken in one place."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], int]
"""Gives the present in microseconds since the Unix epoch; handed to whatever needs the time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_us() -> int:
    """The wall clock in microseconds since the Unix epoch."""
    return time.time_ns() // 1000


def to_datetime(at_us: int) -> datetime:
    """A UTC datetime of `at_us`, exact to the microsecond."""
    return _EPOCH + timedelta(microseconds=at_us)


def from_datetime(at: datetime) -> int:
    """Microseconds since the Unix epoch of an aware datetime, exact."""
    return (at - _EPOCH) // timedelta(microseconds=1)
