"""Buckets begin and end in the plant's own days, also where its clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.api.series.spans import Begins, begins_for, bucket_begins
from runtime.clock import to_datetime

BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = [UTC, BERLIN, SHANGHAI, *map(ZoneInfo, ("Asia/Kolkata", "Africa/Cairo", "America/Havana"))]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def begins(start: str, to: str, width: timedelta, zone: ZoneInfo) -> list[str]:
    found = bucket_begins(
        datetime.fromisoformat(start), datetime.fromisoformat(to), width, zone, most=1000
    )
    assert found is not None
    return [at.astimezone(zone).strftime("%d %H:%M") for at in times(found)]


def times(found: Begins) -> list[datetime]:
    return [to_datetime(at) for at in found.tolist()]


def test_days_begin_at_midnight_on_both_sides_of_a_clock_change() -> None:
    spring = begins("2026-03-27T23:00Z", "2026-03-30T22:00Z", DAY, BERLIN)
    assert spring == ["28 00:00", "29 00:00", "30 00:00"]
    autumn = begins("2026-10-23T22:00Z", "2026-10-26T23:00Z", DAY, BERLIN)
    assert autumn == ["24 00:00", "25 00:00", "26 00:00"]


def test_hours_start_again_at_each_midnight() -> None:
    short_day = begins("2026-03-28T23:00Z", "2026-03-30T10:00Z", 6 * HOUR, BERLIN)
    assert short_day == [
        *("29 00:00", "29 07:00", "29 13:00", "29 19:00"),
        *("30 00:00", "30 06:00"),
    ]
    long_day = begins("2026-10-24T22:00Z", "2026-10-26T00:00Z", 6 * HOUR, BERLIN)
    assert long_day == [
        *("25 00:00", "25 05:00", "25 11:00", "25 17:00", "25 23:00"),
        "26 00:00",
    ]


def test_the_first_bucket_holds_the_begin_of_the_span() -> None:
    assert begins("2026-03-01T05:10Z", "2026-03-01T07:30Z", HOUR, SHANGHAI) == [
        *("01 13:00", "01 14:00", "01 15:00"),
    ]
    assert begins("2026-03-01T05:10Z", "2026-03-02T05:10Z", DAY, SHANGHAI) == [
        *("01 00:00", "02 00:00"),
    ]


def test_a_day_whose_midnight_does_not_exist_begins_with_its_first_instant() -> None:
    cairo = ZoneInfo("Africa/Cairo")  # 2026-04-24 00:00 becomes 01:00
    assert begins("2026-04-23T00:00Z", "2026-04-24T20:00Z", DAY, cairo) == [
        *("23 00:00", "24 01:00"),
    ]


def test_more_buckets_than_allowed_are_not_even_counted_out() -> None:
    start, to = datetime(1970, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)
    assert bucket_begins(start, to, timedelta(milliseconds=1), UTC, most=20_000) is None
    assert bucket_begins(start, to, DAY, UTC, most=20_000) is None
    assert bucket_begins(start, start + 3 * HOUR, HOUR, UTC, most=2) is None
    assert bucket_begins(start, start + 3 * HOUR, HOUR, UTC, most=3) is not None


SPANS = st.tuples(
    st.integers(0, 365 * 86_400_000).map(lambda ms: YEAR + timedelta(milliseconds=ms)),
    st.timedeltas(timedelta(milliseconds=1), timedelta(days=120)),
    st.sampled_from(ZONES),
)


@given(SPANS, st.integers(2, 400))
def test_buckets_for_a_screen_are_few_enough_and_cover_the_span(
    span: tuple[datetime, timedelta, ZoneInfo], points: int
) -> None:
    start, length, zone = span
    width, begins_us = begins_for(start, start + length, points, zone)
    found = times(begins_us)
    assert 1 <= len(found) <= points
    assert found[0] <= start
    assert found[-1] < start + length
    ends = [*found[1:], start + length]
    longest = width + (HOUR if width >= DAY else timedelta(0))
    for begin, end in zip(found, ends, strict=True):
        assert timedelta(0) < end - begin <= longest


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("width", [HOUR, 2 * HOUR, 12 * HOUR, DAY])
def test_every_midnight_is_the_begin_of_a_bucket(zone: ZoneInfo, width: timedelta) -> None:
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    begins_us = bucket_begins(start, start + 365 * DAY, width, zone, most=20_000)
    assert begins_us is not None
    found = times(begins_us)
    days = {at.astimezone(zone).date() for at in found}
    first = {min(at for at in found if at.astimezone(zone).date() == day) for day in days}
    assert all(at.astimezone(zone).hour in (0, 1) for at in first - {found[0]})
    assert sorted(days) == [min(days) + n * DAY for n in range(len(days))]
