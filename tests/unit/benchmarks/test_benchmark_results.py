"""The harness itself: medians, taking turns, goals, and the shape of what is printed."""

from __future__ import annotations

import json

import pytest

from benchmarks.results import (
    Result,
    as_json,
    in_turn,
    ratio_at_least,
    ratio_at_most,
    value_at_most,
)


async def test_product_and_ceiling_take_turns_and_each_begins_every_other_round() -> None:
    order: list[str] = []

    async def one(name: str) -> float:
        order.append(name)
        return 1.0

    await in_turn(3, lambda: one("product"), lambda: one("ceiling"))
    assert order == ["product", "ceiling", "ceiling", "product", "product", "ceiling"]


async def test_a_single_disturbed_round_does_not_move_the_figures() -> None:
    ours, theirs = iter([10.0, 1.0, 11.0, 12.0, 10.5]), iter([20.0, 21.0, 500.0, 19.0, 20.5])

    async def product() -> float:
        return next(ours)

    async def ceiling() -> float:
        return next(theirs)

    assert await in_turn(5, product, ceiling) == (10.5, 20.5)


def test_a_result_is_printed_with_exactly_the_keys_others_read() -> None:
    result = Result(name="a/b", value=30.0, unit="x/s", ceiling=120.0, goal=ratio_at_least(0.3))
    assert json.loads(as_json([result])) == [
        {
            "name": "a/b",
            "value": 30.0,
            "unit": "x/s",
            "ceiling": 120.0,
            "ratio": 0.25,
            "goal": "ratio >= 0.3",
            "met": False,
        }
    ]


def test_a_figure_without_ceiling_and_goal_misses_nothing() -> None:
    shown = Result(name="memory", value=123_456.0, unit="MiB").as_json()
    assert (shown["ceiling"], shown["ratio"], shown["goal"], shown["met"]) == (None, None, "", True)
    assert shown["value"] == 123_500.0


@pytest.mark.parametrize(
    ("ceiling", "met"), [(10.0, True), (5.0, True), (4.9, False), (None, False), (0.0, False)]
)
def test_a_cost_must_stay_within_its_multiple_of_the_ceiling(
    ceiling: float | None, met: bool
) -> None:
    goal = ratio_at_most(2.0)
    assert Result(name="cpu", value=10.0, unit="us", ceiling=ceiling, goal=goal).met is met


def test_a_bound_on_the_value_does_not_look_at_the_ceiling() -> None:
    goal = value_at_most(6.0)
    assert Result(name="bytes", value=6.0, unit="B", ceiling=1.0, goal=goal).met
    assert not Result(name="bytes", value=6.1, unit="B", ceiling=100.0, goal=goal).met
    assert str(goal) == "value <= 6"
