"""When and what an edge is answered: pure timing, and the list of its open streams.

An answer goes out at once when half a window of records was applied, after a status, and when a
record is held; everything else waits until a second has passed since the last answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from wire.control import Cursor

if TYPE_CHECKING:
    from ingest_server.store.rows import EdgeRow
    from wire.control import Refusal, Rewind

HALF_WINDOW: Final = 8
"""Records: half of the window of 16 that an edge keeps."""
EVERY_US: Final = 1_000_000
KEEP_EPOCHS: Final = 8
MOST_STREAMS: Final = 500
"""An answer stays far below the limit of a control message (256 KiB)."""
MOST_NOTES: Final = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What an edge is still to be told. `since_us`: when the first of it came up; None: nothing."""

    edge: EdgeRow | None = None
    since_us: int | None = None
    applied: int = 0
    urgent: bool = False
    rewinds: tuple[Rewind, ...] = ()
    refused: tuple[Refusal, ...] = ()
    sent_us: int = 0

    def with_news(
        self,
        edge: EdgeRow | None,
        *,
        now_us: int,
        applied: int = 0,
        urgent: bool = False,
        rewinds: tuple[Rewind, ...] = (),
        refused: tuple[Refusal, ...] = (),
    ) -> Answer:
        """The answer after a message of that edge was dealt with; `edge` None: as before."""
        latest = {(each.epoch, each.cls): each for each in (*self.rewinds, *rewinds)}
        return replace(
            self,
            edge=self.edge if edge is None else edge,
            since_us=now_us if self.since_us is None else self.since_us,
            applied=self.applied + applied,
            urgent=self.urgent or urgent,
            rewinds=tuple(latest.values())[-MOST_NOTES:],
            refused=(*self.refused, *refused)[-MOST_NOTES:],
        )

    def due_us(self) -> int | None:
        """When it is to be sent (0: at once); None where there is nothing to say."""
        if self.since_us is None:
            return None
        if self.urgent or self.applied >= HALF_WINDOW:
            return 0
        return self.sent_us + EVERY_US

    def sent(self, now_us: int) -> Answer:
        """Nothing more to say until the next news; the edge's streams are remembered."""
        return Answer(edge=self.edge, sent_us=now_us)


def open_streams(edge: EdgeRow) -> list[Cursor]:
    """Cursors of the streams an edge may still send of.

    Left out are those that another stream continues, unless they are of the newest few epochs.
    """
    continued = {(row.predecessor, row.cls) for row in edge.streams.values()}
    cursors: list[Cursor] = []
    for cls in sorted({row.cls for row in edge.streams.values()}):
        newest_first = edge.of_class(cls)[::-1]
        cursors += [
            Cursor(epoch=row.epoch, cls=cls, cursor=row.cursor)
            for place, row in enumerate(newest_first)
            if place < KEEP_EPOCHS or row.key not in continued
        ][: MOST_STREAMS // 2]
    return cursors
