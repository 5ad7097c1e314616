"""What a machine cannot do is skipped with its reason, and nothing else is."""

from __future__ import annotations

from rig.chaos.deeds import impossible
from rig.chaos.plan import KINDS


def test_only_faults_that_need_something_can_be_impossible() -> None:
    found = impossible(KINDS)
    assert all(KINDS[kind].needs for kind in found)
    assert all(found.values())
    assert impossible([kind for kind in KINDS if not KINDS[kind].needs]) == {}
