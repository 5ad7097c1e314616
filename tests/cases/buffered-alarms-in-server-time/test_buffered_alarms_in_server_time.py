"""Buffered alarms get the server's time."""

from __future__ import annotations

from ingest_server.domain.alarm_news import Occurrence, Verdict, decide
from tests.cases.domain_events import S, watched

MINUTE = 60 * S


def test_an_outage_of_alarms_rings_once_for_what_still_stands() -> None:
    learned = 180 * MINUTE
    _, transitions = watched([(60, 90), (120, 70), (180, 90), (240, 70), (300, 90)])
    assert [one.at_us // S for one in transitions] == [60, 120, 180, 240, 300]
    found: dict[str, Occurrence] = {}
    for one in transitions:
        cleared = one.at_us if one.event == "cleared" else None
        found[one.occurrence] = Occurrence(
            key=one.occurrence, raised_us=one.raised_us, cleared_us=cleared, learned_us=learned
        )
    for caught_up, last in ((False, Verdict.WAIT), (True, Verdict.STANDING)):
        verdicts = [
            decide(one, hidden=False, caught_up=caught_up, late_after_us=5 * MINUTE)
            for one in found.values()
        ]
        assert verdicts == [Verdict.DIGEST, Verdict.DIGEST, last]
