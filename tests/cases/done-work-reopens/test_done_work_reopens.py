"""Done work reopens."""

from __future__ import annotations

from ingest_server.domain.orders import OrderState
from ingest_server.domain.quantities import Output
from ingest_server.domain.restatements import Kind, settled
from tests.cases.domain_events import how_far


def made(quantity: float) -> list[Output]:
    return [Output(order="WO-1", equipment="press-1", role="good", quantity=quantity)]


def test_a_completed_order_that_loses_pieces_stays_completed() -> None:
    found = settled(how_far(made(10)), how_far(made(9)), cause="reassigned")
    assert found.kind is Kind.RESTATEMENT
    assert (found.progress.state, found.progress.remaining) == (OrderState.COMPLETED, 1)
