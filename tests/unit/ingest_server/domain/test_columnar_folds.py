"""Folding an edge's tags in one pass over columns gives what folding tag by tag gives."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.domain import alarm_columns, alarms, counter_columns, counters
from ingest_server.domain.alarm_rules import FaultWordRule, LimitRule, Rule
from ingest_server.domain.counters import CounterConfig, CounterState
from ingest_server.domain.tag_rows import TagRows
from tests.unit.ingest_server.domain.counting import BAD, S
from wire.quality import CLOCK, HISTORICAL, NO_VALUE, NOT_FINITE, OVERFLOW

CONFIGS = (
    CounterConfig(kind="cumulative", modulus=65536, max_rate=2.0, cadence_us=S),
    CounterConfig(kind="job_reset", max_rate=3.0, cadence_us=S, factor=0.5),
    CounterConfig(kind="pulse", max_rate=2.0),
    None,
)
FLOATING = (False, True, False, False)
RULES: tuple[tuple[int, Rule], ...] = (
    (0, LimitRule(id="high", direction="high", limit=80.0, deadband=3.0)),
    (0, LimitRule(id="low", direction="low", limit=10.0, on_delay_us=3 * S, off_delay_us=2 * S)),
    (1, LimitRule(id="float", direction="low", limit=2.5, latching=True)),
    (1, FaultWordRule(id="of float", bits=(0, 2))),
    (3, FaultWordRule(id="word", bits=(1, 2, 63), on_delay_us=2 * S)),
)
QUALITIES = (*[0] * 30, CLOCK, BAD, HISTORICAL, NO_VALUE | BAD, NOT_FINITE, OVERFLOW)
Columns = tuple[Any, Any, Any, Any]
"""Tag, time, value and quality of readings."""

CLOCK_STEPS_S = (1, 1, 1, 1, 0, 2, 40, -30)
STEPS = (0, 0, 0, 1, 1, 1, 2, 2, 3, 30, -1, -2, -30, 40_000)
VALUES = (0, 0, 1, 2, 5, 12, 78, 79, 81, 82, 90, 65530, 65535, -1, -(2**63), 2**62, 2**63 - 1)
# The length shrinks to the shortest that fails; what the readings are, the seed says.
readings = st.builds(
    lambda seed, count: all_rows(random.Random(seed), count),
    st.integers(0, 2**32 - 1),
    st.integers(1, 250),
)
cuts = st.builds(
    lambda seed, count: all_cuts(random.Random(seed), count),
    st.integers(0, 2**32 - 1),
    st.integers(0, 25),
)
Cuts = list[tuple[int, bool, bool]]


def all_rows(lot: random.Random, count: int) -> Columns:
    """Readings that mostly move a little, and sometimes do what machines do not."""
    now = dict.fromkeys(range(len(CONFIGS)), 0)
    tags, values, at_s = [], [], [1_000]
    for _ in range(count):
        tag = lot.randrange(len(CONFIGS))
        stepped = now[tag] + lot.choice(STEPS)
        odd = lot.random() < 0.15 or not 0 <= stepped < 2**17
        now[tag] = lot.choice(VALUES) if odd else stepped
        tags.append(tag)
        values.append(now[tag])
        at_s.append(at_s[-1] + lot.choice(CLOCK_STEPS_S))
    return (
        np.array(tags, np.intp),
        np.array(at_s[1:], np.int64) * S,
        np.array(values, np.int64),
        np.array([lot.choice(QUALITIES) for _ in tags], np.uint32),
    )


def all_cuts(lot: random.Random, count: int) -> Cuts:
    """Where a record ends, whether one is missing there, and whether the process begins anew."""
    return [(lot.randrange(250), lot.random() < 0.2, lot.random() < 0.5) for _ in range(count)]


def rows_of(tag: Any, ts: Any, i: Any, q: Any) -> TagRows:
    """The readings sorted by tag."""
    order = np.argsort(tag, kind="stable")
    return TagRows(
        tag=tag[order],
        ts_us=ts[order],
        f=np.where(i[order] == 90, np.nan, i[order] / 2),
        i=i[order],
        floating=np.array(FLOATING, np.bool_)[tag[order]],
        q=q[order],
    )


def parts_of(columns: Columns, cuts: Cuts) -> list[tuple[TagRows, int, bool, bool]]:
    """The readings cut into records: rows, end, whether one is missing before, a restart before."""
    count = len(columns[0])
    flags = {min(at, count): (broken, restart) for at, broken, restart in cuts}
    found = []
    for low, high in pairwise([0, *sorted(flags), count]):
        rows = rows_of(*(column[low:high] for column in columns))
        end_us = int(columns[1][max(high - 1, 0)])
        found.append((rows, end_us, *flags.get(low, (False, False))))
    return found


@given(readings=readings, cuts=cuts)
def test_counters_in_columns_are_the_counters_of_the_reference(
    readings: Columns, cuts: Cuts
) -> None:
    table = counter_columns.table(CONFIGS)
    states = np.zeros(len(CONFIGS), counter_columns.STATE)
    reference: dict[int, CounterState] = {}
    for rows, _, broken, restart in parts_of(readings, cuts):
        if broken:
            states = counter_columns.interrupted(states, np.ones(len(CONFIGS), np.bool_))
            reference = {tag: counters.interrupted(one) for tag, one in reference.items()}
        if restart:
            again = np.zeros(len(CONFIGS), counter_columns.STATE)
            for tag in np.flatnonzero(states["exists"]).tolist():
                counter_columns.put(again, tag, counter_columns.state_of(states, tag))
            states = again
        untouched = states.copy()
        after, tags, facts = counter_columns.fold(table, states, rows)
        assert (states == untouched).all()
        states = after
        wanted: list[tuple[Any, ...]] = []
        for tag, config in enumerate(CONFIGS):
            ts, value, q = rows.of(tag)
            if config is None or not len(ts):
                continue
            reference[tag], found = counters.fold(
                config, reference.get(tag) or CounterState(), ts, value, q
            )
            wanted += _fact_rows([tag] * len(found), found)
        assert sorted(_fact_rows(tags.tolist(), facts)) == sorted(wanted)
        known = {
            tag: counter_columns.state_of(states, tag)
            for tag in np.flatnonzero(states["exists"]).tolist()
        }
        assert known == reference


def _fact_rows(tags: list[int], facts: Any) -> list[tuple[Any, ...]]:
    names = ("ts_us", "from_us", "quantity", "cause", "discontinuous", "before", "value")
    return list(zip(tags, *(getattr(facts, name).tolist() for name in names), strict=True))


@given(readings=readings, cuts=cuts)
def test_rules_in_columns_are_the_rules_of_the_reference(readings: Columns, cuts: Cuts) -> None:
    table = alarm_columns.table(len(CONFIGS), RULES)
    every = np.ones(len(CONFIGS), np.bool_)
    held = alarm_columns.states(
        table, np.zeros(len(CONFIGS), alarm_columns.LAST), [None] * len(RULES)
    )
    reference: dict[int, alarms.RuleState] = {}
    for rows, complete_to_us, broken, restart in parts_of(readings, cuts):
        changed: list[int] = []
        before = list(held.alarms)
        if broken:
            held, changed = alarm_columns.interrupted(table, held, every)
            reference = {rule: alarms.interrupted(one) for rule, one in reference.items()}
        if restart:
            held = alarm_columns.states(table, held.last.copy(), list(held.alarms))
        held, more, told = alarm_columns.fold(table, held, rows, every, complete_to_us)
        wanted: list[tuple[int, Any]] = []
        waiting: list[tuple[int, Any]] = []
        for place, (tag, rule) in enumerate(RULES):
            ts, value, q = rows.of(tag)
            state = reference.get(place)
            if not len(ts) and (
                state is None or all(one.since_us is None for one in state.alarms.values())
            ):
                continue
            state, found = alarms.fold(
                rule, state or alarms.RuleState(), ts, value, q, complete_to_us
            )
            reference[place] = state
            (wanted if len(ts) else waiting).extend((place, one) for one in found)
        assert told == [*wanted, *waiting]
        known = {
            place: state
            for place in range(len(RULES))
            if (state := alarm_columns.state_of(table, held, place)) is not None
        }
        assert known == reference
        assert {place for place, one in enumerate(held.alarms) if one != before[place]} <= {
            *changed,
            *more,
        }
