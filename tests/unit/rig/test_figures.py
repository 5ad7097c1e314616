"""The figures' comparison knows what could be seen, and accepts nothing else."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rig.figures import (
    CounterTruth,
    Part,
    Reading,
    Reset,
    Span,
    Unseen,
    blurred_parts,
    due_alarms,
    expected_count,
    explained,
    match_alarms,
    order_truth,
    orders_agree,
    unwatched,
)
from rig.readings import Gap

SECOND = 1_000_000


def truth(
    count: int, *, start: int = 0, modulus: int = 65536, resets: tuple[int, ...] = ()
) -> CounterTruth:
    """One part a second from second 1 on; resets after so many parts, half a second later."""
    parts = [
        Part(at_us=at * SECOND, order=f"WO-{at // 10}", count=1, total=at)
        for at in range(1, count + 1)
    ]
    falls = [Reset(at_us=at * SECOND + SECOND // 2, total=at) for at in resets]
    return CounterTruth(start=start, modulus=modulus, parts=parts, resets=falls)


def served(known: CounterTruth, at_us: int) -> int:
    total, begin, offset = known.total_at(at_us), 0, known.start
    for reset in known.resets:
        if reset.at_us <= at_us:
            begin, offset = reset.total, 0
    return (offset + total - begin) % known.modulus


def readings(known: CounterTruth, times: list[int]) -> list[Reading]:
    return [Reading(at_us=at, raw=served(known, at)) for at in times]


@given(
    st.integers(0, 65535),
    st.sets(st.integers(0, 120 * SECOND), min_size=1),
    st.sets(st.integers(1, 100), max_size=3),
)
def test_truth_less_unseen_is_what_a_counter_of_differences_finds(
    start: int, times: set[int], resets: set[int]
) -> None:
    known = truth(100, start=start, resets=tuple(sorted(resets)))
    seen = readings(known, sorted(times))
    expected = expected_count(known, seen)
    assert expected.truth == known.total_at(max(times)) - known.total_at(min(times))
    if not resets:
        assert expected.unseen == ()
        assert expected.visible == expected.truth


def test_a_wrap_hides_nothing() -> None:
    known = truth(100, start=65500)
    assert expected_count(known, readings(known, [0, 20 * SECOND, 90 * SECOND])).visible == 90


def test_parts_before_a_reset_between_two_readings_are_unseen() -> None:
    known = truth(100, start=1000, resets=(30,))
    expected = expected_count(known, readings(known, [0, 20 * SECOND, 40 * SECOND]))
    assert expected.truth == 40
    assert expected.unseen == (Unseen(from_us=20 * SECOND, to_us=40 * SECOND, count=10),)
    assert expected.visible == 30


def test_parts_until_the_counter_stood_as_high_again_are_unseen() -> None:
    known = truth(100, resets=(2,))
    expected = expected_count(known, readings(known, [0, SECOND, 3 * SECOND, 5 * SECOND]))
    # It showed 1, fell to 0 behind the second part, and shows 1 again behind the third.
    assert expected.unseen == (Unseen(from_us=SECOND, to_us=3 * SECOND, count=2),)
    assert (expected.truth, expected.visible) == (5, 3)


def test_the_value_before_a_fall_may_be_stamped_after_it() -> None:
    known = truth(100, resets=(5,))
    late = Reading(at_us=5 * SECOND + SECOND // 2 + 1, raw=5)
    seen = [*readings(known, [4 * SECOND, 5 * SECOND]), late, *readings(known, [8 * SECOND])]
    assert expected_count(known, seen).unseen == ()


def test_a_value_stamped_after_the_next_part_counts_as_the_value_it_is() -> None:
    known = truth(100, start=1000)
    late = [Reading(at_us=5 * SECOND + 10, raw=1004), Reading(at_us=9 * SECOND, raw=1009)]
    assert expected_count(known, late).truth == 5


def test_unseen_parts_must_stand_in_a_gap_of_their_edge() -> None:
    gap = Gap(
        plant="demo",
        edge="line-a",
        cls=None,
        device=None,
        from_us=10,
        to_us=20,
        cause="agent_down",
    )
    assert explained([Unseen(from_us=5, to_us=12, count=1)], [gap], "line-a")
    assert not explained([Unseen(from_us=5, to_us=9, count=1)], [gap], "line-a")
    assert not explained([Unseen(from_us=5, to_us=12, count=1)], [gap], "line-b")
    assert explained([], [], "line-a")


def test_orders_get_the_parts_made_under_them() -> None:
    known = truth(25)
    count = expected_count(known, readings(known, [5 * SECOND, 25 * SECOND]))
    assert order_truth(known, count) == {"WO-0": 4, "WO-1": 10, "WO-2": 6}


def test_orders_that_nothing_blurred_must_agree_to_the_part() -> None:
    same = {"WO-1": 5, "WO-2": 6}
    assert orders_agree(same, {**same, "WO-3": 0}, open_quantity=0, unseen=0, blurred={})
    for wrong in ({"WO-1": 6, "WO-2": 5}, {"WO-1": 5, "WO-2": 5}):
        assert not orders_agree(same, wrong, open_quantity=1, unseen=0, blurred={})


def test_what_is_missing_must_be_blurred_and_open_or_unseen() -> None:
    same = {"WO-1": 5, "WO-2": 6}
    fewer = {"WO-1": 4, "WO-2": 5}
    blurred = {"WO-1": 1, "WO-2": 3}
    assert orders_agree(same, fewer, open_quantity=1, unseen=1, blurred=blurred)
    assert not orders_agree(same, fewer, open_quantity=1, unseen=0, blurred=blurred)
    assert not orders_agree(same, fewer, open_quantity=1, unseen=1, blurred={"WO-2": 3})
    swapped = {"WO-1": 6, "WO-2": 5}
    assert not orders_agree(same, swapped, open_quantity=0, unseen=0, blurred=blurred)


def test_parts_between_two_readings_around_a_gap_are_blurred_by_order() -> None:
    readings = [Reading(at_us=at * SECOND, raw=at) for at in (5, 8, 12, 14, 20)]
    gap = Gap(
        plant="demo",
        edge="line-a",
        cls=None,
        device=None,
        from_us=9 * SECOND,
        to_us=11 * SECOND,
        cause="agent_down",
    )
    assert blurred_parts(truth(30), readings, [], slack_us=0) == {}
    assert blurred_parts(truth(30), readings, [gap], slack_us=0) == {"WO-0": 1, "WO-1": 3}
    wider = blurred_parts(truth(30), readings, [gap], slack_us=SECOND)
    assert wider == {"WO-0": 4, "WO-1": 5}  # 8 and 12 touch it now from the other side, too


def test_an_alarm_is_due_only_where_the_condition_outlasts_the_delay() -> None:
    spans = [Span(from_us=10, to_us=14), Span(from_us=20, to_us=40), Span(from_us=50, to_us=None)]
    assert due_alarms(spans, delay_us=5, from_us=0, until_us=100) == [25, 55]
    assert due_alarms(spans, delay_us=5, from_us=25, until_us=54) == []


def test_alarms_are_paired_once_and_strays_are_shown() -> None:
    matches = match_alarms("hot", [100, 200], [101, 102, 300], tolerance_us=5)
    assert [(match.raised_us, match.truth_raised_us) for match in matches] == [
        (101, 100),
        (None, 200),
        (102, None),
        (300, None),
    ]
    assert [match.ok for match in matches] == [True, False, False, False]


def test_what_came_up_behind_the_last_poll_before_a_gap_was_watched_by_nobody() -> None:
    gap = Gap(
        plant="demo",
        edge="line-b",
        cls=None,
        device="gateway",
        from_us=20 * SECOND,
        to_us=23 * SECOND,
        cause="not_collected",
    )
    assert unwatched(20 * SECOND - 340_000, [gap], delay_us=0)
    assert not unwatched(20 * SECOND - 600_000, [gap], delay_us=0)
    assert unwatched(19 * SECOND, [gap], delay_us=SECOND)
    assert unwatched(25 * SECOND, [gap], delay_us=0)
    assert not unwatched(26 * SECOND, [gap], delay_us=0)
    assert not unwatched(21 * SECOND, [replace(gap, cause="overflow")], delay_us=0)
