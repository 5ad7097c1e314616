"""Six asked, five recorded."""

from __future__ import annotations

from dataclasses import replace

from ingest_server.domain.orders import OperationFacts, OrderFacts, OrderState
from ingest_server.domain.quantities import Output
from tests.cases.domain_events import PLAN, how_far


def test_an_order_finished_short_shows_what_is_missing() -> None:
    rows = [Output(order="WO-1", equipment="press-1", role="good", quantity=5)]
    done = OrderFacts(operations=(OperationFacts(completed=True),))
    found = how_far(rows, done, replace(PLAN, required=6))
    assert (found.state, found.good, found.remaining) == (OrderState.COMPLETED, 5, 1)
