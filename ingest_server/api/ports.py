"""What the API asks of the rest of the server: live values, and the health of its parts.

Implementations answer from memory, at once: both are called in the event loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

State = Literal["ok", "starting", "away", "not_here"]
"""`starting`: not connected yet; `away`: was or should be connected and is not; `not_here`: another
process of the server does this part."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveValue:
    """The newest value an edge told on its live topic; never stored, so always provisional."""

    at: datetime
    """Event time, aware."""
    value: bool | int | float | str | None
    quality: int
    """Unsigned 32 bits as in `wire.quality`."""


class LiveValues(Protocol):
    """The newest live value of each tag, as long as its edge is online."""

    def latest(self, tag_ids: Sequence[int]) -> Mapping[int, LiveValue]:
        """Values by the database's tag id; tags without one are absent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerHealth:
    """The connection to the broker."""

    state: State
    since: datetime | None = None
    """Since when it is so, aware."""
    code: str | None = None
    """Message code of the reason while it is away."""
    heard_at: datetime | None = None
    """When it last delivered something new, the server's own beats included; aware."""
    deaf: int = 0
    """Connections given up because a subscription brought nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BacklogHealth:
    """What has been received and is not committed yet."""

    state: State
    batches: int = 0
    oldest_s: float = 0.0
    """Age of the oldest one waiting, in seconds; 0 when none waits."""
    held: int = 0
    """Streams that wait at their edge because the server fails on their next record."""


class HealthSource(Protocol):
    """The health of the parts the API does not see itself (it asks the database on its own)."""

    def broker(self) -> BrokerHealth:
        """The broker as the receiving worker sees it."""

    def backlog(self) -> BacklogHealth:
        """The queue between broker and database."""
