"""Readings to quantities: the tables of the module, and the invariants over random machines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.domain.counters import CounterConfig, CounterState, fold, interrupted
from ingest_server.domain.facts import Cause
from tests.unit.ingest_server.domain.counting import BAD, S, columns, fold_split, rows, shown
from wire.quality import CLOCK, HISTORICAL, NO_VALUE, OVERFLOW, UNCERTAIN_LAST_USABLE

U16 = CounterConfig(kind="cumulative", modulus=65536, max_rate=2.0, cadence_us=S)
NO_WRAP = CounterConfig(kind="job_reset", max_rate=2.0, cadence_us=S)
PULSE = CounterConfig(kind="pulse", max_rate=2.0)


def counted(config: CounterConfig, readings: list[Any]) -> list[tuple[str, float]]:
    return shown(fold(config, CounterState(), *columns(readings))[1])


BASE, DOUBT = ("baseline", 0.0), ("quarantine", 0.0)


def count(steps: int) -> tuple[str, float]:
    return "count", steps


def wrap(steps: int) -> tuple[str, float]:
    return "wrap", steps


def reset(steps: int) -> tuple[str, float]:
    return "reset", steps


TABLE: dict[str, tuple[CounterConfig, list[Any], list[tuple[str, float]]]] = {
    "the first reading is the baseline": (U16, [(0, 500)], [BASE]),
    "rising counts": (U16, [(0, 5), (1, 7), (2, 7), (3, 8)], [BASE, count(2), count(1)]),
    "the modulus passed is a wrap": (U16, [(0, 65535), (1, 1)], [BASE, wrap(2)]),
    "a wrap to exactly zero": (U16, [(0, 65535), (1, 0)], [BASE, wrap(1)]),
    "a fall far from the modulus is a reset": (U16, [(0, 900), (1, 2)], [BASE, reset(2)]),
    "a reset to zero is seen, and counts nothing": (U16, [(0, 900), (1, 0)], [BASE, reset(0)]),
    "no modulus, no wrap": (NO_WRAP, [(0, 65535), (1, 1)], [BASE, reset(1)]),
    "a fall to a value out of reach is doubted": (
        NO_WRAP, [(0, 900), (1, 500)], [BASE, DOUBT]),
    "a rise beyond the rate is doubted": (U16, [(0, 5), (1, 400)], [BASE, DOUBT]),
    "the same rise in enough time counts": (
        U16, [(0, 5), (300, 400)], [BASE, count(395)]),
    "one step always fits": (
        CounterConfig(kind="cumulative", max_rate=0.001, cadence_us=S),
        [(0, 5), (1, 6)],
        [BASE, count(1)],
    ),
    "a spike up and back counts what was made meanwhile": (
        U16, [(0, 100), (1, 60000), (2, 101)],
        [BASE, DOUBT, count(1)],
    ),
    "a spike that lasts, then ends": (
        U16, [(0, 100), (1, 60000), (2, 60000), (3, 60000), (4, 103)],
        [BASE, DOUBT, count(3)],
    ),
    "two different spikes": (
        U16, [(0, 100), (1, 60000), (2, 30000), (3, 102)],
        [BASE, DOUBT, DOUBT, count(2)],
    ),
    "a jump that stays is the new baseline": (
        U16, [(0, 100), (1, 60000), (2, 60001), (3, 60003)],
        [BASE, DOUBT, count(1), count(2)],
    ),
    "waiting does not release a doubted jump": (
        U16, [(0, 100), (1, 160), (3600, 160), (3601, 161)],
        [BASE, DOUBT, count(1)],
    ),
    "a spike before a wrap": (
        U16, [(0, 65535), (1, 30000), (2, 1)],
        [BASE, DOUBT, wrap(2)],
    ),
    "a doubted low, then back, even after long": (
        NO_WRAP, [(0, 50000), (1, 20000), (40000, 50001)],
        [BASE, DOUBT, count(1)],
    ),
    "a glitch to zero and back counts once": (
        NO_WRAP, [(0, 50000), (1, 0), (2, 0), (3, 50001)],
        [BASE, reset(0), count(1)],
    ),
    "a reset to zero goes on from zero": (
        NO_WRAP, [(0, 50000), (1, 0), (2, 3)],
        [BASE, reset(0), count(3)],
    ),
    "a reset to zero is believed after an outage": (
        NO_WRAP, [(0, 5000), (1, 0), (7201, 5400)],
        [BASE, reset(0), count(5400)],
    ),
    "a reset after a spike is believed as well": (
        NO_WRAP, [(0, 5000), (1, 60000), (2, 0), (7202, 5400)],
        [BASE, DOUBT, reset(0), count(5400)],
    ),
    "a signed counter wraps through its sign": (
        CounterConfig(kind="cumulative", modulus=65536, max_rate=2.0, cadence_us=S),
        [(0, 32767), (1, -32768), (2, -32767)],
        [BASE, wrap(1), count(1)],
    ),
    "a clock that steps back invents nothing": (
        U16, [(100, 10), (40, 11), (41, 12)],
        [BASE, count(1), count(1)],
    ),
    "bad quality is not zero": (U16, [(0, 10), (1, 0, BAD), (2, 12)], [BASE, count(2)]),
    "uncertain is not good": (
        U16, [(0, 10), (1, 5, UNCERTAIN_LAST_USABLE), (2, 12)],
        [BASE, count(2)],
    ),
    "no value is not zero": (U16, [(0, 10), (1, 0, NO_VALUE), (2, 12)], [BASE, count(2)]),
    "history is left out": (
        U16, [(0, 10), (-50, 3, HISTORICAL), (1, 11)],
        [BASE, count(1)],
    ),
    "an unbelievable clock still counts": (U16, [(0, 10), (1, 11, CLOCK)], [BASE, count(1)]),
    "each rising edge of a pulse is one": (
        PULSE, [(0, 0), (1, 1), (2, 1), (3, 0), (4, 1)],
        [BASE, count(1), count(1)],
    ),
    "a pulse that is high at first is no edge": (PULSE, [(0, 1), (1, 1), (2, 0)], [BASE]),
}  # fmt: skip


@pytest.mark.parametrize(("config", "readings", "expected"), TABLE.values(), ids=TABLE.keys())
def test_readings_are_judged_by_the_table(
    config: CounterConfig, readings: list[Any], expected: list[tuple[str, float]]
) -> None:
    assert counted(config, readings) == expected


@pytest.mark.parametrize(("config", "readings", "expected"), TABLE.values(), ids=TABLE.keys())
def test_the_table_holds_reading_by_reading_with_the_state_saved_in_between(
    config: CounterConfig, readings: list[Any], expected: list[tuple[str, float]]
) -> None:
    whole = fold(config, CounterState(), *columns(readings))
    single = fold_split(config, columns(readings), range(1, len(readings)))
    assert single[0] == whole[0]
    assert rows(single[1]) == rows(whole[1])


def test_a_row_after_bad_readings_is_discontinuous_and_the_next_one_is_not() -> None:
    _, facts = fold(U16, CounterState(), *columns([(0, 1), (1, 9, BAD), (2, 2), (3, 3)]))
    assert facts.discontinuous.tolist() == [False, True, False]


def test_a_historical_reading_is_no_discontinuity_and_is_counted() -> None:
    state, facts = fold(U16, CounterState(), *columns([(0, 1), (9, 9, HISTORICAL), (2, 2)]))
    assert facts.discontinuous.tolist() == [False, False]
    assert state.historical == 1


def test_missing_readings_reported_from_outside_make_the_next_row_discontinuous() -> None:
    state, _ = fold(U16, CounterState(), *columns([(0, 1)]))
    _, facts = fold(U16, interrupted(state), *columns([(1, 2)]))
    assert facts.discontinuous.tolist() == [True]


def test_a_device_queue_that_overflowed_makes_the_row_discontinuous() -> None:
    _, facts = fold(U16, CounterState(), *columns([(0, 1), (1, 2, OVERFLOW), (2, 3)]))
    assert facts.discontinuous.tolist() == [False, True, False]


def test_a_step_back_of_the_clock_is_visible_in_the_row() -> None:
    _, facts = fold(U16, CounterState(), *columns([(100, 1), (40, 2)]))
    assert facts.from_us[1] > facts.ts_us[1]
    assert facts.discontinuous[1]


def test_a_quarantined_row_carries_both_readings_for_review() -> None:
    state, facts = fold(U16, CounterState(), *columns([(0, 100), (1, 60000)]))
    row = int(np.flatnonzero(facts.cause == Cause.QUARANTINE)[0])
    assert (facts.before[row], facts.value[row], facts.quantity[row]) == (100, 60000, 0)
    assert state.quarantined == 1


def test_the_return_from_a_spike_counts_from_the_trusted_reading() -> None:
    _, facts = fold(U16, CounterState(), *columns([(0, 100), (1, 60000), (2, 101)]))
    assert (facts.from_us[-1], facts.before[-1]) == (0, 100)
    assert facts.discontinuous[-1]


def test_a_factor_scales_quantity_and_rate() -> None:
    config = CounterConfig(kind="cumulative", factor=12.0, max_rate=24.0, cadence_us=S)
    assert counted(config, [(0, 0), (1, 2), (2, 9)]) == [
        ("baseline", 0),
        ("count", 24),
        ("quarantine", 0),
    ]


def test_float_readings_lose_nothing_to_rounding() -> None:
    config = CounterConfig(kind="cumulative", max_rate=10.0)
    ts = np.arange(1000, dtype=np.int64) * S
    value = np.arange(1000) * 0.3
    state = CounterState()
    total = 0.0
    for at in range(0, 1000, 7):
        part = slice(at, at + 7)
        state, facts = fold(
            config, state, ts[part], value[part], np.zeros_like(ts[part], np.uint32)
        )
        total += facts.total()
    assert total == 300


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_a_float_that_is_no_count_is_skipped_like_a_bad_reading(value: float) -> None:
    ts = np.array([0, S, 2 * S], dtype=np.int64)
    readings = np.array([1.0, value, 2.0])
    state, facts = fold(U16, CounterState(), ts, readings, np.zeros(3, np.uint32))
    assert shown(facts) == [("baseline", 0), ("count", 1)]
    assert facts.discontinuous[-1]
    assert state.skipped == 1


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.uint16, np.int16, np.uint64, np.float32])
def test_every_dtype_of_a_device_folds(dtype: type[np.generic]) -> None:
    ts = np.array([0, S, 2 * S], dtype=np.int64)
    _, facts = fold(
        U16, CounterState(), ts, np.array([0, 1, 1]).astype(dtype), np.zeros(3, np.uint32)
    )
    assert shown(facts) == [("baseline", 0), ("count", 1)]


def test_an_empty_batch_changes_nothing() -> None:
    state, _ = fold(U16, CounterState(), *columns([(0, 1)]))
    after, facts = fold(U16, state, *columns([]))
    assert (after, len(facts)) == (state, 0)


def test_a_state_of_an_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 99"):
        CounterState.from_json({**CounterState().to_json(), "v": 99})


readings_of_any_kind = st.lists(
    st.tuples(
        st.integers(-20, 400),
        st.one_of(st.integers(0, 12), st.integers(65525, 65535), st.integers(-40000, 70000)),
        st.sampled_from([0, 0, 0, 0, 0, 0, BAD, NO_VALUE, HISTORICAL, OVERFLOW]),
    ),
    max_size=40,
)


@given(
    readings=readings_of_any_kind,
    cuts=st.lists(st.integers(0, 40), max_size=6),
    config=st.sampled_from([U16, NO_WRAP, PULSE]),
)
def test_any_batching_with_restarts_in_between_gives_the_same_facts(
    readings: list[Any], cuts: list[int], config: CounterConfig
) -> None:
    whole = fold(config, CounterState(), *columns(readings))
    split = fold_split(config, columns(readings), [cut for cut in cuts if cut <= len(readings)])
    assert split[0] == whole[0]
    assert rows(split[1]) == rows(whole[1])


@given(readings=readings_of_any_kind, config=st.sampled_from([U16, NO_WRAP]))
def test_no_quantity_is_negative_or_beyond_the_rate(
    readings: list[Any], config: CounterConfig
) -> None:
    _, facts = fold(config, CounterState(), *columns(readings))
    elapsed = np.maximum(facts.ts_us - facts.from_us, config.cadence_us) / S
    assert (facts.quantity >= 0).all()
    assert (facts.quantity <= elapsed * config.max_rate + 1).all()


steps = st.one_of(
    st.tuples(st.just("run"), st.integers(0, 8), st.integers(4, 10)),
    st.tuples(st.just("restart"), st.integers(0, 8), st.integers(4, 10)),
    st.tuples(st.just("bad"), st.integers(0, 8), st.integers(4, 10)),
    st.tuples(st.just("clock"), st.integers(0, 2), st.integers(-3600, 0)),
)


@given(start=st.integers(0, 65535), plan=st.lists(steps, max_size=60))
def test_the_sum_is_what_the_machine_made_over_wraps_resets_and_stepped_clocks(
    start: int, plan: list[tuple[str, int, int]]
) -> None:
    """A restart counts from 0 (not near the modulus, where nobody could tell it from a wrap)."""
    made, value, at = 0, start, 10_000
    readings: list[Any] = [(at, value)]
    last_seen = value
    for what, parts, seconds in plan:
        # What was made unseen before a restart is lost; how long an outage was, a clock that
        # steps back meanwhile hides. Neither can be in a sum that is to be exact.
        after_bad = value != last_seen
        if what == "restart" and 100 < last_seen < 65000 and not after_bad:
            value = 0
        if what == "clock" and after_bad:
            seconds = 10
        value = (value + parts) % 65536
        made += parts
        at += seconds
        if what == "bad":
            readings.append((at, 0, BAD))
        else:
            readings.append((at, value))
            last_seen = value
    readings.append((at + 60, value))
    state, facts = fold(U16, CounterState(), *columns(readings))
    assert state.quarantined == 0
    assert facts.total() == made
