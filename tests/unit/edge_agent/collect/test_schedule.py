"""The grid of polls, and how missed ones are told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.buffer.reminder import Reminder
from edge_agent.collect.schedule import Missed, MissedPolls, missed, next_tick


def test_the_grid_does_not_drift_with_late_polls() -> None:
    now, ticks = 1_003, []
    for _ in range(4):
        tick = next_tick(now, 100, 1_000)
        ticks.append(tick)
        now = tick + 37  # each poll takes its time
    assert ticks == [1_100, 1_200, 1_300, 1_400]


@given(st.integers(0, 10**15), st.integers(1, 10**9), st.integers(0, 10**15))
def test_the_next_tick_is_ahead_by_at_most_a_period_and_on_the_grid(
    now: int, every: int, start: int
) -> None:
    tick = next_tick(now, every, start)
    assert 0 < tick - now <= every
    assert (tick - start) % every == 0


def test_only_ticks_that_passed_wholly_are_missed() -> None:
    assert [missed(1_000, now, 100) for now in (1_000, 1_099, 1_100, 1_350)] == [0, 0, 1, 3]


def _one(from_us: int, to_us: int, polls: int = 1) -> Missed:
    return Missed(from_us=from_us, to_us=to_us, polls=polls, reason="overrun")


def test_polls_missed_one_after_the_other_are_told_as_one_span() -> None:
    gaps = MissedPolls(join_us=50, longest_us=1_000, at_once_us=10_000)
    assert gaps.add(_one(100, 110)) is None
    assert gaps.add(_one(120, 150, 3)) is None
    assert gaps.due(199) is None
    assert gaps.due(200) == _one(100, 150, 4)
    assert gaps.due(300) is None


def test_a_span_ends_where_polls_came_again_or_when_it_grows_too_long() -> None:
    gaps = MissedPolls(join_us=50, longest_us=1_000, at_once_us=10_000)
    gaps.add(_one(100, 110))
    assert gaps.add(_one(200, 210)) == _one(100, 110)
    for at_us in range(220, 1_180, 20):
        assert gaps.add(_one(at_us, at_us + 10)) is None
    told = gaps.add(_one(1_195, 1_205))
    assert told is not None
    assert (told.from_us, told.to_us) == (200, 1_170)


def test_a_clock_that_was_set_back_does_not_hide_missed_polls() -> None:
    gaps = MissedPolls(join_us=50, longest_us=1_000, at_once_us=10_000)
    gaps.add(_one(100, 110))
    assert gaps.due(20) == _one(100, 110)


def test_what_was_missed_for_long_is_told_as_soon_as_polls_come_again() -> None:
    gaps = MissedPolls(join_us=50, longest_us=1_000, at_once_us=100)
    assert gaps.add(_one(100, 190)) is None
    assert gaps.due(191) is None
    assert gaps.add(_one(195, 205)) is None
    assert gaps.due(206) == _one(100, 205, 2)


def test_a_lasting_trouble_is_told_at_widening_intervals_and_a_new_one_at_once() -> None:
    reminder = Reminder(first_s=10, most_s=30)
    told = [at_s for at_s in range(200) if reminder.is_due(at_s)]
    assert told == [0, 10, 30, 60, 90, 120, 150, 180]
    reminder.over()
    assert reminder.is_due(199)
