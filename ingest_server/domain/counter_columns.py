"""The counters of one edge in one pass over columns; what is rare goes through `counters.fold`.

Invariants
- The facts and states are those of `counters.fold`, tag by tag, for any readings, batching and
  restarts: that one is the reference, this one only leaves out what cannot happen.
- A counter is folded here when each of its readings rises plausibly, stays, or is unusable, and no
  doubted reading is remembered; wraps, resets, quarantine and what follows them go to the
  reference, whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest_server.domain import counters
from ingest_server.domain.counters import CounterConfig, CounterState
from ingest_server.domain.facts import Bools, Cause, Facts, Int64s, joined, no_facts
from ingest_server.domain.tag_rows import Places, TagRows, heads, tails
from wire.quality import HISTORICAL, NO_VALUE, NOT_FINITE, OVERFLOW, is_good

STATE: Final = np.dtype(
    [
        ("exists", "?"),
        ("known", "?"),
        ("broken", "?"),
        ("doubted", "?"),
        ("before_reset", "?"),
        ("value", "<i8"),
        ("at_us", "<i8"),
        ("before", "<i8"),
        ("before_us", "<i8"),
        ("historical", "<i8"),
        ("skipped", "<i8"),
        ("quarantined", "<i8"),
    ]
)
"""A `CounterState` a row: `known` says that `value` is one, `doubted` that `before` is; `exists`
that anything was folded at all."""
_PLAIN: Final = tuple(
    one.name for one in fields(CounterState) if one.name not in ("value", "before")
)
States = NDArray[np.void]
_READ_US: Final = 3_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class CounterTable:
    """How each tag of an edge counts, by its place; None and `counts` false: it does not."""

    configs: tuple[CounterConfig | None, ...]
    counts: Bools
    pulse: Bools
    steps_per_us: NDArray[np.float64]
    cadence_us: Int64s
    factor: NDArray[np.float64]


def table(configs: Sequence[CounterConfig | None]) -> CounterTable:
    """The columns of these configurations."""
    known = [one or CounterConfig(kind="cumulative", max_rate=1.0) for one in configs]
    return CounterTable(
        configs=tuple(configs),
        counts=np.array([one is not None for one in configs], np.bool_),
        pulse=np.array([one.kind == "pulse" for one in known], np.bool_),
        steps_per_us=np.array([one.max_rate / one.factor / 1e6 for one in known], np.float64),
        cadence_us=np.array([one.cadence_us for one in known], np.int64),
        factor=np.array([one.factor for one in known], np.float64),
    )


def state_of(states: States, tag: int) -> CounterState:
    """One row as the reference knows it."""
    row = states[tag]
    return CounterState(
        value=int(row["value"]) if row["known"] else None,
        before=int(row["before"]) if row["doubted"] else None,
        **{name: row[name].item() for name in _PLAIN},
    )


def put(states: States, tag: int, state: CounterState) -> None:
    """Write a state of the reference into its row."""
    row = states[tag : tag + 1]
    row["exists"] = True
    row["known"], row["value"] = state.value is not None, state.value or 0
    row["doubted"], row["before"] = state.before is not None, state.before or 0
    for name in _PLAIN:
        row[name] = getattr(state, name)


def interrupted(states: States, tags: Bools) -> States:
    """Readings of these tags are missing from here on."""
    after = states.copy()
    after["broken"][tags & states["exists"]] = True
    return after


def news(config: CounterTable, states: States, rows: TagRows) -> TagRows:
    """Of readings that a second reader of the same counters took: those that are newer.

    Two readers see one counter at different moments, and their records come in turns. A reading
    that is not later than the one folded last was counted already; neither does one count that is
    behind by no more than the counter makes in three seconds: it was read before it was stamped.
    By three seconds at most, so what is stamped later than that was read later, and a lower value
    there is a counter that began anew.
    """
    value = np.where(rows.floating, rows.f, rows.i.astype(np.float64))
    behind = states["value"][rows.tag] - value
    most = config.steps_per_us[rows.tag] * _READ_US + 1
    since_us = rows.ts_us - states["at_us"][rows.tag]
    stale = (behind > 0) & (behind <= most) & (since_us <= _READ_US) & ~config.pulse[rows.tag]
    later = (since_us > 0) & ~stale
    return rows.take(later | ~states["known"][rows.tag])


def fold(config: CounterTable, states: States, rows: TagRows) -> tuple[States, Places, Facts]:
    """The states after the readings of all counters, and for each fact its tag's place.

    Readings of tags that do not count are left out.
    """
    counted = config.counts[rows.tag]
    if not counted.all():
        rows = rows.take(counted)
    after = states.copy()
    if not len(rows):
        return after, np.zeros(0, np.intp), no_facts()
    slow = states["doubted"].copy()
    quick = rows.take(~slow[rows.tag]) if slow.any() else rows
    tags, facts = _quick(config, states, after, quick, slow)
    parts = [facts]
    places = [tags]
    if slow.any():
        for tag in np.unique(rows.tag[slow[rows.tag]]).tolist():
            one = config.configs[tag]
            assert one is not None  # noqa: S101 - `rows` holds counters only
            state, found = counters.fold(one, state_of(states, tag), *rows.of(tag))
            put(after, tag, state)
            parts.append(found)
            places.append(np.full(len(found), tag, np.intp))
    if len(parts) == 1:
        return after, tags, facts
    return after, np.concatenate(places), joined(parts)


def _quick(
    config: CounterTable, states: States, after: States, rows: TagRows, slow: Bools
) -> tuple[Places, Facts]:
    """Fold rows of undoubted counters into `after`; those that prove odd are added to `slow`."""
    live = (rows.q & np.uint32(HISTORICAL)) == 0
    all_tags = rows.tag
    if not live.all():
        rows = rows.take(live)
    usable, steps = _whole_steps(rows)
    sound = bool(usable.all())
    tag, ts_us, q, v = rows.tag, rows.ts_us, rows.q, steps
    broken = np.zeros(len(tag), np.bool_)
    if not sound:
        broken = _breaks(tag, usable)
        tag, ts_us, q, v = tag[usable], ts_us[usable], q[usable], v[usable]
        broken = broken[usable]
    first = heads(tag)
    head = tag[first]
    known = states["known"][head]
    p, from_us = np.empty_like(v), np.empty_like(ts_us)
    p[1:], from_us[1:] = v[:-1], ts_us[:-1]
    p[first] = np.where(known, states["value"][head], v[first])
    from_us[first] = np.where(known, states["at_us"][head], ts_us[first])
    broken[first] |= states["broken"][head]
    broken |= (from_us > ts_us) | ((q & np.uint32(OVERFLOW)) != 0)
    delta = v - p
    most = np.floor(
        np.maximum(ts_us - from_us, config.cadence_us[tag]) * config.steps_per_us[tag]
    ) + 1  # fmt: skip
    pulse = config.pulse[tag]
    odd = ((delta < 0) | (delta > most)) & ~pulse
    raw = np.where(pulse, (v != 0) & (p == 0), delta) if pulse.any() else delta
    cause = np.where(raw > 0, np.uint8(Cause.COUNT), np.uint8(0))
    cause[first] = np.where(known, cause[first], np.uint8(Cause.BASELINE))
    last = tails(first)
    if odd.any():
        slow[tag[odd]] = True
        stays = ~slow[tag]
        cause[~stays] = 0
        last &= stays
    _remember(after, all_tags, rows.tag, usable, slow, live_all=len(all_tags) == len(rows))
    end = tag[last]
    after["value"][end], after["at_us"][end], after["known"][end] = v[last], ts_us[last], True
    told = np.flatnonzero(cause)
    tags = tag[told]
    return tags, Facts(
        ts_us=ts_us[told],
        from_us=from_us[told],
        quantity=raw[told] * config.factor[tags],
        cause=cause[told],
        discontinuous=broken[told],
        before=p[told],
        value=v[told],
    )


def _remember(
    after: States, all_tags: Places, live: Places, usable: Bools, slow: Bools, *, live_all: bool
) -> None:
    """Everything of the states but the baselines: which exist, what was left out, what broke."""
    count = len(after)
    first = heads(live)
    tags = live[first]
    after["exists"][all_tags] = True
    ends = ~usable[tails(first)]
    if slow.any():
        quick = ~slow[tags]
        after["broken"][tags[quick]] = ends[quick]
    else:
        after["broken"][tags] = ends
    if not usable.all():
        after["skipped"] += np.bincount(live[~usable], minlength=count)
    if not live_all:
        seen = np.bincount(all_tags, minlength=count)
        after["historical"] += seen - np.bincount(live, minlength=count)


def _whole_steps(rows: TagRows) -> tuple[Bools, Int64s]:
    """Which readings are usable, and all of them as whole steps (anything where not usable)."""
    largest = counters.LARGEST
    usable = is_good(rows.q) & ((rows.q & np.uint32(NO_VALUE | NOT_FINITE)) == 0)
    usable &= np.where(
        rows.floating, np.abs(rows.f) < largest, (rows.i < largest) & (rows.i > -largest)
    )
    if not rows.floating.any():
        return usable, rows.i
    whole = np.rint(np.where(usable & rows.floating, rows.f, 0)).astype(np.int64)
    return usable, np.where(rows.floating, whole, rows.i)


def _breaks(tag: Places, usable: Bools) -> Bools:
    """For each reading: whether unusable ones lie between it and its tag's usable one before."""
    before = np.empty(len(tag), np.bool_)
    before[:1] = False
    before[1:] = ~usable[:-1]
    return before & ~heads(tag)
