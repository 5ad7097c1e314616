"""The PLC clock steps back."""

from __future__ import annotations

from tests.cases.domain_events import counted


def test_a_stepped_clock_counts_what_was_made_and_no_wrap() -> None:
    _, facts = counted([(7200, 100), (7210, 110), (3615, 115), (3625, 120)])
    assert facts.total() == 20
    assert facts.discontinuous.tolist() == [False, False, True, False]
