"""Minutes by arithmetic, days by the plant's wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from ingest_server.domain.buckets import HOUR_US, MINUTE_US, floor_to, local_day, minute_of

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


def us(text: str, zone: tzinfo) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 1_000_000


def test_a_minute_begins_at_its_own_instant_even_before_the_epoch() -> None:
    at = np.array([0, MINUTE_US - 1, MINUTE_US, -1], dtype=np.int64)
    assert minute_of(at).tolist() == [0, 0, MINUTE_US, -MINUTE_US]
    assert floor_to(at, HOUR_US).tolist() == [0, 0, 0, -HOUR_US]


@pytest.mark.parametrize(
    ("at", "zone", "starts", "first", "end"),
    [
        ("2026-03-01T23:59", SHANGHAI, time(0), "2026-03-01T00:00", "2026-03-02T00:00"),
        ("2026-03-01T05:59", SHANGHAI, time(6), "2026-02-28T06:00", "2026-03-01T06:00"),
        ("2026-03-01T06:00", SHANGHAI, time(6), "2026-03-01T06:00", "2026-03-02T06:00"),
        ("2026-03-29T12:00", BERLIN, time(0), "2026-03-29T00:00", "2026-03-30T00:00"),
        ("2026-10-25T12:00", BERLIN, time(0), "2026-10-25T00:00", "2026-10-26T00:00"),
    ],
)
def test_a_day_is_bounded_by_the_wall_clock_of_the_plant(
    at: str, zone: ZoneInfo, starts: time, first: str, end: str
) -> None:
    assert local_day(us(at, zone), zone, starts=starts) == (us(first, zone), us(end, zone))


def test_a_day_without_a_zone_is_the_utc_day() -> None:
    assert local_day(us("2026-03-01T23:59", UTC), UTC)[0] == us("2026-03-01T00:00", UTC)
