"""Do counters, orders and alarms at the server agree with what the plant really made? Pure.

What a collector could not see (parts made before a reset that fell into a time without collecting)
is worked out from the truth and the readings, and must stand in a gap; everything else must agree
to the part.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final, Literal

from rig.readings import Gap

Role = Literal["good", "scrap"]
FOREVER_US: Final = 1 << 62
ALARM_TOLERANCE_US: Final = 2_500_000
"""A limit is seen at the next poll (0.5 s) of a value that changes every 0.2 s; the rest is slack
for a busy machine."""
_POLL_US: Final = 500_000
_DISTURBING: Final = frozenset({"agent_down", "device_down", "not_collected", "buffer_lost"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Parts of one cycle: when, for which order, and how many had been made in all with them."""

    at_us: int
    order: str
    count: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reset:
    """The counter fell to 0; `total` parts had been made in all."""

    at_us: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CounterTruth:
    """One counter of one machine: its parts and resets in the order of time."""

    start: int
    modulus: int
    parts: Sequence[Part]
    resets: Sequence[Reset]

    def total_at(self, at_us: int) -> int:
        """Parts made until then."""
        place = bisect_right(self.parts, at_us, key=lambda part: part.at_us)
        return self.parts[place - 1].total if place else 0

    def total_of(self, raw: int, at_us: int) -> int:
        """How many parts had been made when the counter stood at `raw`, read at about `at_us`.

        A value is served at a tick and stamped when it arrives: the total is that of the value,
        near the time, not that of the time.
        """
        near = self.total_at(at_us)
        candidates = []
        for begin, offset in self._eras(at_us):
            since = (raw - offset) % self.modulus
            turns = round((near - begin - since) / self.modulus)
            candidates += [begin + since + self.modulus * (turns + step) for step in (-1, 0, 1)]
        return min(candidates, key=lambda total: abs(total - near))

    def _eras(self, at_us: int) -> list[tuple[int, int]]:
        """(total at its begin, counter value then) of the era at a time and of the one before."""
        eras = [(0, self.start), *((reset.total, 0) for reset in self.resets)]
        place = bisect_right(self.resets, at_us, key=lambda reset: reset.at_us)
        return eras[max(0, place - 1) : place + 1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A good reading of a counter, in the order of its stream."""

    at_us: int
    raw: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Unseen:
    """Parts nobody could see: made in a stretch between two readings in which the counter fell."""

    from_us: int
    to_us: int
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """What a counter must have come to at the server, between its first and last reading."""

    truth: int
    unseen: tuple[Unseen, ...]
    first_total: int
    last_total: int

    @property
    def visible(self) -> int:
        """What anybody who read those values could count."""
        return self.truth - sum(stretch.count for stretch in self.unseen)


def expected_count(truth: CounterTruth, readings: Sequence[Reading]) -> Count:
    """What the readings of a counter allow to be counted, from the truth alone."""
    if not readings:
        return Count(truth=0, unseen=(), first_total=0, last_total=0)
    first = truth.total_of(readings[0].raw, readings[0].at_us)
    last = truth.total_of(readings[-1].raw, readings[-1].at_us)
    unseen = []
    for before, after in _around_resets(truth, readings):
        made = truth.total_of(after.raw, after.at_us) - truth.total_of(before.raw, before.at_us)
        seen = after.raw - before.raw if after.raw >= before.raw else after.raw
        if made != seen:
            unseen.append(Unseen(from_us=before.at_us, to_us=after.at_us, count=made - seen))
    return Count(truth=last - first, unseen=tuple(unseen), first_total=first, last_total=last)


def _around_resets(
    truth: CounterTruth, readings: Sequence[Reading]
) -> Iterable[tuple[Reading, Reading]]:
    places = set()
    for reset in truth.resets:
        place = bisect_right(readings, reset.at_us, key=lambda reading: reading.at_us)
        if 0 < place < len(readings):
            places.add(place)
            # The first reading stamped after the reset may still show the value before it, or the
            # counter has come to the same value again.
            if readings[place].raw == readings[place - 1].raw and place + 1 < len(readings):
                places.add(place + 1)
    for place in sorted(places):
        yield readings[place - 1], readings[place]


def explained(unseen: Iterable[Unseen], gaps: Sequence[Gap], edge: str) -> bool:
    """Whether every stretch with unseen parts overlaps a gap of its edge."""
    return all(
        any(
            gap.edge == edge
            and gap.from_us <= stretch.to_us
            and (gap.to_us is None or gap.to_us >= stretch.from_us)
            for gap in gaps
        )
        for stretch in unseen
    )


def order_truth(truth: CounterTruth, count: Count) -> dict[str, int]:
    """Parts by order, between the first and the last reading of the counter."""
    sums: dict[str, int] = {}
    for part in truth.parts:
        made = min(part.total, count.last_total) - max(part.total - part.count, count.first_total)
        if made > 0:
            sums[part.order] = sums.get(part.order, 0) + made
    return sums


def orders_agree(
    truth: Mapping[str, int],
    server: Mapping[str, int],
    *,
    open_quantity: int,
    unseen: int,
    blurred: Mapping[str, int],
    spare: Mapping[str, int] | None = None,
) -> bool:
    """Whether a machine's quantities by order agree.

    `open_quantity` is what the server left unassigned or unallocated; `blurred`: parts by order
    made between two readings with a gap between them. No order may have more than it really got,
    none may lack more than was blurred, and what is missing must be exactly what is open or could
    not be seen. So where nothing was blurred all agrees to the part.

    `spare`: parts by order made while two agents counted the machine. So many may be too many or
    too few of that order, and of no other.
    """
    missing = 0
    spare = spare or {}
    for order in {*truth, *server}:
        short = truth.get(order, 0) - server.get(order, 0)
        some = spare.get(order, 0)
        if not -some <= short <= blurred.get(order, 0) + some:
            return False
        missing += short
    return abs(missing - open_quantity - unseen) <= sum(spare.values())


def blurred_parts(
    truth: CounterTruth, readings: Sequence[Reading], gaps: Iterable[Gap], *, slack_us: int
) -> dict[str, int]:
    """Parts by order made between two readings (in stream order) that have a gap between them.

    `slack_us`: how far from a gap's ends the reading before and the one after it may lie.
    """
    begins, latest_ends = _spans(gaps, slack_us)
    sums: dict[str, int] = {}
    for before, after in pairwise(readings):
        place = bisect_right(begins, after.at_us)
        if not place or latest_ends[place - 1] < before.at_us:
            continue
        first = truth.total_of(before.raw, before.at_us)
        last = truth.total_of(after.raw, after.at_us)
        place = bisect_right(truth.parts, first, key=lambda part: part.total)
        for part in truth.parts[place:]:
            if part.total - part.count >= last:
                break
            made = min(part.total, last) - max(part.total - part.count, first)
            sums[part.order] = sums.get(part.order, 0) + max(made, 0)
    return sums


def _spans(gaps: Iterable[Gap], slack_us: int) -> tuple[list[int], list[int]]:
    """When gaps begin, in order, and the latest end of all that have begun by then."""
    spans = sorted(
        (gap.from_us - slack_us, FOREVER_US if gap.to_us is None else gap.to_us + slack_us)
        for gap in gaps
    )
    return [begin for begin, _ in spans], list(accumulate((end for _, end in spans), max))


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A time in which something was so; `to_us` None: it still is."""

    from_us: int
    to_us: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmMatch:
    """One alarm that ought to have been raised, or was; times in microseconds, None: not there."""

    rule: str
    raised_us: int | None
    truth_raised_us: int | None

    @property
    def ok(self) -> bool:
        """Whether both sides know it."""
        return self.raised_us is not None and self.truth_raised_us is not None


def due_alarms(spans: Iterable[Span], *, delay_us: int, from_us: int, until_us: int) -> list[int]:
    """When alarms were due: the ends of the delay of spans that lasted that long, in the window."""
    due = []
    for span in spans:
        end = until_us if span.to_us is None else span.to_us
        raised = span.from_us + delay_us
        if end > raised and from_us < raised <= until_us:
            due.append(raised)
    return due


def unwatched(at_us: int, gaps: Iterable[Gap], *, delay_us: int) -> bool:
    """Whether an alarm's condition, delay or raising touches one of its edge's gaps.

    A gap begins with the first poll that was missed; what came up behind the last one that was not
    is seen when the gap ends, too.
    """
    return any(
        gap.cause in _DISTURBING
        and gap.from_us - delay_us - _POLL_US <= at_us
        and (gap.to_us is None or at_us <= gap.to_us + delay_us + ALARM_TOLERANCE_US)
        for gap in gaps
    )


def match_alarms(
    rule: str, due: Sequence[int], raised: Sequence[int], *, tolerance_us: int
) -> list[AlarmMatch]:
    """Pair what was due with what was raised, each at most once, nearest in time first."""
    left = sorted(raised)
    matches = []
    for at in sorted(due):
        near = min(left, key=lambda known: abs(known - at), default=None)
        if near is not None and abs(near - at) <= tolerance_us:
            left.remove(near)
            matches.append(AlarmMatch(rule=rule, raised_us=near, truth_raised_us=at))
        else:
            matches.append(AlarmMatch(rule=rule, raised_us=None, truth_raised_us=at))
    matches += [AlarmMatch(rule=rule, raised_us=at, truth_raised_us=None) for at in left]
    return matches
