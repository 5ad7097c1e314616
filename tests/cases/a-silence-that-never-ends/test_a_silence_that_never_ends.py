"""A silence that never ends."""

from __future__ import annotations

import pytest

from ingest_server.domain.alarm_actions import acted
from ingest_server.domain.alarm_states import AlarmRefused, Event, letter
from tests.cases.domain_events import HOT, S, watched


def test_a_shelf_has_an_end_and_an_alarm_below_it_shows_again() -> None:
    state, _ = watched([(0, 90)])
    with pytest.raises(AlarmRefused):
        acted(HOT, state, "", Event.SHELVED, now_us=0, by="wang", reason="noise")
    state, _ = acted(
        HOT, state, "", Event.SHELVED, now_us=0, by="wang", reason="noise", until_us=60 * S
    )
    facts = state.alarm("").facts
    assert [letter(facts, at * S) for at in (1, 59, 60)] == ["G", "G", "B"]
