"""The rules of one edge in one pass over columns; whatever may change goes through `alarms.fold`.

Invariants
- The transitions and states are those of `alarms.fold`, rule by rule: that one is the reference.
- A rule is left out only while it is calm - every alarm of it as its condition says, no delay
  running, quality good - and every reading of its tag is good and leaves every condition as it is:
  then nothing but the tag's last reading changes.
- All rules of a tag see the same readings, so the last reading is the tag's, kept once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ingest_server.domain import alarms
from ingest_server.domain.alarm_rules import LimitRule, Rule
from ingest_server.domain.alarms import AlarmState, RuleState, Transition
from ingest_server.domain.facts import Bools, Int64s
from ingest_server.domain.tag_rows import Places, TagRows, heads, tails
from wire.quality import HISTORICAL, NO_VALUE, NOT_FINITE, is_good

LAST: Final = np.dtype(
    [
        ("seen", "?"),
        ("valued", "?"),
        ("floating", "?"),
        ("bad", "?"),
        ("at_us", "<i8"),
        ("value", "<i8"),
    ]
)
"""A tag's last reading a row: `at_us` if `seen`, the last good value if `valued` (the bits of a
float64 where `floating`), and whether the present quality is `bad`."""
Last = NDArray[np.void]
Alarms = Mapping[str, AlarmState]
_INT64_REACH: Final = 2.0**63


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleTable:
    """The m rules of an edge, sorted by the place of their tag.

    `fed`: which tags have one. `slots`: for each tag the places of its rules, one array a rank, -1
    for none.
    """

    rules: tuple[Rule, ...]
    tag: Places
    fed: Bools
    slots: tuple[Places, ...]
    is_limit: Bools
    high: Bools
    limit: NDArray[np.float64]
    back: NDArray[np.float64]
    bits: Int64s


def table(tags: int, rules: Sequence[tuple[int, Rule]]) -> RuleTable:
    """The columns of rules given with the place of their tag among `tags`, sorted by it."""
    slots: list[Places] = []
    rank: dict[int, int] = {}
    for place, (tag, _) in enumerate(rules):
        of_tag = rank[tag] = rank.get(tag, -1) + 1
        if of_tag == len(slots):
            slots.append(np.full(tags, -1, np.intp))
        slots[of_tag][tag] = place
    limits = [one if isinstance(one, LimitRule) else None for _, one in rules]
    return RuleTable(
        rules=tuple(one for _, one in rules),
        tag=np.array([tag for tag, _ in rules], np.intp),
        fed=slots[0] >= 0 if slots else np.zeros(tags, np.bool_),
        slots=tuple(slots),
        is_limit=np.array([one is not None for one in limits], np.bool_),
        high=np.array([one is not None and one.direction == "high" for one in limits], np.bool_),
        limit=np.array([0.0 if one is None else one.limit for one in limits], np.float64),
        back=np.array([_back(one) for one in limits], np.float64),
        bits=np.array([_bits(one) for _, one in rules], np.uint64).view(np.int64),
    )


def _back(rule: LimitRule | None) -> float:
    if rule is None:
        return 0.0
    return rule.limit - rule.deadband if rule.direction == "high" else rule.limit + rule.deadband


def _bits(rule: Rule) -> int:
    return 0 if isinstance(rule, LimitRule) else sum(1 << bit for bit in set(rule.bits))


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleStates:
    """What is remembered of the rules: alarms by rule, last readings by tag.

    `alarms[rule]` None: nothing was folded yet. `calm`, `running` and `on` follow from it: whether
    only a change of conditions matters, whether a delay runs, and the conditions (bit 0 for a
    limit).
    """

    last: Last
    alarms: NDArray[np.object_]
    calm: Bools
    running: Bools
    on: Int64s


def states(config: RuleTable, last: Last, saved: Sequence[Alarms | None]) -> RuleStates:
    """The states with these alarms by rule."""
    count = len(config.rules)
    made = RuleStates(
        last=last,
        alarms=np.full(count, None, np.object_),
        calm=np.zeros(count, np.bool_),
        running=np.zeros(count, np.bool_),
        on=np.zeros(count, np.int64),
    )
    for place, one in enumerate(saved):
        if one is not None:
            _put(config, made, place, one)
    return made


def news(held: RuleStates, rows: TagRows) -> TagRows:
    """Of readings that a second reader of the same tags took: those later than the last folded.

    Two readers see one value at different moments, and their records come in turns: an older one
    would raise again what has cleared since, or clear what stands.
    """
    last = held.last[rows.tag]
    return rows.take(~last["seen"] | (rows.ts_us > last["at_us"]))


def state_of(config: RuleTable, held: RuleStates, rule: int) -> RuleState | None:
    """A rule's state as the reference knows it, None where nothing was folded yet."""
    found = held.alarms[rule]
    if found is None:
        return None
    return with_last(RuleState(alarms=found), held.last[config.tag[rule]])


def with_last(state: RuleState, row: np.void) -> RuleState:
    """The state after the last reading that this row of `LAST` holds."""
    return replace(
        state,
        at_us=int(row["at_us"]) if row["seen"] else None,
        value=_value(row),
        bad=bool(row["bad"]),
    )


def put_last(last: Last, tag: int, state: RuleState) -> None:
    """Write what a state of the reference knows of its tag's last reading."""
    row = last[tag : tag + 1]
    row["seen"], row["at_us"] = state.at_us is not None, state.at_us or 0
    row["bad"] = state.bad
    row["valued"], row["floating"] = state.value is not None, isinstance(state.value, float)
    value = np.array([state.value or 0])
    row["value"] = value.view(np.int64) if value.dtype.kind == "f" else value


