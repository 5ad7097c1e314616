"""Was all collected that the devices handed out, and does `gap` tell of the time it was not? Pure.

Two questions that the buffers cannot answer alone, since what never became durable is not there:

- `missed`: changes of a value that a device handed out and that no buffer holds. A loss window
  before a process died accounts for them (`uncommitted`), trouble on the way from the device does
  (`on_the_way`); whatever else is missing was lost by the collector.
- `silent_holes`: times in which an edge has no reading at all and no gap says so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from rig.readings import Gap
from rig.rows import Row, Value
from simulators.truth import Answer
from wire.quality import NO_VALUE

LOSS_WINDOW_US: Final = 1_500_000
"""What waits for the disk: a commit every 200 ms, and the time a busy machine takes for it."""
_ARRIVES_US: Final = 2_500_000
"""A value that was handed out is stamped at most so much later."""
_BEFORE_US: Final = 1_000
_TROUBLE_US: Final = 4_000_000
"""A connection that broke is noticed, and made again, within that."""
_HOLE_US: Final[Mapping[str, int]] = {"bulk": 2_500_000, "key": 9_000_000}


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A time in microseconds since the Unix epoch."""

    from_us: int
    to_us: int

    def holds(self, at_us: int) -> bool:
        """Whether a moment lies in it, its ends included."""
        return self.from_us <= at_us <= self.to_us


@dataclass(kw_only=True, slots=True)
class Missed:
    """Changes that were handed out and are in no buffer."""

    uncommitted: int = 0
    oldest_us: int = 0
    """Greatest age of an uncommitted one when its edge died."""
    on_the_way: int = 0
    lost: list[Answer] = field(default_factory=list)


def missed(
    answers: Iterable[Answer],
    rows: Iterable[Row],
    *,
    tags: Iterable[str],
    deaths: Mapping[str, Sequence[int]],
    trouble: Mapping[str, Sequence[Window]],
    broken: Mapping[str, Sequence[Window]],
) -> Missed:
    """Look for every change of the given tags, which are reported whenever they change.

    `deaths`, `trouble`: by edge, when its agent was killed, and when the way from its devices to
    its disk was not whole. `broken`: when the server was told that a device's connection was gone,
    or that polls did not take place: a reading during which the agent stood still is made again,
    and what had been answered to it is not kept.
    """
    wanted = set(tags)
    stored: dict[tuple[str, Value], list[int]] = defaultdict(list)
    for path, ts_us, value, quality in rows:
        if path in wanted and not quality & NO_VALUE:
            stored[path, value].append(ts_us)
    for times in stored.values():
        times.sort()
    found = Missed()
    last: dict[str, Value] = {}
    for answer in answers:
        if answer.tag not in wanted or answer.status >> 30:
            continue
        if last.get(answer.tag) == answer.value:
            continue
        last[answer.tag] = answer.value
        if _is_stored(answer, stored.get((answer.tag, answer.value), [])):
            continue
        edge = answer.tag.partition("/")[0]
        ages = [died - answer.at_us for died in deaths.get(edge, ())]
        recent = [age for age in ages if -_BEFORE_US <= age <= LOSS_WINDOW_US]
        if recent:
            found.uncommitted += 1
            found.oldest_us = max(found.oldest_us, min(recent))
        elif any(
            window.from_us - _ARRIVES_US <= answer.at_us <= window.to_us + _TROUBLE_US
            for window in trouble.get(edge, ())
        ) or any(window.holds(answer.at_us) for window in broken.get(edge, ())):
            found.on_the_way += 1
        else:
            found.lost.append(answer)
    return found


def _is_stored(answer: Answer, times: Sequence[int]) -> bool:
    if answer.source_us is not None:
        place = bisect_left(times, answer.source_us)
        if place < len(times) and times[place] == answer.source_us:
            return True
    place = bisect_left(times, answer.at_us - _BEFORE_US)
    return place < len(times) and times[place] <= answer.at_us + _ARRIVES_US


@dataclass(frozen=True, kw_only=True, slots=True)
class Hole:
    """A time without a reading of a class that no gap tells of."""

    edge: str
    cls: str
    from_us: int
    to_us: int

    def __str__(self) -> str:
        length_s = (self.to_us - self.from_us) / 1e6
        return f"{self.edge} has no {self.cls} reading for {length_s:.1f} s from {self.from_us} on"


def silent_holes(
    times: Mapping[tuple[str, str], Sequence[int]],
    gaps: Iterable[Gap],
    *,
    still: Sequence[Window] = (),
) -> list[Hole]:
    """`times`: event times by (edge, class), in any order.

    `still`: when the machines were paused; what is reported on change has nothing to tell then.
    """
    told: dict[str, list[Window]] = defaultdict(list)
    for gap in gaps:
        to_us = (1 << 62) if gap.to_us is None else gap.to_us
        told[gap.edge].append(Window(from_us=gap.from_us, to_us=to_us))
    holes = []
    for (edge, cls), known in sorted(times.items()):
        for before, after in pairwise(sorted(known)):
            if after - before <= _HOLE_US[cls]:
                continue
            known_of = [*told[edge], *still] if cls == "key" else told[edge]
            if _untold_us(before, after, known_of) > _HOLE_US[cls]:
                holes.append(Hole(edge=edge, cls=cls, from_us=before, to_us=after))
    return holes


def _untold_us(from_us: int, to_us: int, told: Iterable[Window]) -> int:
    """How much of a time lies in none of the windows."""
    untold, at_us = 0, from_us
    for window in sorted(told, key=lambda one: one.from_us):
        if window.to_us <= at_us or window.from_us >= to_us:
            continue
        untold += max(0, window.from_us - at_us)
        at_us = max(at_us, window.to_us)
    return untold + max(0, to_us - at_us)
