"""Which record is sent next, and what an answer, a time-out or a new connection changes: pure.

Go-back-N for each class. The records of all epochs of a class form one line: older epochs first,
in each by seq. The rules, all of the stream protocol:

- at most `size` records are under way at once, of which at least `reserved` places are for `key`;
  `key` goes first;
- `acked` of a stream only rises, to the server's cursor, never beyond what was sent; a cursor
  beyond it deletes nothing and is told;
- sending starts again behind `acked` after an own reconnect, a `hello` of a worker not seen on
  this connection, or a time-out without progress, which doubles from `first_timeout_s` to
  `last_timeout_s` and is reset by progress;
- a rewind is obeyed where it names what this side believes (its `acked`, or the stream's end) and
  asks for less.

Times are seconds of a monotonic clock, handed in as `now_s`. Nothing here touches disk or network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from edge_agent.buffer.rows import Place, StreamState
from wire.control import Cursor, Rewind
from wire.frame import StreamClass

ORDER: Final = (StreamClass.KEY, StreamClass.BULK)


class Back(StrEnum):
    """Why sending went back behind `acked`."""

    CONNECTED = "connected"
    HELLO = "hello"
    TIMEOUT = "timeout"
    REWIND = "rewind"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """The next record to send."""

    place: Place
    seq: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Excess:
    """The server claims more of a stream than was ever sent."""

    place: Place
    cursor: int
    last_seq: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What an answer changed."""

    progress: Mapping[Place, int] = field(default_factory=dict)
    """New `acked` of streams."""
    records: int = 0
    """How many records that were under way are confirmed by it."""
    excess: tuple[Excess, ...] = ()
    rewinds: tuple[tuple[Place, int], ...] = ()
    """Streams to be unacknowledged down to a cursor; tell `rewound` when that is done."""
    back: Back | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sent:
    place: Place
    seq: int
    through: int


@dataclass(slots=True)
class _Line:
    """One class: where sending stands."""

    under_way: list[_Sent] = field(default_factory=list)
    position: Wanted | None = None
    timeout_s: float = 0.0
    deadline_s: float | None = None