def interrupted(config: RuleTable, held: RuleStates, tags: Bools) -> tuple[RuleStates, list[int]]:
    """Readings of these tags are missing from here on; and the rules whose alarms changed."""
    after = _copied(held)
    changed: list[int] = []
    for rule in np.flatnonzero(tags[config.tag]).tolist():
        state = state_of(config, held, rule)
        if state is not None:
            _put(config, after, rule, alarms.interrupted(state).alarms)
            after.last["bad"][config.tag[rule]] = True
            changed.append(rule)
    return after, changed


def fold(
    config: RuleTable,
    held: RuleStates,
    rows: TagRows,
    tags: Bools,
    complete_to_us: int | None,
) -> tuple[RuleStates, list[int], list[tuple[int, Transition]]]:
    """The states after the readings, the rules whose alarms changed, and transitions by rule.

    `tags`: of the stream's class; of those without a reading the running delays end, too.
    """
    if not len(config.rules):
        return held, [], []
    fed = config.fed[rows.tag]
    if not fed.all():
        rows = rows.take(fed)
    after = _copied(held)
    changed: list[int] = []
    transitions: list[tuple[int, Transition]] = []

    def step(rule: int, columns: tuple[Any, Any, Any]) -> None:
        before = state_of(config, held, rule)
        state, found = alarms.fold(
            config.rules[rule], before or RuleState(), *columns, complete_to_us
        )
        if before is None or state.alarms != before.alarms:
            _put(config, after, rule, state.alarms)
            changed.append(rule)
        transitions.extend((rule, one) for one in found)

    if len(rows):
        for rule in _to_step(config, held, rows).tolist():
            step(rule, rows.of(int(config.tag[rule])))
        _note_last(after.last, rows)
    if complete_to_us is not None and held.running.any():
        waits = held.running & tags[config.tag]
        waits[np.isin(config.tag, rows.tag)] = False
        for rule in np.flatnonzero(waits).tolist():
            step(rule, _NOTHING)
    return after, changed, transitions


_NOTHING: Final = (np.zeros(0, np.int64), np.zeros(0, np.float64), np.zeros(0, np.uint32))


def _to_step(config: RuleTable, held: RuleStates, rows: TagRows) -> Places:
    """The rules that these readings may change, in the order of their tags."""
    live = (rows.q & np.uint32(HISTORICAL)) == 0
    bad = _bad(rows)
    value = np.where(rows.floating, rows.f, rows.i)
    words = rows.i
    if rows.floating.any() and not config.is_limit.all():
        near = rows.floating & (np.abs(rows.f) < _INT64_REACH)
        words = np.where(rows.floating, np.where(near, rows.f, 0).astype(np.int64), rows.i)
    doubtful = np.zeros(len(config.rules), np.bool_)
    for slot in config.slots:
        rule = slot[rows.tag]
        fed = rule >= 0
        doubtful[rule[fed & ~held.calm[rule]]] = True
        fed &= live
        doubtful[rule[fed & (bad | held.last["bad"][rows.tag])]] = True
        limit, on = config.limit[rule], held.on[rule]
        back, high = config.back[rule], config.high[rule]
        tells = np.where(
            on != 0,
            np.where(high, value <= back, value >= back),
            np.where(high, value > limit, value < limit),
        )
        other = ((words ^ on) & config.bits[rule]) != 0
        doubtful[rule[fed & np.where(config.is_limit[rule], tells, other)]] = True
    return np.flatnonzero(doubtful)


def _note_last(last: Last, rows: TagRows) -> None:
    """The last reading of each tag, the last good value, and the quality it ends with."""
    live = (rows.q & np.uint32(HISTORICAL)) == 0
    if not live.all():
        rows = rows.take(live)
    bad = _bad(rows)
    end = tails(heads(rows.tag))
    tag = rows.tag[end]
    last["seen"][tag], last["at_us"][tag], last["bad"][tag] = True, rows.ts_us[end], bad[end]
    if bad.any():
        rows = rows.take(~bad)
        end = tails(heads(rows.tag))
        tag = rows.tag[end]
    last["valued"][tag], last["floating"][tag] = True, rows.floating[end]
    last["value"][tag] = np.where(rows.floating[end], rows.f[end].view(np.int64), rows.i[end])


def _bad(rows: TagRows) -> Bools:
    bad: Bools = ~is_good(rows.q) | ((rows.q & np.uint32(NO_VALUE | NOT_FINITE)) != 0)
    return bad | (rows.floating & ~np.isfinite(rows.f))


def _value(row: np.void) -> float | int | None:
    if not row["valued"]:
        return None
    value = row["value"]
    return float(value.view(np.float64)) if row["floating"] else int(value)


def _copied(held: RuleStates) -> RuleStates:
    return replace(
        held,
        last=held.last.copy(),
        alarms=held.alarms.copy(),
        calm=held.calm.copy(),
        running=held.running.copy(),
        on=held.on.copy(),
    )


def _put(config: RuleTable, held: RuleStates, place: int, found: Alarms) -> None:
    rule = config.rules[place]
    keys = rule.alarms()
    held.alarms[place] = found
    held.running[place] = any(one.since_us is not None for one in found.values())
    held.calm[place] = not held.running[place] and all(
        key in found
        and found[key].condition == found[key].facts.active
        and not found[key].facts.bad_quality
        for key in keys
    )
    on = sum(1 << int(key or 0) for key in keys if key in found and found[key].condition)
    held.on[place] = np.array([on], np.uint64).view(np.int64)[0]
