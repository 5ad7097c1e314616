"""A PLC's order tag to assignments: a pure fold in stream order that speaks only when it changes.

The tag's word at a time is news where its own words, put in the order of event time, do not end in
it from that time on. Mostly that is a change. Where the device's clock stepped back, words of the
first time through lie ahead of it: each is said again with what runs now, or an order that ended
before the step would run once more as soon as the clock came to it, and for good.

- Such words are marked `stepped`: they hold for what is told from then on. What was told before,
  the first time through, keeps its order; by event time alone nobody could tell the two apart.
- Bad quality says nothing: what ran goes on running as far as anybody knows.
- Historical readings are left out, as in all folds.
- A second reader of the same machine is heard only behind what the first one said.
- Any split into batches, with the state saved and restored between any two, gives the same result.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ingest_server.domain.facts import Bools, Int64s
from wire.quality import HISTORICAL, NO_VALUE, is_good

Word = tuple[int, str | None]
"""Event time in microseconds, and the order that ran from then on; None: none."""

Said = tuple[int, str | None, bool]
"""A word to be written down, and whether it is `stepped`."""

_VERSION: Final = 1
_MOST_WORDS: Final = 200
"""So many changes of order are remembered: many more than in the day that a clock may step back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderTagState:
    """`words`: what the tag said, by event time, each time once; the newest of them.

    `at_us`: of what it said last, None before the first word.
    """

    words: tuple[Word, ...] = ()
    at_us: int | None = None

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values, with its version under `v`."""
        return {"v": _VERSION, "at_us": self.at_us, "words": [list(word) for word in self.words]}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> OrderTagState:
        """The state saved by `to_json`; ValueError for a version this release does not know.

        The last word alone, perhaps without its time, is what earlier releases saved.
        """
        if saved.get("v") != _VERSION:
            raise ValueError(f"order tag state of version {saved.get('v')!r}")
        at_us = saved.get("at_us")
        if "words" in saved:
            return cls(words=tuple((at, order) for at, order in saved["words"]), at_us=at_us)
        if not saved["known"]:
            return cls()
        return cls(words=((0 if at_us is None else at_us, saved["order"]),), at_us=at_us)


def usable(state: OrderTagState, ts_us: Int64s, q: NDArray[np.uint32], *, beside: bool) -> Bools:
    """Which of n readings say something; `beside`: a second reader tells of the same time."""
    said = is_good(q) & ((q & np.uint32(NO_VALUE | HISTORICAL)) == 0)
    if beside and state.at_us is not None:
        # The first reader has told of the change already: this one was still before it.
        said &= ts_us > state.at_us
    return np.asarray(said, np.bool_)


def fold(
    state: OrderTagState, ts_us: Int64s, orders: Sequence[str | None]
) -> tuple[OrderTagState, tuple[Said, ...]]:
    """Applies n usable readings; what is to be written down, in the order in which it counts.

    Of two words with equal times the later one counts.
    """
    words, at_us = list(state.words), state.at_us
    said: list[Said] = []
    before: Word | None = None
    for word in zip(ts_us.tolist(), orders, strict=True):
        at, order = word
        # The same as its neighbour, and not before it: nothing can be new.
        again = before is not None and before[1] == order and before[0] <= at
        before = word
        if again:
            continue
        place = bisect_right(words, at, key=_time)
        ahead = words[place:]
        news = [(later, order, True) for later, other in ahead if other != order]
        del words[place:]
        if not words or words[-1][1] != order:
            if words and words[-1][0] == at:
                words.pop()
            words.append(word)
            news.insert(0, (at, order, bool(ahead)))
        words += [(later, order) for later, _ in ahead]
        del words[:-_MOST_WORDS]
        if news:
            said += news
            at_us = at
    return OrderTagState(words=tuple(words), at_us=at_us), tuple(said)


def _time(word: Word) -> int:
    return word[0]
