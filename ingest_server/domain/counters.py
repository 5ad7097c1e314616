"""Counter readings to quantities: a pure fold in stream order, vectorised over a batch.

Invariants
- Order is the order given, never the time stamps: a clock that steps back invents no wrap.
- The baseline is always the last usable reading. Nothing is counted twice: as long as a doubted
  reading (the candidate, below) is remembered, nothing has been counted since it was left.
- Any split of the same readings into batches, with the state saved and restored between any two,
  gives the same facts.

The judgement of a reading v after p, M the modulus, `fits(n)`: n <= rate * elapsed + 1 step
(counting is discrete: one step fits any time):

| reading                             | judged     | counted      |
| ----------------------------------- | ---------- | ------------ |
| first usable one                    | baseline   | 0            |
| v >= p, v - p fits                  | count      | v - p        |
| v < p, (v - p) mod M fits           | wrap       | (v - p) mod M|
| v < p, else 0 <= v fits             | reset      | v            |
| anything else                       | quarantine | 0, p and v for review |
| quality not good, no usable value   | skipped    | nothing; the next row is discontinuous |
| flagged historical                  | left out   | nothing; counted in `historical` |

`elapsed` is the event time between the two readings, but at least `cadence_us`: stamps have
jitter, and where the clock stood still or stepped back the true time is unknown but was about one
read.

A spike must neither be counted nor poison what follows. So the baseline moves to the doubted
reading, and the last trusted one stays as the *candidate* until something is counted. The same is
kept for a fall to exactly 0, which is a reset or a glitch. The next reading w that differs:

| situation (c candidate, p the doubted baseline)      | result |
| ---------------------------------------------------- | ------ |
| w < p, w rises or wraps plausibly from c             | spike is over: w - c from c |
| w < p, else wrap or reset from p fits                | as usual; the candidate is dropped |
| w > p, fits from p only                              | p was real: w - p; candidate dropped |
| w > p, fits from c only                              | p was a glitch: w - c |
| w > p, fits from both, p was quarantined             | the smaller of both: never too much |
| w > p, fits from both, p was a reset to 0            | w - p: the reset is believed |
| nothing fits                                         | quarantine again; oldest candidate stays |

100, 60000, 101 counts 1; 100, 60000, 60001 counts 1 and leaves 59900 for review; 50000, 0, 50001
counts 1; 50000, 0, 3 counts 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ingest_server.domain.facts import Bools, Cause, Facts, Int64s, no_facts
from wire.quality import HISTORICAL, NO_VALUE, NOT_FINITE, OVERFLOW, is_good

CounterKind = Literal["cumulative", "job_reset", "pulse"]

LARGEST: Final = 2**62
"""Differences of two values below it still fit int64; nothing larger is counted."""
_VERSION: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class CounterConfig:
    """How one tag counts.

    `kind`: `cumulative` and `job_reset` are judged alike (a job counter is expected to fall);
    `pulse` counts each 0 -> 1 of a bit. `modulus`: the value after which it begins again at 0
    (65536 for a u16), None where it does not wrap. `factor`: quantity of one step. `max_rate`: the
    greatest plausible quantity per second. `cadence_us`: the least time taken to lie between two
    readings; at least the poll interval.

    `gap_us`: readings further apart than this do not tell when a quantity was made. None by
    default: a tag sent on change is silent while its machine stands, most of all while it is set up
    for the next order, and the first piece after that has a known time. Every interruption that is
    none of the machine's (a disconnect, a lost stretch, a stopped edge) shows as a bad reading or
    comes through `interrupted`. Set it for a source whose interruptions leave no trace.
    """

    kind: CounterKind
    modulus: int | None = None
    factor: float = 1.0
    max_rate: float
    cadence_us: int = 5_000_000
    gap_us: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CounterState:
    """All that is remembered of a counter between two readings.

    `value`, `at_us`: the last usable reading (the baseline), None before the first. `broken`:
    readings since then were bad or missing. `before`, `before_us`, `before_reset`: the candidate,
    and whether it was left by a reset. `historical`, `skipped`, `quarantined`: readings so treated.
    """

    value: int | None = None
    at_us: int = 0
    broken: bool = False
    before: int | None = None
    before_us: int = 0
    before_reset: bool = False
    historical: int = 0
    skipped: int = 0
    quarantined: int = 0

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values, with its version under `v`."""
        return {"v": _VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> CounterState:
        """The state saved by `to_json`; ValueError for a version this release does not know."""
        if saved.get("v") != _VERSION:
            raise ValueError(f"counter state of version {saved.get('v')!r}")
        return cls(**{name: value for name, value in saved.items() if name != "v"})


def interrupted(state: CounterState) -> CounterState:
    """Readings are missing from here on (a gap, a tombstone, a lost predecessor)."""
    return replace(state, broken=True)


def allowance(config: CounterConfig, elapsed_us: int | Int64s) -> Any:
    """The greatest plausible number of raw steps in `elapsed_us`, a scalar or elementwise."""
    steps_per_us = config.max_rate / config.factor / 1e6
    return np.floor(np.maximum(elapsed_us, config.cadence_us) * steps_per_us) + 1


def fold(
    config: CounterConfig,
    state: CounterState,
    ts_us: Int64s,
    value: NDArray[Any],
    q: NDArray[np.uint32],
) -> tuple[CounterState, Facts]:
    """Counts n readings, given in stream order.

    `value` is bool, integer or float of shape (n,); floats are rounded to whole steps, so a total
    loses nothing over time. Rows come for each non-zero quantity, baseline, reset and quarantined
    reading.
    """
    live = (q & np.uint32(HISTORICAL)) == 0
    if not live.all():
        state = replace(state, historical=state.historical + int((~live).sum()))
        ts_us, value, q = ts_us[live], value[live], q[live]
    usable, steps = _whole_steps(value, q)
    count = int(usable.sum())
    if count < len(usable):
        state = replace(state, skipped=state.skipped + len(usable) - count)
    if count == 0:
        return (interrupted(state) if len(usable) else state), no_facts()
    broken = _breaks(usable, was_broken=state.broken)
    if count < len(usable):
        ts_us, steps, q = ts_us[usable], steps[usable], q[usable]
    run = _Run(config, state, ts_us, steps, broken | ((q & np.uint32(OVERFLOW)) != 0))
    if config.kind == "pulse":
        run.count_edges()
    else:
        run.count_steps()
    return run.result(broken=not bool(usable[-1]))


def _whole_steps(value: NDArray[Any], q: NDArray[np.uint32]) -> tuple[Bools, Int64s]:
    """Which readings are usable, and all of them as int64 (0 where not usable)."""
    usable = is_good(q) & ((q & np.uint32(NO_VALUE | NOT_FINITE)) == 0)
    if value.dtype.kind == "f":
        usable &= np.abs(value) < LARGEST  # false for NaN as well
        return usable, np.rint(np.where(usable, value, 0)).astype(np.int64)
    if value.dtype.kind == "b":
        return usable, value.astype(np.int64)
    usable &= value < LARGEST
    if value.dtype.kind == "i":
        usable &= value > -LARGEST
    return usable, value.astype(np.int64)


def _breaks(usable: Bools, *, was_broken: bool) -> Bools:
    """For each usable reading: whether unusable ones lie between it and the usable one before."""
    broken: Bools = np.diff(np.flatnonzero(usable), prepend=-1) > 1
    broken[0] |= was_broken
    return broken


class _Run:
    """One call of `fold` on usable readings only: columns that the rules fill in."""

    def __init__(
        self, config: CounterConfig, state: CounterState, ts_us: Int64s, v: Int64s, broken: Bools
    ) -> None:
        self.config = config
        self.state = state
        self.first = state.value is None
        self.ts_us = ts_us
        self.v = v
        self.p = np.empty_like(v)
        self.p[1:] = v[:-1]
        self.p[0] = v[0] if state.value is None else state.value
        self.from_us = np.empty_like(ts_us)
        self.from_us[1:] = ts_us[:-1]
        self.from_us[0] = ts_us[0] if state.value is None else state.at_us
        self.delta = v - self.p
        self.broken = broken | (self.from_us > ts_us)
        self.raw = self.delta.copy()
        self.cause = np.where(self.delta > 0, Cause.COUNT, 0).astype(np.uint8)

    def count_edges(self) -> None:
        high, was_high = self.v != 0, self.p != 0
        self.raw = (high & ~was_high).astype(np.int64)
        self.cause = np.where(self.raw > 0, Cause.COUNT, 0).astype(np.uint8)
        self.state = replace(self.state, before=None)

    def count_steps(self) -> None:
        odd = (self.delta < 0) | (self.delta > allowance(self.config, self.ts_us - self.from_us))
        doubtful = np.flatnonzero(odd)
        if len(doubtful) == 0 and self.state.before is None:
            return
        moved = np.flatnonzero(self.delta != 0)
        at = 0
        while True:
            turns = moved if self.state.before is not None else doubtful
            next_turn = int(np.searchsorted(turns, at))
            if next_turn == len(turns):
                return
            index = int(turns[next_turn])
            self._judge(index)
            at = index + 1

    def _judge(self, i: int) -> None:
        """Decides reading i by the two tables of the module, one that is odd or after a doubt."""
        state, p, v = self.state, int(self.p[i]), int(self.v[i])
        p_us, ts_us = int(self.from_us[i]), int(self.ts_us[i])
        base = _judged(self.config, p, p_us, v, ts_us)
        if self._returns(base, v, ts_us, falls=v < p, i=i):
            return
        if base is None:
            self.cause[i], self.raw[i] = Cause.QUARANTINE, 0
            self.state = replace(state, quarantined=state.quarantined + 1)
            self._remember(p, p_us, reset=False)
            return
        self.cause[i], self.raw[i] = base
        if base == (Cause.RESET, 0):
            self._remember(p, p_us, reset=True)
        else:
            self.state = replace(state, before=None, before_us=0, before_reset=False)

    def _returns(
        self, base: tuple[Cause, int] | None, v: int, ts_us: int, *, falls: bool, i: int
    ) -> bool:
        """Whether reading i continues from the candidate; if so it is counted from there."""
        state = self.state
        if state.before is None:
            return False
        from_candidate = _judged(self.config, state.before, state.before_us, v, ts_us)
        if from_candidate is None or from_candidate[0] is Cause.RESET:
            return False
        believed = state.before_reset or (base is not None and base[1] <= from_candidate[1])
        if base is not None and not falls and believed:
            return False
        self.cause[i], self.raw[i] = from_candidate
        self.p[i], self.from_us[i], self.broken[i] = state.before, state.before_us, True
        self.state = replace(state, before=None, before_us=0, before_reset=False)
        return True

    def _remember(self, p: int, p_us: int, *, reset: bool) -> None:
        if self.state.before is None:
            self.state = replace(self.state, before=p, before_us=p_us, before_reset=reset)
        elif reset:
            self.state = replace(self.state, before_reset=True)

    def result(self, *, broken: bool) -> tuple[CounterState, Facts]:
        if self.first:
            self.cause[0] = Cause.BASELINE
        rows = np.flatnonzero(self.cause)
        state = replace(self.state, value=int(self.v[-1]), at_us=int(self.ts_us[-1]), broken=broken)
        return state, Facts(
            ts_us=self.ts_us[rows],
            from_us=self.from_us[rows],
            quantity=self.raw[rows] * np.float64(self.config.factor),
            cause=self.cause[rows],
            discontinuous=self.broken[rows],
            before=self.p[rows],
            value=self.v[rows],
        )


def _judged(
    config: CounterConfig, p: int, p_us: int, v: int, ts_us: int
) -> tuple[Cause, int] | None:
    """The first table: cause and raw steps of v after p; None where nothing fits."""
    most = allowance(config, ts_us - p_us)
    if v >= p:
        return (Cause.COUNT, v - p) if v - p <= most else None
    if config.modulus is not None and (v - p) % config.modulus <= most:
        return Cause.WRAP, (v - p) % config.modulus
    if 0 <= v <= most:
        return Cause.RESET, v
    return None
