"""Orders: the table over every combination of facts, figures that are never capped, late data."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.domain.orders import (
    Fact,
    OperationFacts,
    OperationState,
    OrderFacts,
    OrderPlan,
    OrderState,
    Progress,
    operation_state,
    progress,
)
from ingest_server.domain.quantities import Output, Role
from ingest_server.domain.restatements import KIND, Kind, settled

PLAN = OrderPlan(order="WO-1", required=100)
RUNNING = OrderFacts(operations=(OperationFacts(assigned=True),))


def made(quantity: float, role: Role = "good", **more: Any) -> Output:
    return Output(**{"order": "WO-1", "equipment": "press-1", **more}, role=role, quantity=quantity)


def at(facts: OrderFacts, *rows: Output, plan: OrderPlan = PLAN) -> Progress:
    return progress(plan, rows, facts=facts)


def test_every_combination_of_facts_of_an_operation_has_the_state_a_person_expects() -> None:
    names = get_args(Fact)
    for holds in product((False, True), repeat=len(names)):
        on = {name for name, held in zip(names, holds, strict=True) if held}
        if "closed" in on:
            expected = OperationState.CLOSED
        elif "finished" in on:
            expected = OperationState.COMPLETED
        elif "held" in on:
            expected = OperationState.HELD
        elif "paused" in on:
            expected = OperationState.SUSPENDED
        elif "assigned" in on:
            expected = OperationState.SETUP if "setup" in on else OperationState.RUNNING
        elif "started" in on:
            expected = OperationState.SUSPENDED
        else:
            expected = OperationState.READY if "ready" in on else OperationState.WAITING
        assert operation_state(frozenset(on)) is expected, on


@pytest.mark.parametrize(
    ("facts", "rows", "order", "operation"),
    [
        (OrderFacts(released=False), [], "draft", "waiting"),
        (OrderFacts(), [], "released", "ready"),
        (RUNNING, [], "in_progress", "running"),
        (RUNNING, [made(5)], "in_progress", "running"),
        (OrderFacts(), [made(5)], "in_progress", "suspended"),
        (OrderFacts(released=False), [made(5)], "in_progress", "suspended"),
        (OrderFacts(), [made(5, "scrap")], "in_progress", "suspended"),
        (RUNNING, [made(100)], "completed", "completed"),
        (RUNNING, [made(130)], "completed", "completed"),
        (OrderFacts(held=True), [made(5)], "held", "suspended"),
        (OrderFacts(held=True), [], "held", "ready"),
        (OrderFacts(held=True), [made(100)], "completed", "completed"),
        (OrderFacts(operations=(OperationFacts(held=True),)), [made(5)], "held", "held"),
        (OrderFacts(operations=(OperationFacts(paused=True),)), [], "in_progress", "suspended"),
        (
            OrderFacts(operations=(OperationFacts(assigned=True, setup=True),)),
            [],
            "in_progress",
            "setup",
        ),
        (OrderFacts(operations=(OperationFacts(completed=True),)), [], "completed", "completed"),
        (OrderFacts(operations=(OperationFacts(closed=True),)), [made(5)], "closed", "closed"),
        (OrderFacts(closed=True), [made(100)], "closed", "completed"),
        (OrderFacts(cancelled=True), [], "cancelled", "ready"),
        (OrderFacts(cancelled=True), [made(1)], "aborted", "suspended"),
    ],
)
def test_an_order_is_where_its_facts_say(
    facts: OrderFacts, rows: list[Output], order: str, operation: str
) -> None:
    found = at(facts, *rows)
    assert (found.state, found.operations[0].state) == (order, operation)


def test_overproduction_is_visible_and_nothing_is_capped() -> None:
    found = at(RUNNING, made(100), made(8))
    assert (found.good, found.remaining, found.over, found.percent) == (108, 0, 8, 108)


def test_eight_then_ten_gives_eight_then_ten() -> None:
    assert at(RUNNING, made(8)).good == 8
    assert at(RUNNING, made(8), made(2)).good == 10


def test_without_a_requirement_there_is_no_percentage_and_no_completion() -> None:
    found = at(RUNNING, made(5), plan=replace(PLAN, required=0))
    assert (found.percent, found.state) == (None, OrderState.IN_PROGRESS)


def test_an_order_that_waits_for_somebodys_word_does_not_complete_by_quantity() -> None:
    plan = replace(PLAN, completes="explicit")
    assert at(RUNNING, made(120), plan=plan).state is OrderState.IN_PROGRESS
    done = OrderFacts(operations=(OperationFacts(assigned=True, completed=True),))
    assert at(done, made(120), plan=plan).state is OrderState.COMPLETED


@pytest.mark.parametrize(
    ("rows", "good", "scrap", "produced", "inconsistent"),
    [
        ([made(10), made(2, "scrap")], 10, 2, 12, False),
        ([made(12, "total"), made(2, "scrap")], 10, 2, 12, False),
        ([made(12, "total")], 12, 0, 12, False),
        ([made(10), made(2, "scrap"), made(13, "total")], 10, 2, 13, False),
        ([made(2, "scrap")], 0, 2, 2, False),
        ([made(1, "total"), made(3, "scrap")], 0, 3, 3, True),
        ([made(5), made(7, equipment="press-2")], 12, 0, 12, False),
        ([made(5), made(7, order="WO-2")], 5, 0, 5, False),
    ],
)
def test_quantities_follow_from_whatever_counters_an_equipment_has(
    rows: list[Output], good: float, scrap: float, produced: float, inconsistent: bool
) -> None:
    found = at(RUNNING, *rows)
    own = found.operations[0].quantities
    assert (found.good, found.scrap, own.produced) == (good, scrap, produced)
    assert found.inconsistent is inconsistent


ROUTE = replace(PLAN, operations=("10", "20", "30"))


def test_an_order_through_several_operations_counts_what_the_last_one_made() -> None:
    facts = OrderFacts(operations=(OperationFacts(operation="20", assigned=True),))
    rows = [
        made(100, operation="10"),
        made(3, "scrap", operation="10"),
        made(40, operation="20"),
    ]
    found = at(facts, *rows, plan=ROUTE)
    assert [one.state.value for one in found.operations] == ["completed", "running", "ready"]
    assert (found.state, found.good, found.scrap) == (OrderState.IN_PROGRESS, 0, 3)


def test_an_operation_waits_until_the_one_before_has_delivered() -> None:
    found = at(OrderFacts(), made(3, "scrap", operation="10"), plan=ROUTE)
    assert [one.state.value for one in found.operations] == ["suspended", "waiting", "waiting"]


def test_an_order_whose_one_operation_is_held_goes_on_at_another() -> None:
    held = OperationFacts(operation="10", held=True)
    running = OperationFacts(operation="20", assigned=True)
    both = at(OrderFacts(operations=(held, running)), plan=ROUTE)
    alone = at(OrderFacts(operations=(held,)), plan=ROUTE)
    assert (both.state, alone.state) == (OrderState.IN_PROGRESS, OrderState.HELD)


def test_what_names_no_operation_of_the_plan_is_not_lost() -> None:
    assert at(OrderFacts(), made(7), made(1, operation="99"), plan=ROUTE).good == 8


@pytest.mark.parametrize(
    ("streams", "expected"), [((), None), ((5,), 5), ((9, 5), 5), ((9, None), None)]
)
def test_an_order_is_complete_to_its_slowest_stream(
    streams: tuple[int | None, ...], expected: int | None
) -> None:
    found = progress(PLAN, [], facts=OrderFacts(), complete_to_us=streams)
    assert found.complete_to_us == expected


@given(st.lists(st.sampled_from([0.1, 0.7, 3.0, 11.3]), max_size=30), st.data())
def test_arrival_order_moves_no_figure(parts: list[float], data: st.DataObject) -> None:
    rows = [made(part, equipment=f"press-{place % 3}") for place, part in enumerate(parts)]
    assert at(RUNNING, *rows) == at(RUNNING, *data.draw(st.permutations(rows)))


def test_every_state_of_an_order_says_what_late_data_do_to_it() -> None:
    assert set(KIND) == set(OrderState)


def test_figures_that_grow_while_work_goes_on_are_an_update() -> None:
    found = settled(at(RUNNING, made(5)), at(RUNNING, made(9)), cause="commit")
    assert (found.kind, found.good, found.progress.good) == (Kind.UPDATE, 4, 9)


def test_a_late_part_of_a_completed_order_restates_it_and_is_not_dropped() -> None:
    found = settled(at(RUNNING, made(100)), at(RUNNING, made(104)), cause="late")
    assert (found.kind, found.good, found.cause) == (Kind.RESTATEMENT, 4, "late")
    assert (found.progress.good, found.progress.state) == (104, OrderState.COMPLETED)


def test_a_completed_order_that_shrinks_stays_completed_and_shows_what_is_missing() -> None:
    found = settled(at(RUNNING, made(100)), at(RUNNING, made(97)), cause="claim")
    assert (found.kind, found.good) == (Kind.RESTATEMENT, -3)
    assert (found.progress.state, found.progress.remaining) == (OrderState.COMPLETED, 3)


def test_a_closed_order_keeps_its_figures_and_gets_a_correction() -> None:
    closed = replace(RUNNING, closed=True)
    found = settled(at(closed, made(100)), at(closed, made(110)), cause="late")
    assert (found.kind, found.good, found.progress.good) == (Kind.CORRECTION, 10, 100)
    assert found.progress.state is OrderState.CLOSED


def test_closing_a_completed_order_is_no_restatement() -> None:
    found = settled(
        at(RUNNING, made(100)), at(replace(RUNNING, closed=True), made(100)), cause="li"
    )
    assert (found.kind, found.progress.state) == (Kind.UPDATE, OrderState.CLOSED)


def test_a_cancelled_order_that_was_produced_after_all_is_aborted_and_restated() -> None:
    cancelled = OrderFacts(cancelled=True)
    found = settled(at(cancelled), at(cancelled, made(2)), cause="late")
    assert (found.kind, found.progress.state) == (Kind.RESTATEMENT, OrderState.ABORTED)


def test_more_complete_data_without_other_figures_are_no_change() -> None:
    later = progress(PLAN, [], facts=OrderFacts(), complete_to_us=(9,))
    found = settled(at(OrderFacts()), later, cause="commit")
    assert (found.kind, found.progress.complete_to_us) == (Kind.NONE, 9)


def test_the_first_figures_are_an_update() -> None:
    assert settled(None, at(OrderFacts()), cause="plan").kind is Kind.UPDATE
