"""Readings to alarm transitions: a pure fold in stream order, stepping only at changes.

Invariants
- A transition's time is event time: `raised` when the on-delay ended, `cleared` when the off-delay
  did, never when the server learned of it.
- Delays run on elapsed event time. A clock that steps back adds nothing to it: a timer goes on from
  where it was, in the new clock. A reading exactly at a delay's end finds it ended.
- A bad reading neither raises nor clears: the alarm stays, its quality is bad, running delays stop,
  and the first good reading after it starts them anew: what was not seen is no evidence.
- Historical readings are left out (they are folded apart).
- Any split of the same readings into batches, with the state saved and restored between any two,
  gives the same transitions.
- State outlives edits of its rule: timers go on from when they started under the new delays, a new
  limit or deadband holds from the next reading, shelves and acknowledgements stay. An alarm that
  the rule no longer has stays as it is until `alarm_actions.withdrawn` closes it.

`complete_to_us` says that nothing earlier will come: it ends delays of tags reported on change. It
must be the stream's own event time; a later reading with an earlier stamp is taken as it comes, and
a transition that lies before the alarm's last one says so in `out_of_order`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ingest_server.domain.alarm_rules import Rule, alarm_id, conditions, unusable
from ingest_server.domain.alarm_states import AlarmFacts, Event, happened
from ingest_server.domain.facts import Bools, Int64s
from wire.quality import HISTORICAL

_VERSION: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmState:
    """One alarm between two readings.

    `condition`: what the readings say, before delays. `since_us`: when a delay now running began
    (in the present clock of the device). `raised`: how often it was raised. `occurrence`: the key
    of the last raise, `raised_us` its time. `last_us`: the time of its last transition.
    """

    condition: bool = False
    since_us: int | None = None
    raised: int = 0
    occurrence: str = ""
    raised_us: int = 0
    last_us: int | None = None
    facts: AlarmFacts = field(default_factory=AlarmFacts)


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleState:
    """All alarms of a rule, the last reading's time, the last good value, the present quality."""

    at_us: int | None = None
    value: float | int | None = None
    bad: bool = False
    alarms: Mapping[str, AlarmState] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values, with its version under `v`."""
        alarms = {key: asdict(alarm) for key, alarm in self.alarms.items()}
        return {
            "v": _VERSION,
            "at_us": self.at_us,
            "value": self.value,
            "bad": self.bad,
            "alarms": alarms,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> RuleState:
        """The state saved by `to_json`; ValueError for a version this release does not know."""
        if saved.get("v") != _VERSION:
            raise ValueError(f"alarm state of version {saved.get('v')!r}")
        alarms = {
            key: AlarmState(**{**alarm, "facts": AlarmFacts(**alarm["facts"])})
            for key, alarm in saved["alarms"].items()
        }
        return cls(at_us=saved["at_us"], value=saved["value"], bad=saved["bad"], alarms=alarms)

    def alarm(self, key: str) -> AlarmState:
        """The alarm of `key`, normal where nothing is known of it yet."""
        return self.alarms.get(key) or AlarmState(facts=AlarmFacts(bad_quality=self.bad))


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """Something that happened to an alarm at event time `at_us` (server time for people's actions).

    `occurrence` names one raise with its clear and all that people did about it. `value`: the last
    good one before the delay ended. `facts`: those after it. `by`: the person, if one did it.
    """

    alarm: str
    key: str
    occurrence: str
    event: Event
    at_us: int
    raised_us: int
    value: float | int | None
    facts: AlarmFacts
    out_of_order: bool = False
    by: str = ""


def interrupted(state: RuleState) -> RuleState:
    """Readings are missing from here on (a gap, a tombstone): the same as a bad reading."""
    alarms = {
        key: replace(alarm, since_us=None, facts=replace(alarm.facts, bad_quality=True))
        for key, alarm in state.alarms.items()
    }
    return replace(state, bad=True, alarms=alarms)


def fold(
    rule: Rule,
    state: RuleState,
    ts_us: Int64s,
    value: NDArray[Any],
    q: NDArray[np.uint32],
    complete_to_us: int | None = None,
) -> tuple[RuleState, tuple[Transition, ...]]:
    """Applies n readings in stream order, then lets delays end up to `complete_to_us`.

    The transitions come alarm by alarm in the rule's order, those of one alarm as they happened.
    """
    live = (q & np.uint32(HISTORICAL)) == 0
    if not live.all():
        ts_us, value, q = ts_us[live], value[live], q[live]
    bad = unusable(value, q)
    batch = _Batch(state, ts_us, value, bad, complete_to_us)
    keys = rule.alarms()
    before = [state.alarm(key).condition for key in keys]
    alarms = dict(state.alarms)
    transitions: list[Transition] = []
    for found in conditions(rule, value, bad, before) if len(ts_us) else ():
        walk = _Walk(rule, found.key, state.alarm(found.key), batch)
        walk.over(found.on)
        alarms[found.key] = walk.alarm
        transitions += walk.transitions
    if not len(ts_us):
        for key in keys:
            walk = _Walk(rule, key, state.alarm(key), batch)
            walk.finish()
            alarms[key] = walk.alarm
            transitions += walk.transitions
    after = RuleState(at_us=batch.end_us, value=batch.last_value, bad=batch.ends_bad, alarms=alarms)
    return after, tuple(transitions)


class _Batch:
    """What all alarms of a rule share in one call: elapsed event time and values.

    `elapsed[i]`: event time since the state's last reading, only ever growing.
    """

    def __init__(
        self,
        state: RuleState,
        ts_us: Int64s,
        value: NDArray[Any],
        bad: Bools,
        complete_to_us: int | None,
    ) -> None:
        self.ts_us = ts_us
        self.bad = bad
        self.was_bad = state.bad
        self.value = value
        self.value_before = state.value
        self.start_us = state.at_us
        if len(ts_us):
            first = ts_us[0] if state.at_us is None else state.at_us
            self.elapsed = np.cumsum(np.maximum(np.diff(ts_us, prepend=first), 0))
            self.bad_steps = np.diff(bad, prepend=state.bad)
            self.good_at = np.flatnonzero(~bad)
            self.end_us: int | None = int(ts_us[-1])
            self.end_elapsed = int(self.elapsed[-1])
            self.ends_bad = bool(bad[-1])
        else:
            self.elapsed = np.zeros(0, dtype=np.int64)
            self.good_at = np.zeros(0, dtype=np.int64)
            self.end_us = state.at_us
            self.end_elapsed = 0
            self.ends_bad = state.bad
        self.last_value = self.value_at(len(ts_us) - 1)
        self.reach = self.end_elapsed
        if complete_to_us is not None and self.end_us is not None:
            self.reach += max(complete_to_us - self.end_us, 0)

    def value_at(self, index: int) -> float | int | None:
        """The last good value at or before reading `index`."""
        place = int(np.searchsorted(self.good_at, index, side="right")) - 1
        if place < 0:
            return self.value_before
        found = self.value[self.good_at[place]].item()
        return int(found) if isinstance(found, bool) else found

    def moment(self, due: int) -> tuple[int, int]:
        """Event time at `due` of elapsed time, and the last reading before it (-1: none here)."""
        before = int(np.searchsorted(self.elapsed, due, side="left")) - 1
        if before < 0:
            return (self.start_us or 0) + due, -1
        return int(self.ts_us[before]) + due - int(self.elapsed[before]), before


class _Walk:
    """One alarm through one batch; `alarm` and `transitions` are the result."""

    def __init__(self, rule: Rule, key: str, alarm: AlarmState, batch: _Batch) -> None:
        self.rule = rule
        self.key = key
        self.alarm = alarm
        self.batch = batch
        self.transitions: list[Transition] = []
        self.since: int | None = None
        if alarm.since_us is not None and batch.start_us is not None:
            self.since = alarm.since_us - batch.start_us

    def over(self, on: Bools) -> None:
        batch = self.batch
        was_on = self.alarm.condition
        waiting = was_on != self.alarm.facts.active
        changes = on[0] != was_on or bool((on[1:] != on[:-1]).any())
        if changes or waiting:
            steps = np.flatnonzero(np.diff(on, prepend=was_on) | batch.bad_steps)
            for index in steps.tolist():
                self._step(index, on=bool(on[index]), bad=bool(batch.bad[index]))
        self.finish()

    def _step(self, index: int, *, on: bool, bad: bool) -> None:
        at = int(self.batch.elapsed[index])
        self._end_delay(at)
        was_on = self.alarm.condition
        self.alarm = replace(self.alarm, condition=on)
        if bad or on == self.alarm.facts.active:
            self.since = None
        elif self.since is None or on != was_on:
            self.since = at
            if self._delay() == 0:
                self._turn(int(self.batch.ts_us[index]), self.batch.value_at(index))

    def finish(self) -> None:
        batch = self.batch
        self._end_delay(batch.reach)
        since_us = None
        if self.since is not None and batch.end_us is not None:
            since_us = batch.end_us - (batch.end_elapsed - self.since)
        facts = self.alarm.facts
        if since_us == self.alarm.since_us and facts.bad_quality == batch.ends_bad:
            return
        if facts.bad_quality != batch.ends_bad:
            event = Event.QUALITY_BAD if batch.ends_bad else Event.QUALITY_GOOD
            facts = happened(facts, event, now_us=batch.end_us or 0)
        self.alarm = replace(self.alarm, since_us=since_us, facts=facts)

    def _delay(self) -> int:
        return self.rule.on_delay_us if self.alarm.condition else self.rule.off_delay_us

    def _end_delay(self, elapsed: int) -> None:
        if self.since is None:
            return
        due = self.since + self._delay()
        if due > elapsed:
            return
        at_us, before = self.batch.moment(due)
        self._turn(at_us, self.batch.value_at(before))

    def _turn(self, at_us: int, value: float | int | None) -> None:
        alarm, self.since = self.alarm, None
        if alarm.condition:
            event = Event.RAISED_LATCHING if self.rule.latching else Event.RAISED
            number = alarm.raised + 1
            name = alarm_id(self.rule.id, self.key)
            alarm = replace(
                alarm, raised=number, raised_us=at_us, occurrence=f"{name}@{at_us}.{number}"
            )
        else:
            event = Event.CLEARED
        facts = replace(happened(alarm.facts, event, now_us=at_us), bad_quality=False)
        out_of_order = alarm.last_us is not None and at_us < alarm.last_us
        self.alarm = replace(alarm, facts=facts, last_us=at_us)
        self.transitions.append(
            Transition(
                alarm=alarm_id(self.rule.id, self.key),
                key=self.key,
                occurrence=alarm.occurrence,
                event=Event.CLEARED if event is Event.CLEARED else Event.RAISED,
                at_us=at_us,
                raised_us=alarm.raised_us,
                value=value,
                facts=facts,
                out_of_order=out_of_order,
            )
        )
