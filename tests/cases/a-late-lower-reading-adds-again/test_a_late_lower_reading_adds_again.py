"""A late, lower reading adds again."""

from __future__ import annotations

from tests.cases.domain_events import counted


def test_nine_hundred_after_a_thousand_adds_nothing() -> None:
    state, facts = counted([(0, 999), (1, 1000), (2, 900), (3, 1001)])
    assert facts.total() == 2
    assert state.quarantined == 1
