"""Quantities to orders: an as-of join of event time on the timeline of the equipment.

- A quantity belongs to the run at its event time `ts_us`.
- Where its timing is unknown (discontinuous, the clock stepped back, or longer than `gap_us` since
  the reading before) and a run boundary lies after `from_us` and not after `ts_us`, nobody can say
  which run made it: it goes to `unallocated`, whole, with its real quantity.
- Where no source names an order it goes to `unassigned`, visible and claimable.
- An order number that no plan knows stays as it is: its own text.

Rows are sums over (run, minute), sorted, and the same for any order of the facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ingest_server.domain.assignments import UNASSIGNED, Run, Timeline
from ingest_server.domain.buckets import minute_of
from ingest_server.domain.facts import Bools, Facts

Place = Literal["order", "unassigned", "unallocated"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """Where a quantity went. Only `order` carries a run."""

    place: Place
    run: Run = UNASSIGNED


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """m sums, sorted by key and minute: columns of shape (m,).

    `key` indexes `keys`; `minute_us` is the start of the minute of event time (for `unallocated` of
    the reading that revealed the quantity); `facts` how many rows of facts went in.
    """

    keys: tuple[Key, ...]
    key: NDArray[np.int64]
    minute_us: NDArray[np.int64]
    quantity: NDArray[np.float64]
    facts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.key)

    def by_key(self) -> dict[Key, float]:
        """The total of each key."""
        sums = np.bincount(self.key, weights=self.quantity, minlength=len(self.keys))
        return {key: float(total) for key, total in zip(self.keys, sums, strict=True)}


def attribute(facts: Facts, timeline: Timeline, *, gap_us: int | None) -> Rows:
    """The rows of all facts that have a quantity, by the rules of the module.

    `gap_us`: as in the counter's config; None where readings are reported on change.
    """
    has_quantity = facts.quantity != 0
    ts_us, quantity = facts.ts_us[has_quantity], facts.quantity[has_quantity]
    run = timeline.run_at(ts_us)
    lost = _crosses(facts, timeline)[has_quantity]
    lost &= timing_unknown(facts, gap_us=gap_us)[has_quantity]
    run[lost] = len(timeline.runs)
    keys = _keys(timeline)
    rank = _ranks(keys)
    minute = minute_of(ts_us)
    from_us = facts.from_us[has_quantity]
    # Down to the quantity itself, so that even the rounding of the sums is the same in any order.
    order = np.lexsort((quantity, from_us, ts_us, minute, rank[run]))
    key, minute, quantity = rank[run][order], minute[order], quantity[order]
    heads = np.flatnonzero((np.diff(key, prepend=-1) != 0) | (np.diff(minute, prepend=-1) != 0))
    used, index = np.unique(key[heads], return_inverse=True)
    by_rank = np.argsort(rank)
    return Rows(
        keys=tuple(keys[int(by_rank[place])] for place in used),
        key=index.astype(np.int64),
        minute_us=minute[heads],
        quantity=np.add.reduceat(quantity, heads) if len(heads) else quantity,
        facts=np.diff(heads, append=len(key)).astype(np.int64),
    )


def timing_unknown(facts: Facts, *, gap_us: int | None) -> Bools:
    """For each fact: whether nobody can say when in (from_us, ts_us] it was made."""
    unknown = facts.discontinuous | (facts.from_us > facts.ts_us)
    if gap_us is not None:
        unknown = unknown | (facts.ts_us - facts.from_us > gap_us)
    return unknown


def _crosses(facts: Facts, timeline: Timeline) -> Bools:
    # A clock that stepped back gives from_us > ts_us: the true time lies somewhere in between.
    low = np.minimum(facts.from_us, facts.ts_us)
    high = np.maximum(facts.from_us, facts.ts_us)
    return np.asarray(timeline.changes_before(low) != timeline.changes_before(high))


def _keys(timeline: Timeline) -> list[Key]:
    keys = [
        Key(place="unassigned") if run.order is None else Key(place="order", run=run)
        for run in timeline.runs
    ]
    return [*keys, Key(place="unallocated")]


def _ranks(keys: list[Key]) -> NDArray[np.int64]:
    """The place of each key in their one sorted order, whatever order they were met in."""
    by_name = sorted(
        range(len(keys)),
        key=lambda i: (keys[i].place, keys[i].run.order or "", keys[i].run.operation or ""),
    )
    rank = np.empty(len(keys), dtype=np.int64)
    rank[by_name] = np.arange(len(keys))
    return rank
