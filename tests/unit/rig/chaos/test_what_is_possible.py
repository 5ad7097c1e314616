"""What a machine cannot do is skipped with its reason, and nothing else is."""

from __future__ import annotations

from rig.chaos.deeds import impossible
from rig.chaos.plan import KINDS


def test_only_faults_that_need_something_can_be_impossible() -> None:
    found = impossible(KINDS)
    assert all(KINDS[kind].needs for kind in found)
    assert all(found.values())
    assert impossible([kind for kind in KINDS if not KINDS[kind].needs]) == {}


def test_a_fault_that_has_to_be_asked_for_is_skipped_unless_it_is() -> None:
    assert "edge_clock" in impossible(["edge_clock"])
    reason = impossible(["edge_clock"], asked=True).get("edge_clock", "")
    assert "--only" not in reason
