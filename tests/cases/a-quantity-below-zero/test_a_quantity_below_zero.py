"""A quantity below zero."""

from __future__ import annotations

from ingest_server.domain.quantities import Output
from tests.cases.domain_events import counted, how_far


def test_a_counter_that_falls_makes_nothing_negative() -> None:
    _, facts = counted([(0, 60), (1, 0), (2, 1)])
    assert (facts.quantity >= 0).all()


def test_scrap_before_its_pieces_is_shown_and_not_subtracted_below_zero() -> None:
    scrap = Output(order="WO-1", equipment="press-1", role="scrap", quantity=60)
    total = Output(order="WO-1", equipment="press-1", role="total", quantity=20)
    found = how_far([scrap, total])
    assert (found.good, found.scrap, found.inconsistent) == (0, 60, True)
