"""Pause, downtime and quality hold are one thing."""

from __future__ import annotations

from ingest_server.domain.orders import OperationFacts, OperationState, OrderFacts
from tests.cases.domain_events import how_far


def state_of(**facts: bool) -> OperationState:
    return how_far([], OrderFacts(operations=(OperationFacts(**facts),))).operations[0].state


def test_each_has_its_own_state_and_ends_by_itself() -> None:
    assert state_of(paused=True, assigned=True) is OperationState.SUSPENDED
    assert state_of(held=True, assigned=True) is OperationState.HELD
    assert state_of(held=True, paused=True, assigned=True) is OperationState.HELD
    assert state_of(paused=True) is OperationState.SUSPENDED
    assert state_of(assigned=True) is OperationState.RUNNING
