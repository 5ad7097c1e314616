"""The plan of faults follows from the seed alone, and does not strike one part twice at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rig.chaos.deeds import DEEDS
from rig.chaos.plan import KINDS, plan

seeds = st.integers(min_value=0, max_value=2**31)
cycles = st.integers(min_value=1, max_value=10_000)


@given(seed=seeds, cycle=cycles)
def test_the_same_seed_gives_the_same_plan(seed: int, cycle: int) -> None:
    first = plan(seed, cycle)
    assert first == plan(seed, cycle)
    assert 1 <= len(first) <= 3


@given(seed=seeds, cycle=cycles, kinds=st.sets(st.sampled_from(sorted(KINDS)), min_size=1))
def test_a_plan_keeps_to_its_table(seed: int, cycle: int, kinds: set[str]) -> None:
    touched: list[str] = []
    for deed in plan(seed, cycle, kinds):
        kind = KINDS[deed.kind]
        assert deed.kind in kinds
        assert deed.target in kind.targets
        assert kind.shortest_s <= deed.for_s <= kind.longest_s
        touched += {deed.target, *kind.takes}
    assert len(touched) == len(set(touched))


def test_another_seed_or_cycle_gives_another_plan() -> None:
    plans = {plan(seed, cycle) for seed in range(20) for cycle in range(1, 20)}
    assert len(plans) > 350


def test_every_fault_of_the_table_comes_within_three_hundred_cycles() -> None:
    struck = {deed.kind for cycle in range(1, 301) for deed in plan(7, cycle)}
    assert struck == set(KINDS)


def test_every_fault_can_be_done() -> None:
    assert set(DEEDS) == set(KINDS)
