"""What is in force when, and how late a segment is: decided by a seed and a time alone."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.faults.fault import (
    THIN_LINK,
    BlackHole,
    Drip,
    Fault,
    Refuse,
    Reset,
    Slow,
    State,
    Timed,
    Truncate,
    Vanish,
    changes,
    draw,
    in_force,
)
from rig.faults.line import SEGMENT, Line, Shaper

EVERY: tuple[Fault, ...] = (
    THIN_LINK,
    Drip(),
    Truncate(after_bytes=3),
    Vanish(),
    BlackHole(),
    Refuse(),
    Reset(),
)


@given(st.integers(), st.floats(1, 300), st.floats(10, 100), st.floats(10, 100))
def test_a_drawn_plan_is_the_same_for_a_seed_and_leaves_the_link_whole(
    seed: int, over_s: float, longest_s: float, calm_s: float
) -> None:
    def once() -> tuple[Timed, ...]:
        return draw(EVERY, seed=seed, over_s=over_s, longest_s=longest_s, calm_s=calm_s)

    plan = once()
    assert plan == once()
    for before, after in pairwise(plan):
        assert before.end_s < after.at_s
    for one in plan:
        assert 0 < one.at_s < one.end_s <= over_s
        assert in_force(plan, one.at_s).faults == (one.fault,)
        assert in_force(plan, one.end_s).faults == ()


def test_plans_of_different_seeds_differ_and_use_every_fault() -> None:
    plans = [draw(EVERY, seed=s, over_s=600, longest_s=10, calm_s=5) for s in range(5)]
    assert len(set(plans)) == 5
    assert {type(one.fault) for plan in plans for one in plan} == {type(one) for one in EVERY}
    assert draw((), seed=1, over_s=600, longest_s=10, calm_s=5) == ()


def test_faults_that_overlap_are_in_force_together() -> None:
    slow, cut = Slow(ways=("up",), latency_s=1), Truncate(ways=("down",))
    plan = (Timed(fault=slow, at_s=1, for_s=4), Timed(fault=cut, at_s=3, for_s=4))
    assert changes(plan) == (1, 3, 5, 7)
    assert in_force(plan, 0.9).faults == ()
    assert in_force(plan, 3).faults == (slow, cut)
    assert in_force(plan, 5).faults == (cut,)
    both = in_force(plan, 4)
    assert (both.slow("up"), both.slow("down")) == (slow, None)
    assert (both.truncate("up"), both.truncate("down")) == (None, cut)


@pytest.mark.parametrize(
    "faults",
    [
        (Refuse(), BlackHole()),
        (Slow(ways=("up",)), Slow()),
        (Vanish(), Vanish(ways=("down",))),
        (Refuse(), Refuse()),
    ],
)
def test_faults_that_exclude_each_other_are_refused(faults: tuple[Fault, ...]) -> None:
    with pytest.raises(ValueError, match=r"twice|not together"):
        State(faults=faults)


def test_the_same_fault_may_differ_by_direction() -> None:
    state = State(faults=(Drip(ways=("up",), size=1), Drip(ways=("down",), size=9)))
    up, down = state.drip("up"), state.drip("down")
    assert up is not None
    assert down is not None
    assert (up.size, down.size) == (1, 9)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Slow(loss=1.0),
        lambda: Slow(latency_s=-1),
        lambda: Drip(size=0),
        lambda: Drip(every_s=0),
        lambda: Truncate(after_bytes=-1),
    ],
)
def test_figures_that_mean_nothing_are_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(ValueError, match=r"."):
        wrong()


# -- the slow line -------------------------------------------------------------------------------


def test_bandwidth_is_shared_by_the_connections_of_a_direction() -> None:
    line = Line()
    slow = Slow(bits_per_s=8_000)
    one, other = Shaper(slow, line, seed="1"), Shaper(slow, line, seed="2")
    assert one.due(10.0, 1000) == 11.0
    assert other.due(10.0, 1000) == 12.0
    assert one.due(20.0, 500) == 20.5, "an idle line saves nothing up"


def test_latency_is_not_paid_for_each_segment_in_turn() -> None:
    shaper = Shaper(Slow(latency_s=0.4), Line(), seed="1")
    assert [shaper.due(1.0, SEGMENT) for _ in range(3)] == [1.4, 1.4, 1.4]


def test_one_segment_in_twenty_stalls_for_a_retransmission_time_out() -> None:
    slow = Slow(latency_s=0.4, loss=0.05, retransmit_s=1.0)
    shaper = Shaper(slow, Line(), seed="1")
    count = 20_000
    # A minute apart, so that no segment waits for the one before it.
    late = [round(shaper.due(60.0 * n, SEGMENT) - 60.0 * n - 0.4, 6) for n in range(count)]
    assert {one for one in late if one} <= {1.0, 3.0, 7.0, 15.0, 31.0}, "doubles each time"
    assert 0.045 < sum(one > 0 for one in late) / count < 0.055
    assert 0.03 < sum(one >= 3 for one in late) / sum(one > 0 for one in late) < 0.07


def test_what_is_behind_a_lost_segment_waits_for_it() -> None:
    slow = Slow(latency_s=0.1, loss=0.2, retransmit_s=5.0)
    shaper = Shaper(slow, Line(), seed="2")
    due = [shaper.due(0.0, 100) for _ in range(50)]
    lost = next(index for index, one in enumerate(due) if one > 0.1)
    assert 0 < lost < 49, "the seed has to show both"
    assert due[lost] >= due[lost - 1] + 5.0
    assert min(due[lost:]) == due[lost]


@given(
    st.integers(),
    st.lists(st.tuples(st.floats(0, 2), st.integers(1, 2 * SEGMENT)), max_size=50),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 0.9),
)
def test_segments_come_out_in_order_never_early_and_the_same_for_a_seed(
    seed: int,
    sent: list[tuple[float, int]],
    latency_s: float,
    jitter_s: float,
    loss: float,
) -> None:
    slow = Slow(latency_s=latency_s, jitter_s=jitter_s, bits_per_s=64_000, loss=loss)

    def once() -> list[float]:
        shaper, now_s, due = Shaper(slow, Line(), seed=str(seed)), 0.0, []
        for pause_s, size in sent:
            now_s += pause_s
            due.append(shaper.due(now_s, size))
            assert due[-1] > now_s + latency_s + size * 8 / 64_000 - 1e-9
        return due

    assert once() == sorted(once())


def test_jitter_keeps_within_its_bound_and_uses_it() -> None:
    shaper = Shaper(Slow(latency_s=1.0, jitter_s=0.5), Line(), seed="jitter")
    late = [shaper.due(10.0 * n, 10) - 10.0 * n for n in range(1000)]
    assert 1.0 <= min(late) < 1.02
    assert 1.48 < max(late) <= 1.5


def test_a_thin_link_takes_half_a_minute_for_a_megabyte() -> None:
    shaper = Shaper(THIN_LINK, Line(), seed="thin")
    random = Random(1)
    left, due = 1_000_000, 0.0
    while left > 0:
        size = min(left, random.randint(1, SEGMENT))
        due = shaper.due(0.0, size)
        left -= size
    assert 31.25 <= due < 60