class Window:
    """The state of sending. `streams` is the buffer's own table, read only."""

    def __init__(
        self,
        streams: Mapping[Place, StreamState],
        *,
        size: int = 16,
        reserved: int = 4,
        first_timeout_s: float = 5.0,
        last_timeout_s: float = 600.0,
    ) -> None:
        self._streams = streams
        self._size = size
        self._reserved = reserved
        self._first_s = first_timeout_s
        self._last_s = last_timeout_s
        self._lines = {cls: _Line(timeout_s=first_timeout_s) for cls in ORDER}
        self._workers: set[UUID] = set()
        # Streams are added at the opening of the buffer only.
        self._places = {(state.epoch, state.cls): place for place, state in streams.items()}
        self._order = {
            cls: sorted((one for one in streams if one.cls is cls), key=lambda one: one.ord)
            for cls in ORDER
        }
        self._index = {place: n for some in self._order.values() for n, place in enumerate(some)}

    # -- what to send ----------------------------------------------------------------------------

    @property
    def under_way(self) -> int:
        """Records sent and not confirmed."""
        return sum(len(line.under_way) for line in self._lines.values())

    def sent_up_to(self) -> dict[Place, int]:
        """The last seq of each stream that is under way."""
        return {
            sent.place: sent.through for line in self._lines.values() for sent in line.under_way
        }

    def wanted(self) -> Wanted | None:
        """The next record to send; None while the window is full or nothing waits."""
        if self.under_way >= self._size:
            return None
        for cls in ORDER:
            line = self._lines[cls]
            if cls is not StreamClass.KEY and len(line.under_way) >= self._size - self._reserved:
                continue
            # At the end of the line the position stays: behind it is what comes next.
            ahead = self._forward(line.position, cls)
            if ahead is not None:
                return ahead
        return None

    def sent(self, wanted: Wanted, *, through: int, now_s: float) -> None:
        """The record that was wanted is on its way; it covers its seq to `through`."""
        line = self._lines[wanted.place.cls]
        line.under_way.append(_Sent(place=wanted.place, seq=wanted.seq, through=through))
        line.position = Wanted(place=wanted.place, seq=through + 1)
        if line.deadline_s is None:
            line.deadline_s = now_s + line.timeout_s

    def _forward(self, at: Wanted | None, cls: StreamClass) -> Wanted | None:
        """The position itself, or the next in line where its stream is at its end."""
        for place in self._order[cls][0 if at is None else self._index[at.place] :]:
            state = self._streams[place]
            seq = state.acked + 1
            if at is not None and place == at.place:
                seq = max(seq, at.seq)
            if seq <= state.last_seq:
                return Wanted(place=place, seq=seq)
        return None

    # -- what comes back -------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether everything there is was sent and confirmed."""
        return self.under_way == 0 and self.wanted() is None

    def connected(self) -> None:
        """A fresh connection: what was under way on the last one may be gone."""
        self._workers.clear()
        for line in self._lines.values():
            line.timeout_s = self._first_s
            self._go_back(line)

    def answered(
        self,
        cursors: Iterable[Cursor],
        rewinds: Iterable[Rewind],
        *,
        hello_of: UUID | None,
        now_s: float,
    ) -> Outcome:
        """What an acknowledgement changes; the caller makes `progress` so in the buffer.

        `hello_of`: the worker, where it announced itself.
        """
        progress: dict[Place, int] = {}
        excess = []
        for cursor in cursors:
            place = self._places.get((cursor.epoch, cursor.cls))
            if place is None:
                continue
            state = self._streams[place]
            if cursor.cursor > state.last_seq:
                excess.append(Excess(place=place, cursor=cursor.cursor, last_seq=state.last_seq))
            elif cursor.cursor > state.acked:
                progress[place] = cursor.cursor
        records = self._confirm(progress, now_s)
        back = None
        if hello_of is not None and hello_of not in self._workers:
            self._workers.add(hello_of)
            back = Back.HELLO
            for line in self._lines.values():
                line.timeout_s = self._first_s
                self._go_back(line)
        wanted = []
        for rewind in rewinds:
            place = self._places.get((rewind.epoch, rewind.cls))
            if place is not None and self._obeys(rewind, place, progress):
                wanted.append((place, rewind.cursor))
        return Outcome(
            progress=progress,
            records=records,
            excess=tuple(excess),
            rewinds=tuple(wanted),
            back=back,
        )

    def rewound(self, place: Place) -> None:
        """The buffer has unacknowledged a stream: send its class from there."""
        self._go_back(self._lines[place.cls])

    def timed_out(self, now_s: float) -> tuple[StreamClass, ...]:
        """The classes that waited too long for progress, and are sent again from `acked`."""
        late = []
        for cls in ORDER:
            line = self._lines[cls]
            if line.deadline_s is not None and now_s >= line.deadline_s:
                late.append(cls)
                line.timeout_s = min(line.timeout_s * 2, self._last_s)
                self._go_back(line)
        return tuple(late)

    def next_deadline_s(self) -> float | None:
        """When `timed_out` has something to say, unless there is progress."""
        deadlines = [line.deadline_s for line in self._lines.values()]
        return min((one for one in deadlines if one is not None), default=None)

    def _confirm(self, progress: Mapping[Place, int], now_s: float) -> int:
        confirmed = 0
        for cls in {place.cls for place in progress}:
            line = self._lines[cls]
            left = [sent for sent in line.under_way if sent.through > progress.get(sent.place, 0)]
            confirmed += len(line.under_way) - len(left)
            line.under_way = left
            line.timeout_s = self._first_s
            line.deadline_s = now_s + line.timeout_s if left else None
        return confirmed

    def _obeys(self, rewind: Rewind, place: Place, progress: Mapping[Place, int]) -> bool:
        state = self._streams[place]
        acked = max(state.acked, progress.get(place, 0))
        return rewind.acked in (acked, state.last_seq) and rewind.cursor < acked

    def _go_back(self, line: _Line) -> None:
        line.under_way = []
        line.position = None
        line.deadline_s = None
