"""What the API asks of the receiving side, answered from memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ingest_server.api.ports import BacklogHealth, BrokerHealth, LiveValue
from runtime.clock import Clock, to_datetime

if TYPE_CHECKING:
    from ingest_server.receive.live import LiveTable
    from ingest_server.receive.state import State


class Health:
    """The broker and the backlog as the session of this process sees them."""

    def __init__(self, state: State, *, clock: Clock, ingests: bool = True) -> None:
        self._state = state
        self._clock = clock
        self._ingests = ingests

    def broker(self) -> BrokerHealth:
        """Connected or not, and since when."""
        state = self._state
        if not self._ingests:
            return BrokerHealth(state="not_here")
        heard_at = None if state.heard_us is None else to_datetime(state.heard_us)
        known = BrokerHealth(state="starting", heard_at=heard_at, deaf=state.hearing.connections)
        if state.connected_us is not None:
            return replace(known, state="ok", since=to_datetime(state.connected_us))
        if state.lost_us is None:
            return known
        return replace(known, state="away", since=to_datetime(state.lost_us), code=state.lost_code)

    def backlog(self) -> BacklogHealth:
        """What waits between broker and database."""
        state = self._state
        if not self._ingests:
            return BacklogHealth(state="not_here")
        away_us = state.database_away_us
        if away_us is not None:
            oldest_s = max((self._clock() - away_us) / 1e6, state.oldest_s)
            return BacklogHealth(
                state="away", batches=state.waiting, oldest_s=oldest_s, held=state.held
            )
        started = state.connected_us is not None or state.lost_us is not None
        return BacklogHealth(
            state="ok" if started else "starting",
            batches=state.waiting,
            oldest_s=state.oldest_s,
            held=state.held,
        )


class LiveView:
    """The live table in the API's words."""

    def __init__(self, table: LiveTable) -> None:
        self._table = table

    def latest(self, tag_ids: Sequence[int]) -> Mapping[int, LiveValue]:
        """Values by tag id; tags without one are absent."""
        return {
            tag_id: LiveValue(at=to_datetime(seen.at_us), value=seen.value, quality=seen.quality)
            for tag_id, seen in self._table.latest(tag_ids).items()
        }
