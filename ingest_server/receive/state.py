"""How receiving goes, as one process sees it over all its connections."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest_server.receive.hearing import Hearing

if TYPE_CHECKING:
    from wire.ids import EdgeId


@dataclass(kw_only=True, slots=True)
class State:
    """For health and figures; outlives a connection. `there`: edges last heard of as connected."""

    connected_us: int | None = None
    lost_us: int | None = None
    lost_code: str | None = None
    heard_us: int | None = None
    """When something last came from the broker that was not there before; beats, too."""
    hearing: Hearing = field(default_factory=Hearing)
    there: set[EdgeId] = field(default_factory=set)
    database_away_us: int | None = None
    waiting: int = 0
    oldest_s: float = 0.0
    held: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    commits: int = 0
