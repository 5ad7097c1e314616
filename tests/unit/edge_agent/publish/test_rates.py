"""Caps by time of day, and what they let through: tables and a simulated clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.publish.rates import Budget, Cap, bytes_a_second, local_time, packet_bytes
from runtime.clock import from_datetime
from wire.frame import StreamClass

KEY, BULK = StreamClass.KEY, StreamClass.BULK
DAY = Cap(from_min=6 * 60, to_min=22 * 60, bytes_s=8_000.0)
NIGHT = Cap(from_min=22 * 60, to_min=6 * 60, bytes_s=100_000.0)
LUNCH = Cap(from_min=12 * 60, to_min=13 * 60, bytes_s=2_000.0)
NOON_US = from_datetime(datetime(2026, 3, 5, 10, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("at", "rate"),
    [
        ("05:59", 100_000.0),
        ("06:00", 8_000.0),
        ("11:59", 8_000.0),
        ("12:00", 2_000.0),
        ("13:00", 8_000.0),
        ("21:59", 8_000.0),
        ("22:00", 100_000.0),
        ("00:00", 100_000.0),
    ],
)
def test_the_lowest_cap_of_the_hour_holds(at: str, rate: float) -> None:
    local = datetime.fromisoformat(f"2026-03-05T{at}")
    assert bytes_a_second([DAY, NIGHT, LUNCH], local) == rate


def test_without_a_cap_nothing_is_held_back() -> None:
    assert bytes_a_second([LUNCH], datetime(2026, 3, 5, 9, 0, tzinfo=UTC)) is None
    budget = Budget([LUNCH], zone=UTC)
    for _ in range(100):
        assert budget.pause_s(BULK, now_us=NOON_US, now_s=1.0) == 0
        budget.spent("t", b"x" * 100_000, now_us=NOON_US, now_s=1.0)


def test_the_time_of_day_is_that_of_the_edges_zone() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    at_us = from_datetime(datetime(2026, 3, 5, 22, 30, tzinfo=UTC))
    assert local_time(at_us, shanghai).hour == 6
    assert Budget([DAY], zone=shanghai).rate(at_us) == 8_000.0
    assert Budget([DAY], zone=UTC).rate(at_us) is None
    # Where clocks change, the clock on the wall counts.
    berlin = ZoneInfo("Europe/Berlin")
    for month, hour in ((1, 5), (7, 4)):
        at_us = from_datetime(datetime(2026, month, 10, hour, 0, tzinfo=UTC))
        assert Budget([DAY], zone=berlin).rate(at_us) == 8_000.0
        assert Budget([DAY], zone=berlin).rate(at_us - 1_000_000) is None


def test_an_overdraft_is_paid_back_before_the_next_record() -> None:
    budget = Budget([DAY], zone=UTC)
    assert budget.pause_s(KEY, now_us=NOON_US, now_s=0.0) == 0
    budget.spent("t" * 10, b"x" * (16_000 - 20), now_us=NOON_US, now_s=0.0)
    assert budget.pause_s(KEY, now_us=NOON_US, now_s=0.0) == pytest.approx(1.0)
    assert budget.pause_s(BULK, now_us=NOON_US, now_s=0.0) == pytest.approx(1.25)
    assert budget.pause_s(KEY, now_us=NOON_US, now_s=1.0) == 0
    assert budget.pause_s(BULK, now_us=NOON_US, now_s=1.0) > 0
    # A clock that goes back gives nothing.
    assert budget.pause_s(BULK, now_us=NOON_US, now_s=0.5) > 0


def test_live_values_take_half_of_the_rate_at_most() -> None:
    budget = Budget([DAY], zone=UTC)
    shown = 0
    for second in range(100):
        now_s = float(second)
        if budget.may_show(now_us=NOON_US, now_s=now_s):
            budget.spent("live", b"x" * 10_000, now_us=NOON_US, now_s=now_s, live=True)
            shown += 1
    assert 38 <= shown <= 42  # of 10,014 bytes each: 4,000 bytes a second


@given(
    st.lists(st.tuples(st.sampled_from([KEY, BULK]), st.integers(1, 60_000)), max_size=60),
    st.floats(0.01, 3.0),
)
def test_over_any_time_no_more_goes_than_the_rate_a_second_and_one_record(
    records: list[tuple[StreamClass, int]], step_s: float
) -> None:
    budget = Budget([DAY], zone=UTC)
    now_s, sent, largest = 0.0, 0, 0
    for cls, size in records:
        waited = 0
        while (pause_s := budget.pause_s(cls, now_us=NOON_US, now_s=now_s)) > 0:
            now_s += min(pause_s + 1e-6, step_s)
            waited += 1
            assert waited < 10_000
        payload = b"x" * size
        budget.spent("topic", payload, now_us=NOON_US, now_s=now_s)
        sent += packet_bytes("topic", payload)
        largest = max(largest, packet_bytes("topic", payload))
        assert sent <= 8_000 * (now_s + 1) + largest


def test_a_zone_with_a_fixed_offset_works_too() -> None:
    zone = timezone(timedelta(hours=8))
    assert local_time(NOON_US, zone).hour == 18
