"""Whether a connection of the server still hears: judged by what it says to itself. Pure.

A clustered broker that lost a node may have lost subscriptions of a connection with it: the
session lives on, and nothing comes. That the edges are silent proves nothing, for they may be away.
So every few seconds the server publishes a beat through each of its filters and looks whether it
comes back.

Rules:
- whatever comes through a filter proves it, beats of others too; retained messages do not, since
  brokers hand those out aside from what is delivered;
- a beat that is not heard counts only if the broker acknowledged it, and if nothing received has
  waited for the database all the time: behind messages that wait, beats wait, too;
- one through the filter for plain publishers counts only if the beat sent after it, through the
  other filter, was heard: so it is not merely late;
- judged is by beats in a row, never by time: a process that was stopped for an hour missed one;
- only a filter that has brought a beat to this process before is given up for silence. Where the
  broker's access rules do not let the server speak to itself, the filter for edges is still given
  up when some were last heard of as connected and none has said a word for twice the longest time
  an edge may be silent; that for plain publishers never is;
- a broker that ends a connection at its first beat, thrice in a row, gets none any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MISSED: Final = 6
"""Beats in a row; doubled with each connection given up in a row, up to `_MOST`."""
_MOST: Final = 60
_WITHOUT_BEATS: Final = 60
"""Intervals of 10 s: an edge says how it is at least every 5 minutes."""
_REFUSED: Final = 3
_UNPROVED: Final = 60
"""Beats the broker took on one connection: after a long outage they wait behind all the data."""


class Way(StrEnum):
    """A filter that the server subscribes to."""

    EDGES = "edges"
    PLAIN = "plain"


@dataclass(slots=True)
class _Ear:
    """One filter. `heard`, `latest`: since the last beat was judged, the newest of our own."""

    proved: bool = False
    heard: bool = False
    latest: int = 0
    missed: int = 0
    given_up: int = 0


@dataclass(slots=True)
class Hearing:
    """What one process has heard, over all its connections; `connected` begins the next one."""

    connections: int = 0
    """Given up because a filter brought nothing."""
    told: bool = False
    """Whether a person was told of `unproved`."""
    _ears: dict[Way, _Ear] = field(default_factory=lambda: {way: _Ear() for way in Way})
    _beat: int = 0
    _taken: int = 0
    _refused: int = 0

    def connected(self) -> None:
        """A new connection: what was heard and missed on the one before counts no more."""
        self._taken = self._beat = 0
        for ear in self._ears.values():
            ear.heard, ear.latest, ear.missed = False, 0, 0

    def ended(self, *, lost: bool, taken: bool) -> None:
        """The connection is over; `lost`: not by this program; `taken`: as for `judge`."""
        if taken and self._beat:
            self._refused = 0
        elif lost and self._beat == 1:
            self._refused += 1
        if not self.speaks:
            for ear in self._ears.values():
                ear.proved = False

    @property
    def speaks(self) -> bool:
        """Whether to send beats: not to a broker that ends the connection for it."""
        return self._refused < _REFUSED

    @property
    def proved(self) -> bool:
        """Whether every filter has brought a beat to this process."""
        return all(ear.proved for ear in self._ears.values())

    @property
    def missed(self) -> int:
        """Beats in a row that the worse filter has not brought back; 0 while none ever came."""
        return max(ear.missed if ear.proved else 0 for ear in self._ears.values())

    def next_beat(self) -> int:
        """The number of the beat to be sent now, through all filters; from 1 on."""
        self._beat += 1
        return self._beat

    def heard(self, way: Way, *, beat: int | None = None) -> None:
        """Something came through a filter; `beat`: one of this connection's own, that number."""
        ear = self._ears[way]
        ear.heard = True
        if beat is not None:
            ear.proved = True
            ear.latest = max(ear.latest, beat)

    def judge(self, *, taken: bool, held: bool, awaited: bool) -> Way | None:
        """An interval after a beat: the filter for which to give the connection up, or None.

        `taken`: the broker acknowledged the beat, or there was none to be sent. `held`: something
        received has waited for longer than the interval. `awaited`: an edge is connected.
        """
        edges, plain = self._ears[Way.EDGES], self._ears[Way.PLAIN]
        if taken and self._beat:
            self._taken, self._refused = self._taken + 1, 0
        in_time = self._beat > 0 and edges.latest >= self._beat
        edges.missed = _missed(edges, counts=taken, held=held)
        plain.missed = _missed(plain, counts=taken and in_time, held=held)
        for way, ear in self._ears.items():
            most = min(MISSED << min(ear.given_up, 10), _MOST) if ear.proved else None
            if most is None and way is Way.EDGES and awaited:
                most = _WITHOUT_BEATS
            if most is not None and ear.missed >= most:
                ear.given_up += 1
                self.connections += 1
                return way
        return None

    def unproved(self) -> Way | None:
        """A filter that has brought no beat to this process, although the broker took many."""
        if self.speaks and self._taken < _UNPROVED:
            return None
        return next((way for way, ear in self._ears.items() if not ear.proved), None)


def _missed(ear: _Ear, *, counts: bool, held: bool) -> int:
    heard, ear.heard = ear.heard, False
    if heard:
        ear.given_up = 0
    return 0 if heard or held else ear.missed + counts
