"""An order scanned twice."""

from __future__ import annotations

from tests.cases.domain_events import counted, how_far, outputs, said


def test_the_second_scan_changes_nothing() -> None:
    _, facts = counted([(0, 0), (10, 4), (20, 7)])
    scans = [said(0, "WO-1", "scan"), said(12, "WO-1", "scan", 1), said(12, "WO-1", "scan", 1)]
    assert how_far(outputs(facts, scans)).good == 7
