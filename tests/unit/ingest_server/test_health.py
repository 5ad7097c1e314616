"""What the server says of its connection to the broker."""

from __future__ import annotations

from ingest_server.health import Health
from ingest_server.receive.hearing import MISSED, Way
from ingest_server.receive.state import State
from runtime.clock import now_us, to_datetime


def test_a_connection_given_up_for_its_silence_shows_with_its_reason_and_when_it_last_heard() -> (
    None
):
    state = State()
    health = Health(state, clock=now_us)
    assert (health.broker().state, health.broker().heard_at) == ("starting", None)
    state.connected_us, state.heard_us = 1_000_000, 5_000_000
    well = health.broker()
    assert (well.state, well.since, well.code) == ("ok", to_datetime(1_000_000), None)
    assert (well.heard_at, well.deaf) == (to_datetime(5_000_000), 0)
    state.hearing.connected()
    for way in Way:
        state.hearing.heard(way, beat=state.hearing.next_beat())
    while state.hearing.judge(taken=True, held=False, awaited=False) is None:
        assert state.hearing.missed < MISSED
    state.connected_us, state.lost_us, state.lost_code = None, 70_000_000, "LS-5427"
    lost = health.broker()
    assert (lost.state, lost.since, lost.code) == ("away", to_datetime(70_000_000), "LS-5427")
    assert (lost.heard_at, lost.deaf) == (to_datetime(5_000_000), 1)
