"""Rollups are taken where they are whole and stand, the readings everywhere else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ingest_server.api.series.pieces import HOUR, MINUTE, pieces
from ingest_server.api.series.spans import bucket_begins

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def plan(
    start: float,
    to: float,
    width: timedelta,
    minutes: list[int] | None = None,
    hours: list[int] | None = None,
    zone: str = "UTC",
) -> list[tuple[str, float, float]]:
    """The pieces in minutes from T0."""
    at, end = T0 + start * MINUTE, T0 + to * MINUTE
    begins = bucket_begins(at, end, width, ZoneInfo(zone), most=20_000)
    assert begins is not None
    found = pieces(
        at,
        end,
        begins,
        minutes=[T0 + n * MINUTE for n in minutes or []],
        hours=[T0 + n * HOUR for n in hours or []],
    )
    return [(p.source, (p.start - T0) / MINUTE, (p.to - T0) / MINUTE) for p in found]


def test_buckets_below_a_minute_come_from_readings() -> None:
    assert plan(0, 60, timedelta(seconds=30)) == [("raw", 0, 60)]


def test_whole_minutes_come_from_minutes_and_the_ends_from_readings() -> None:
    assert plan(0.5, 60.25, MINUTE) == [("raw", 0.5, 1), ("1m", 1, 60), ("raw", 60, 60.25)]
    assert plan(0.5, 0.75, MINUTE) == [("raw", 0.5, 0.75)]


def test_whole_hours_come_from_hours() -> None:
    assert plan(30.5, 200, HOUR) == [
        *(("raw", 30.5, 31), ("1m", 31, 60), ("1h", 60, 180), ("1m", 180, 200)),
    ]


def test_days_of_a_zone_off_by_half_an_hour_come_from_minutes() -> None:
    assert {source for source, *_ in plan(0, 3 * 1440, timedelta(days=1), zone="Asia/Kolkata")} == {
        "1m"
    }


def test_what_has_a_mark_comes_from_readings() -> None:
    assert plan(0, 10, MINUTE, minutes=[3, 4, 9]) == [
        *(("1m", 0, 3), ("raw", 3, 5), ("1m", 5, 9), ("raw", 9, 10)),
    ]
    assert plan(0, 240, HOUR, minutes=[70], hours=[2]) == [
        *(("1h", 0, 60), ("1m", 60, 70), ("raw", 70, 71)),
        *(("1m", 71, 180), ("1h", 180, 240)),
    ]


@given(
    st.integers(0, 3000),
    st.integers(1, 6000),
    st.sampled_from([MINUTE, 5 * MINUTE, HOUR, 6 * HOUR, timedelta(days=1)]),
    st.sets(st.integers(-10, 160), max_size=60),
    st.sets(st.integers(-1, 4), max_size=3),
    st.sampled_from(["UTC", "Asia/Shanghai", "Asia/Kolkata"]),
)
def test_pieces_fill_the_span_and_no_rollup_with_a_mark_is_used(
    start_s: int,
    length_s: int,
    width: timedelta,
    minutes: set[int],
    hours: set[int],
    zone: str,
) -> None:
    start, to = start_s / 60, (start_s + length_s * 2) / 60
    found = plan(start, to, width, sorted(minutes), sorted(hours), zone)
    assert (found[0][1], found[-1][2]) == (start, to)
    assert all(before[2] == after[1] for before, after in pairwise(found))
    assert all(begin < end for _, begin, end in found)
    for source, begin, end in found:
        unit = {"raw": 0.0, "1m": 1.0, "1h": 60.0}[source]
        if unit:
            assert begin % unit == 0
            assert end % unit == 0
            assert not [m for m in minutes if begin <= m < end]
        if source == "1h":
            assert not [h for h in hours if begin <= 60 * h < end]
    assert len(found) <= 4 * 16 + 8
