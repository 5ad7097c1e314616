"""Alarm state lost on restart or edit."""

from __future__ import annotations

from dataclasses import replace

from ingest_server.domain.alarm_actions import acted
from ingest_server.domain.alarm_states import Event, letter
from ingest_server.domain.alarms import RuleState
from tests.cases.domain_events import HOT, S, watched


def test_acknowledgement_latch_and_timer_survive_both() -> None:
    rule = replace(HOT, latching=True, off_delay_us=60 * S)
    state, _ = watched([(0, 90)], rule=rule)
    state, _ = acted(rule, state, "", Event.ACKNOWLEDGED, now_us=S, by="wang")
    state, _ = watched([(10, 70)], state, rule)
    state = RuleState.from_json(state.to_json())
    edited = replace(rule, limit=85.0)
    state, transitions = watched([(70, 70)], state, edited)
    assert [(one.event, one.at_us) for one in transitions] == [(Event.CLEARED, 70 * S)]
    assert letter(state.alarm("").facts, 70 * S) == "F"
