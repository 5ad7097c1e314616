"""A second batch overwrites the sum."""

from __future__ import annotations

from tests.cases.domain_events import counted, how_far, outputs, said


def test_two_batches_add_up() -> None:
    state, first = counted([(0, 0), (10, 4)])
    _, second = counted([(20, 7)], state)
    assignments = [said(0, "WO-1")]
    assert how_far([*outputs(first, assignments), *outputs(second, assignments)]).good == 7
