"""An acknowledged disconnect hides the real alarm."""

from __future__ import annotations

import pytest

from ingest_server.domain.alarm_actions import acted
from ingest_server.domain.alarm_states import AlarmRefused, Event, letter
from tests.cases.domain_events import BAD, HOT, S, watched


def test_a_disconnect_cannot_be_acknowledged_and_the_alarm_after_it_is_new() -> None:
    state, _ = watched([(0, 70), (1, 0, BAD)])
    assert state.alarm("").facts.bad_quality
    with pytest.raises(AlarmRefused):
        acted(HOT, state, "", Event.ACKNOWLEDGED, now_us=2 * S, by="wang")
    _, transitions = watched([(3, 90)], state)
    assert letter(transitions[0].facts, 3 * S) == "B"
