""" "Not started" while it produces."""

from __future__ import annotations

from ingest_server.domain.orders import OrderFacts, OrderState
from tests.cases.domain_events import counted, how_far, outputs, said


def test_production_shows_the_order_in_progress_whoever_forgot_to_release_it() -> None:
    _, facts = counted([(0, 0), (10, 3)])
    rows = outputs(facts, [said(0, "WO-1")])
    assert how_far(rows, OrderFacts(released=False)).state is OrderState.IN_PROGRESS
