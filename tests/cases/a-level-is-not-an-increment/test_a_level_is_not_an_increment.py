"""A level is not an increment."""

from __future__ import annotations

from tests.cases.domain_events import counted, how_far, outputs, said


def test_eight_then_ten_is_ten() -> None:
    _, facts = counted([(0, 0), (10, 8), (20, 10)])
    assert how_far(outputs(facts, [said(0, "WO-1")])).good == 10
