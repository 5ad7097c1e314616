"""Readings to transitions: delays in event time, quality, edits, and independence of batching."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.domain.alarm_actions import acted, expired, withdrawn
from ingest_server.domain.alarm_rules import FaultWordRule, LimitRule, Rule
from ingest_server.domain.alarm_states import AlarmRefused, Event, letter
from ingest_server.domain.alarms import RuleState, Transition, fold, interrupted
from wire.quality import HISTORICAL, NO_VALUE

S = 1_000_000
BAD = 0x8000_0000
HIGH = LimitRule(id="temp", direction="high", limit=80.0)
SLOW = LimitRule(
    id="temp", direction="high", limit=80.0, deadband=2.0, on_delay_us=10 * S, off_delay_us=5 * S
)
WORD = FaultWordRule(id="fault", bits=(0, 3, 15), on_delay_us=2 * S)
Reading = tuple[float, float] | tuple[float, float, int]


def columns(readings: Sequence[Reading], dtype: Any = np.float64) -> tuple[Any, Any, Any]:
    return (
        np.array([round(row[0] * S) for row in readings], dtype=np.int64),
        np.array([row[1] for row in readings], dtype=dtype),
        np.array([row[2] if len(row) == 3 else 0 for row in readings], dtype=np.uint32),
    )


def run(
    rule: Rule,
    readings: Sequence[Reading],
    complete_to: float | None = None,
    state: RuleState | None = None,
) -> tuple[RuleState, tuple[Transition, ...]]:
    dtype = np.float64 if isinstance(rule, LimitRule) else np.int64
    until = None if complete_to is None else round(complete_to * S)
    return fold(rule, state or RuleState(), *columns(readings, dtype), until)


def shown(transitions: Sequence[Transition]) -> list[tuple[str, float]]:
    return [(f"{one.event.value}{one.key and ' '}{one.key}", one.at_us / S) for one in transitions]


def happenings(
    rule: Rule, readings: Sequence[Reading], complete_to: float | None = None
) -> list[tuple[str, float]]:
    return shown(run(rule, readings, complete_to)[1])


LOW = LimitRule(id="level", direction="low", limit=10.0, deadband=1.0)
TABLE: dict[str, tuple[Rule, list[Reading], float | None, list[tuple[str, float]]]] = {
    "beyond the limit raises, back at it clears": (
        HIGH, [(0, 79), (1, 81), (2, 80)], None, [("raised", 1), ("cleared", 2)],
    ),
    "at the limit is not beyond it": (HIGH, [(0, 80)], None, []),
    "a low limit": (
        LOW, [(0, 10), (1, 9.9), (2, 10.9), (3, 11)], None, [("raised", 1), ("cleared", 3)],
    ),
    "inside the deadband it stays": (
        SLOW, [(0, 81), (20, 79), (30, 79)], 60, [("raised", 10)],
    ),
    "a delay ends in event time": (SLOW, [(0, 81), (100, 82)], None, [("raised", 10)]),
    "shorter than the delay is nothing": (SLOW, [(0, 81), (9, 70), (60, 70)], None, []),
    "exactly the delay is an alarm": (SLOW, [(0, 81), (10, 70)], None, [("raised", 10)]),
    "the off delay runs from the return": (
        SLOW, [(0, 81), (20, 77), (26, 77)], None, [("raised", 10), ("cleared", 25)],
    ),
    "back beyond within the off delay stays active": (
        SLOW, [(0, 81), (20, 77), (24, 81), (60, 81)], None, [("raised", 10)],
    ),
    "completeness ends a delay without a reading": (SLOW, [(0, 81)], 10, [("raised", 10)]),
    "completeness just short of it does not": (SLOW, [(0, 81)], 9.999, []),
    "a long silence ends both delays": (
        SLOW, [(0, 81), (3600, 70)], 7200, [("raised", 10), ("cleared", 3605)],
    ),
    "bad quality neither raises nor clears": (
        HIGH, [(0, 81), (1, 0, BAD), (2, 81)], None, [("raised", 0)],
    ),
    "bad quality stops a delay, good starts it anew": (
        SLOW, [(0, 81), (5, 0, BAD), (8, 81), (17, 81), (18, 81)], None, [("raised", 18)],
    ),
    "what ended before the bad reading counts": (
        SLOW, [(0, 81), (12, 0, BAD)], None, [("raised", 10)],
    ),
    "bad quality keeps the return from ending": (
        SLOW, [(0, 81), (20, 70), (22, 0, BAD), (60, 0, BAD)], 90, [("raised", 10)],
    ),
    "not a number is bad quality": (HIGH, [(0, 81), (1, float("nan"))], None, [("raised", 0)]),
    "no value is bad quality": (HIGH, [(0, 81), (1, 0, NO_VALUE)], None, [("raised", 0)]),
    "history is left out": (HIGH, [(0, 70), (1, 99, HISTORICAL), (2, 70)], None, []),
    "a clock that steps back keeps what was waited": (
        SLOW, [(100, 81), (106, 81), (50, 81), (53, 81), (54, 81)], None, [("raised", 54)],
    ),
    "a clock that steps back moves no finished delay": (
        SLOW, [(100, 81), (50, 81), (59, 81)], None, [],
    ),
    "each bit is its own alarm": (
        WORD, [(0, 0b1), (1, 0b1001), (2, 0b1000), (4, 0)], None,
        [("raised 0", 2), ("cleared 0", 2), ("raised 3", 3), ("cleared 3", 4)],
    ),
    "a bit nobody named is nothing": (WORD, [(0, 0b10), (60, 0)], None, []),
    "the highest bit of a word": (WORD, [(0, 1 << 15), (2, 1 << 15)], None, [("raised 15", 2)]),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "readings", "until", "expected"), TABLE.values(), ids=TABLE)
def test_readings_become_transitions_at_event_time(
    rule: Rule, readings: list[Reading], until: float | None, expected: list[tuple[str, float]]
) -> None:
    assert happenings(rule, readings, until) == expected


def test_a_transition_carries_the_last_value_before_the_delay_ended() -> None:
    _, transitions = run(SLOW, [(0, 81), (5, 90), (10, 70), (60, 70)])
    assert [(one.event.value, one.value) for one in transitions] == [
        ("raised", 90),
        ("cleared", 70),
    ]


def test_a_clear_belongs_to_the_occurrence_of_its_raise_and_each_raise_is_a_new_one() -> None:
    _, transitions = run(HIGH, [(0, 81), (1, 70), (2, 81), (3, 70)])
    names = [one.occurrence for one in transitions]
    assert names[0] == names[1] != names[2] == names[3]
    assert [one.raised_us for one in transitions] == [0, 0, 2 * S, 2 * S]


def test_a_clear_before_its_raise_by_the_clock_says_so() -> None:
    _, transitions = run(HIGH, [(100, 81), (50, 70)])
    assert [one.out_of_order for one in transitions] == [False, True]


def test_a_reading_older_than_what_was_called_complete_is_taken_and_says_so() -> None:
    state, first = run(SLOW, [(0, 81)], complete_to=11)
    _, second = run(SLOW, [(8, 70), (20, 70)], state=state)
    assert shown((*first, *second)) == [("raised", 10), ("cleared", 13)]
    _, third = run(replace(SLOW, off_delay_us=0), [(8, 70)], state=state)
    assert third[0].out_of_order


def test_quality_is_a_fact_of_its_own() -> None:
    state, _ = run(HIGH, [(0, 81), (1, 0, BAD)])
    facts = state.alarm("").facts
    assert (facts.active, facts.acknowledged, facts.bad_quality) == (True, False, True)
    state, _ = run(HIGH, [(2, 81)], state=state)
    assert not state.alarm("").facts.bad_quality


def test_acknowledging_during_a_disconnect_does_not_hide_a_later_alarm() -> None:
    state, _ = run(HIGH, [(0, 81), (1, 0, BAD)])
    state, entry = acted(HIGH, state, "", Event.ACKNOWLEDGED, now_us=2 * S, by="wang")
    assert (entry.by, letter(entry.facts, 2 * S)) == ("wang", "C")
    state, transitions = run(HIGH, [(3, 70), (4, 81)], state=state)
    assert [letter(one.facts, 5 * S) for one in transitions] == ["A", "B"]


def test_missing_readings_stop_a_delay_like_a_bad_one() -> None:
    state, _ = run(SLOW, [(0, 81)])
    state, transitions = run(SLOW, [(30, 81), (39, 81)], state=interrupted(state))
    assert transitions == ()
    assert happenings_from(state, [(40, 81)]) == [("raised", 40)]


def happenings_from(state: RuleState, readings: list[Reading]) -> list[tuple[str, float]]:
    return shown(run(SLOW, readings, state=state)[1])


def test_latching_and_acknowledgement_survive_a_restart() -> None:
    rule = replace(HIGH, latching=True)
    state, _ = run(rule, [(0, 81)])
    state, _ = acted(rule, state, "", Event.ACKNOWLEDGED, now_us=S, by="wang")
    state = RuleState.from_json(orjson.loads(orjson.dumps(state.to_json())))
    state, transitions = run(rule, [(2, 70)], state=state)
    assert letter(transitions[0].facts, 2 * S) == "F"
    state, entry = acted(rule, state, "", Event.RESET, now_us=3 * S, by="wang")
    assert letter(entry.facts, 3 * S) == "A"


def test_a_timer_goes_on_over_an_edit_of_its_delay() -> None:
    state, _ = run(SLOW, [(0, 81), (4, 81)])
    shorter = replace(SLOW, on_delay_us=3 * S)
    longer = replace(SLOW, on_delay_us=30 * S)
    assert shown(run(shorter, [(5, 81)], state=state)[1]) == [("raised", 3)]
    assert shown(run(longer, [(29, 81), (30, 81)], state=state)[1]) == [("raised", 30)]


def test_a_new_limit_holds_from_the_next_reading() -> None:
    state, _ = run(HIGH, [(0, 85)])
    higher = replace(HIGH, limit=90.0)
    assert run(higher, [], complete_to=60, state=state)[1] == ()
    assert shown(run(higher, [(61, 85)], state=state)[1]) == [("cleared", 61)]


def test_a_bit_taken_out_of_the_rule_is_closed_and_the_others_stay() -> None:
    state, _ = run(WORD, [(0, 0b1001), (5, 0b1001)])
    fewer = replace(WORD, bits=(3, 15))
    untouched, transitions = run(fewer, [(6, 0b1001)], state=state)
    assert transitions == ()
    after, transitions = withdrawn("fault", fewer, untouched, now_us=7 * S, by="li")
    assert [(one.alarm, one.event.value, one.by) for one in transitions] == [
        ("fault/0", "cleared", "li")
    ]
    assert sorted(after.alarms) == ["15", "3"]
    assert after.alarm("3").facts.active
    gone, transitions = withdrawn("fault", None, after, now_us=8 * S, by="li")
    assert (len(transitions), gone.alarms) == (1, {})


def test_a_shelf_that_ended_is_taken_down_once() -> None:
    state, _ = run(HIGH, [(0, 81)])
    state, _ = acted(
        HIGH, state, "", Event.SHELVED, now_us=0, by="wang", until_us=60 * S, reason="sensor"
    )
    state, none = expired(HIGH, state, now_us=59 * S)
    state, one = expired(HIGH, state, now_us=60 * S)
    _, again = expired(HIGH, state, now_us=61 * S)
    assert (none, len(one), again) == ((), 1, ())
    assert letter(one[0].facts, 60 * S) == "B"


def test_what_is_not_a_persons_to_do_is_refused() -> None:
    with pytest.raises(AlarmRefused):
        acted(HIGH, RuleState(), "", Event.RAISED, now_us=0, by="wang")
    with pytest.raises(AlarmRefused):
        acted(WORD, RuleState(), "7", Event.ACKNOWLEDGED, now_us=0, by="wang")


def test_a_u64_word_keeps_its_highest_bit() -> None:
    rule = FaultWordRule(id="fault", bits=(63,))
    cols = (np.array([0]), np.array([2**63], dtype=np.uint64), np.zeros(1, np.uint32))
    assert shown(fold(rule, RuleState(), *cols)[1]) == [("raised 63", 0)]


def test_a_state_of_an_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version None"):
        RuleState.from_json({})


def by_alarm(transitions: Sequence[Transition]) -> dict[str, list[Transition]]:
    found: dict[str, list[Transition]] = {}
    for one in transitions:
        found.setdefault(one.alarm, []).append(one)
    return found


def fold_split(
    rule: Rule, cols: tuple[Any, Any, Any], cuts: Sequence[int]
) -> tuple[RuleState, list[Transition]]:
    state, all_transitions = RuleState(), []
    for low, high in pairwise([0, *sorted(cuts), len(cols[0])]):
        part = [column[low:high] for column in cols]
        # Complete exactly as far as the last reading: what a live stream says after each batch. A
        # reading from a device's history says nothing about how far the present has come.
        live = part[0][(part[2] & np.uint32(HISTORICAL)) == 0]
        until = int(live[-1]) if len(live) else None
        state, transitions = fold(rule, state, *part, until)
        all_transitions += transitions
        state = RuleState.from_json(orjson.loads(orjson.dumps(state.to_json())))
    return state, all_transitions


qualities = st.sampled_from([0, 0, 0, 0, 0, BAD, HISTORICAL, NO_VALUE])
limit_readings = st.lists(
    st.tuples(
        st.integers(0, 60), st.sampled_from([70.0, 77.0, 78.0, 79.0, 80.0, 81.0, 90.0]), qualities
    ),
    max_size=30,
)
word_readings = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from([0, 1, 8, 9, 0x8000, 0x8009, 2]), qualities),
    max_size=30,
)
ordered = st.booleans()


def steadied(readings: list[Any], *, in_order: bool) -> list[Any]:
    return sorted(readings, key=lambda row: row[0]) if in_order else readings


@given(readings=limit_readings, in_order=ordered, cuts=st.lists(st.integers(0, 30), max_size=6))
@pytest.mark.parametrize("rule", [HIGH, SLOW, LOW, replace(SLOW, latching=True)], ids=repr)
def test_any_batching_of_a_limit_with_restarts_gives_the_same_transitions(
    rule: Rule, readings: list[Any], in_order: bool, cuts: list[int]
) -> None:
    cols = columns(steadied(readings, in_order=in_order))
    whole = fold_split(rule, cols, [])
    split = fold_split(rule, cols, [cut for cut in cuts if cut <= len(readings)])
    assert split[1] == whole[1]
    assert split[0] == whole[0]


@given(readings=word_readings, in_order=ordered, cuts=st.lists(st.integers(0, 30), max_size=6))
def test_any_batching_of_a_fault_word_with_restarts_gives_the_same_transitions(
    readings: list[Any], in_order: bool, cuts: list[int]
) -> None:
    cols = columns(steadied(readings, in_order=in_order), np.int64)
    whole = fold_split(WORD, cols, [])
    split = fold_split(WORD, cols, [cut for cut in cuts if cut <= len(readings)])
    assert by_alarm(split[1]) == by_alarm(whole[1])
    assert split[0] == whole[0]


@given(readings=limit_readings)
@pytest.mark.parametrize("rule", [HIGH, SLOW, LOW], ids=repr)
def test_the_columns_agree_with_a_walk_reading_by_reading(
    rule: LimitRule, readings: list[Any]
) -> None:
    """The reference: the rules in words, one good, ordered reading at a time."""
    readings = sorted(row for row in readings if row[2] != HISTORICAL)
    expected: list[tuple[str, float]] = []
    on = active = False
    since: float | None = None
    for at, value, quality in readings:
        if since is not None:
            due = since + (rule.off_delay_us if active else rule.on_delay_us) / S
            if due <= at:
                expected.append(("cleared" if active else "raised", due))
                active, since = not active, None
        if quality:
            since = None
            continue
        high = rule.direction == "high"
        if (value > rule.limit) if high else (value < rule.limit):
            on = True
        elif value <= rule.limit - rule.deadband if high else value >= rule.limit + rule.deadband:
            on = False
        if on == active:
            since = None
        elif since is None:
            since = at
            if (rule.off_delay_us if active else rule.on_delay_us) == 0:
                expected.append(("cleared" if active else "raised", at))
                active, since = not active, None
    assert happenings(rule, readings) == expected
