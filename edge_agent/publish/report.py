"""The status an edge reports: where each of its streams stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from edge_agent.buffer.rows import Place
from edge_agent.buffer.store import Store
from wire.control import Status, StreamStatus

MOST_STREAMS: Final = 400
"""So that a status stays below the wire's limit for control messages."""
_NEWEST_EPOCHS: Final = 8


def offline(store: Store, *, session: int, agent: str, at_us: int) -> Status:
    """The last will, and the goodbye."""
    return Status(
        state="offline", epoch=store.epoch, session=session, at_us=at_us, agent=agent, streams=[]
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    """Which configuration runs."""

    version: int | None = None
    """Of a pushed one; None: the edge's own file."""
    sha256: str | None = None
    """Of its text; None where it was given without one."""


async def status(
    store: Store,
    *,
    runs: Runs = Runs(),
    state: Literal["online", "offline"] = "online",
    session: int,
    agent: str,
    at_us: int,
    offset_us: int | None,
) -> Status:
    """The streams that hold anything or are not confirmed, and those of the newest epochs."""
    held = await store.held_from()
    chosen = _chosen(store, held)
    streams = []
    for place in chosen:
        one = store.streams[place]
        oldest = await store.oldest_unacked(place) if one.acked < one.last_seq else None
        streams.append(
            StreamStatus(
                epoch=one.epoch,
                cls=one.cls,
                last_seq=one.last_seq,
                acked=one.acked,
                held_from=held.get(place, one.last_seq + 1),
                from_us=None if oldest is None else oldest[0],
                to_us=one.to_us,
            )
        )
    return Status(
        state=state,
        epoch=store.epoch,
        session=session,
        at_us=at_us,
        agent=agent,
        streams=streams,
        offset_us=offset_us,
        config_version=runs.version,
        config_sha256=runs.sha256,
    )


def _chosen(store: Store, held: Mapping[Place, int]) -> list[Place]:
    wanted = [
        place
        for place, one in store.streams.items()
        if place in held or one.acked < one.last_seq or place.ord > store.ord - _NEWEST_EPOCHS
    ]
    wanted.sort(key=lambda place: (place.ord, place.cls))
    if len(wanted) <= MOST_STREAMS:
        return wanted
    # The oldest are being sent, the newest are being written: both tell where this edge stands.
    half = MOST_STREAMS // 2
    return wanted[:half] + wanted[-half:]
