"""A night stop on the wrong day."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from ingest_server.domain.buckets import local_day


def test_two_in_the_morning_belongs_to_the_day_before() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    stop = int(datetime(2026, 3, 2, 2, tzinfo=zone).timestamp()) * 1_000_000
    start, end = local_day(stop, zone, starts=time(6))
    assert start == int(datetime(2026, 3, 1, 6, tzinfo=zone).timestamp()) * 1_000_000
    assert end - start == 24 * 3600 * 1_000_000


def test_the_day_of_the_clock_change_has_twenty_three_hours() -> None:
    zone = ZoneInfo("Europe/Berlin")
    noon = int(datetime(2026, 3, 29, 12, tzinfo=zone).timestamp()) * 1_000_000
    start, end = local_day(noon, zone)
    assert end - start == 23 * 3600 * 1_000_000
