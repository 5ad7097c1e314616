"""What is demanded of an edge whose buffer was in use on two machines, and from when to when."""

from __future__ import annotations

from rig.chaos.judging import twice, untold_forks
from rig.chaos.story import Happened, Story, Twin
from rig.figures import CounterTruth, Part, Reading, blurred_parts, orders_agree
from rig.two_agents import as_gaps, made_within

SECOND = 1_000_000


def story(*happened: Happened) -> Story:
    return Story(
        seed=7,
        broker="nats",
        database="plain",
        only=[],
        happened=list(happened),
        twins=[
            Twin(edge="line-a", predecessor="e-1", from_us=100 * SECOND, to_us=120 * SECOND),
            Twin(edge="line-b", predecessor="e-2", from_us=300 * SECOND),
        ],
    )


def test_counts_may_be_off_from_the_copy_to_the_second_agents_end_and_at_no_other_time() -> None:
    windows = twice(story(), 310 * SECOND)
    [window] = windows["line-a"]
    assert window.holds(100 * SECOND)
    assert window.holds(120 * SECOND)
    assert not window.holds(97 * SECOND)
    assert not window.holds(122 * SECOND)
    # Of the one that still runs: until now.
    [window] = windows["line-b"]
    assert window.holds(310 * SECOND)


def test_no_more_may_be_off_than_was_made_meanwhile_of_the_orders_it_was_made_for() -> None:
    parts = [
        Part(at_us=at * SECOND, order="WO-1" if at < 110 else "WO-2", count=2, total=2 * at)
        for at in range(90, 130)
    ]
    known = CounterTruth(start=0, modulus=65536, parts=parts, resets=[])
    [window] = twice(story(), 0)["line-a"]
    spare = made_within(known, [window])
    assert spare.keys() == {"WO-1", "WO-2"}
    assert spare["WO-1"] == 2 * (110 - 98)
    assert spare["WO-2"] == 2 * (121 - 110 + 1)


def test_only_the_first_change_behind_that_time_may_stand_without_an_order() -> None:
    parts = [
        Part(at_us=at * SECOND, order="WO-2", count=1, total=total)
        for total, at in enumerate((123, 125, 127), start=1)
    ]
    known = CounterTruth(start=0, modulus=65536, parts=parts, resets=[])
    readings = [Reading(at_us=at * SECOND, raw=raw) for raw, at in enumerate((112, 123, 125, 127))]
    [window] = twice(story(), 0)["line-a"]
    [gap] = as_gaps("line-a", [window])
    assert blurred_parts(known, readings, [gap], slack_us=0) == {"WO-2": 1}
    truth, open_quantity = {"WO-2": 3}, 1
    for server, agrees in ({"WO-2": 2}, True), ({"WO-1": 1, "WO-2": 2}, False), ({}, False):
        left = 3 - sum(server.values()) if agrees else open_quantity
        told = orders_agree(
            truth, server, open_quantity=left, unseen=0, blurred={"WO-2": 1}, spare={}
        )
        assert told == agrees


def agree(truth: dict[str, int], server: dict[str, int], spare: dict[str, int]) -> bool:
    return orders_agree(truth, server, open_quantity=0, unseen=0, blurred={}, spare=spare)


def test_an_order_made_while_two_agents_counted_may_be_off_by_what_was_made_then() -> None:
    truth = {"WO-1": 50, "WO-2": 80}
    assert agree(truth, {"WO-1": 54, "WO-2": 80}, {"WO-1": 4})
    assert agree(truth, {"WO-1": 46, "WO-2": 80}, {"WO-1": 4})
    assert not agree(truth, {"WO-1": 55, "WO-2": 80}, {"WO-1": 4})
    assert not agree(truth, {"WO-1": 45, "WO-2": 80}, {"WO-1": 4})


def test_an_order_made_later_must_agree_to_the_part_again() -> None:
    truth = {"WO-1": 50, "WO-2": 80}
    assert not agree(truth, {"WO-1": 50, "WO-2": 81}, {"WO-1": 4})
    assert not agree(truth, {"WO-1": 50, "WO-2": 79}, {"WO-1": 4})


def test_a_buffer_in_use_twice_must_have_been_told() -> None:
    assert untold_forks(story(), {"e-1", "e-2"}) == []
    [finding] = untold_forks(story(), {"e-1"})
    assert "line-b" in finding
    assert "e-2" in finding


def test_a_database_that_was_put_back_meanwhile_may_have_forgotten_that_it_told() -> None:
    put_back = Happened(
        kind="database_put_back",
        target="database",
        from_us=90 * SECOND,
        to_us=101 * SECOND,
    )
    assert untold_forks(story(put_back), {"e-2"}) == []
    put_back.from_us, put_back.to_us = 121 * SECOND, 130 * SECOND
    assert len(untold_forks(story(put_back), {"e-2"})) == 1
