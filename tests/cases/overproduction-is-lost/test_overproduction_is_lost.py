"""Overproduction is lost."""

from __future__ import annotations

from tests.cases.domain_events import counted, how_far, outputs, said


def test_thirteen_of_ten_is_thirteen() -> None:
    _, facts = counted([(0, 0), (10, 13)])
    found = how_far(outputs(facts, [said(0, "WO-1")]))
    assert (found.good, found.over, found.remaining, found.percent) == (13, 3, 0, 130)
