"""What people and the clock do to alarms: acknowledge, reset, shelve, suppress, withdraw a rule.

Times here are the server's (`now_us`), since these things happen at the server; each action yields
the transition that goes into the journal with its author. A refused action changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ingest_server.domain.alarm_rules import Rule, alarm_id
from ingest_server.domain.alarm_states import AlarmRefused, Event, happened, is_shelved
from ingest_server.domain.alarms import AlarmState, RuleState, Transition

_OF_READINGS: Final = frozenset(
    {
        Event.RAISED,
        Event.RAISED_LATCHING,
        Event.CLEARED,
        Event.QUALITY_BAD,
        Event.QUALITY_GOOD,
    }
)


def acted(
    rule: Rule,
    state: RuleState,
    key: str,
    event: Event,
    *,
    now_us: int,
    by: str,
    until_us: int | None = None,
    reason: str = "",
) -> tuple[RuleState, Transition]:
    """The state after somebody did `event` to the alarm `key`, and its journal entry.

    Raises `AlarmRefused` where the rule has no such alarm, where the event is not a person's, or
    where the alarm's state does not allow it.
    """
    if key not in rule.alarms():
        raise AlarmRefused("LS-5364", alarm=alarm_id(rule.id, key))
    if event in _OF_READINGS:
        raise AlarmRefused("LS-5365", event=event.value)
    alarm = state.alarm(key)
    facts = happened(alarm.facts, event, now_us=now_us, until_us=until_us, by=by, reason=reason)
    after = replace(alarm, facts=facts)
    return _with(state, key, after), _entry(rule.id, key, after, state, event, now_us, by)


def expired(
    rule: Rule, state: RuleState, *, now_us: int
) -> tuple[RuleState, tuple[Transition, ...]]:
    """Ends every shelf whose time is over; it holds no longer anyway."""
    transitions: list[Transition] = []
    for key, alarm in sorted(state.alarms.items()):
        facts = alarm.facts
        if facts.shelved_until_us is None or is_shelved(facts, now_us):
            continue
        after = replace(alarm, facts=happened(facts, Event.SHELF_EXPIRED, now_us=now_us))
        state = _with(state, key, after)
        entry = _entry(rule.id, key, after, state, Event.SHELF_EXPIRED, now_us, facts.shelved_by)
        transitions.append(entry)
    return state, tuple(transitions)


def withdrawn(
    rule_id: str, rule: Rule | None, state: RuleState, *, now_us: int, by: str
) -> tuple[RuleState, tuple[Transition, ...]]:
    """Forgets alarms that `rule` (None: removed) no longer has; active ones are cleared first."""
    kept = rule.alarms() if rule is not None else ()
    transitions: list[Transition] = []
    for key, alarm in sorted(state.alarms.items()):
        if key in kept:
            continue
        if alarm.facts.active:
            facts = happened(alarm.facts, Event.CLEARED, now_us=now_us)
            after = replace(alarm, facts=facts)
            transitions.append(_entry(rule_id, key, after, state, Event.CLEARED, now_us, by))
    alarms = {key: alarm for key, alarm in state.alarms.items() if key in kept}
    return replace(state, alarms=alarms), tuple(transitions)


def _with(state: RuleState, key: str, alarm: AlarmState) -> RuleState:
    return replace(state, alarms={**state.alarms, key: alarm})


def _entry(
    rule_id: str,
    key: str,
    alarm: AlarmState,
    state: RuleState,
    event: Event,
    now_us: int,
    by: str,
) -> Transition:
    return Transition(
        alarm=alarm_id(rule_id, key),
        key=key,
        occurrence=alarm.occurrence,
        event=event,
        at_us=now_us,
        raised_us=alarm.raised_us,
        value=state.value,
        facts=alarm.facts,
        by=by,
    )
