"""The newest live value of each tag, in memory: for screens only, never history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest_server.store.rows import TagMap
    from wire.control import Live
    from wire.ids import EdgeId


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A live value with its event time."""

    at_us: int
    value: bool | int | float | str | None
    quality: int


class LiveTable:
    """Values by tag id; those of an edge vanish when it is offline."""

    def __init__(self) -> None:
        self._values: dict[int, Seen] = {}
        self._of_edge: dict[EdgeId, set[int]] = {}

    def latest(self, tag_ids: Sequence[int]) -> Mapping[int, Seen]:
        """Values by tag id; tags without one are absent."""
        return {tag: self._values[tag] for tag in tag_ids if tag in self._values}

    def take(self, edge: EdgeId, live: Live, tags: TagMap) -> None:
        """Keep what a live message says; numbers without definition are passed over."""
        known = self._of_edge.setdefault(edge, set())
        size = tags.tag_id.shape[0]
        for number, at_us, value, quality in zip(
            live.tags, live.ts, live.values, live.quality, strict=False
        ):
            tag_id = int(tags.tag_id[number]) if number < size else 0
            if tag_id and 0 <= quality < 2**32:
                self._values[tag_id] = Seen(at_us=at_us, value=value, quality=quality)
                known.add(tag_id)

    def forget(self, edge: EdgeId) -> None:
        """The edge is offline: what it said last is not live any more."""
        for tag_id in self._of_edge.pop(edge, ()):
            self._values.pop(tag_id, None)
