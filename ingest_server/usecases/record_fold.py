"""All folds of one record of an edge: its states before to those after, and the rows it writes.

Pure: nothing is kept but what is returned, so a fold that fails leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest_server.domain import alarm_columns, counter_columns, order_tags
from ingest_server.domain.alarm_states import Event, letter
from ingest_server.domain.buckets import minute_of
from ingest_server.domain.order_tags import OrderTagState
from ingest_server.domain.tag_rows import Places, TagRows
from ingest_server.store.folding import AlarmRow, AssignmentRow
from ingest_server.usecases.bound_tags import orders

if TYPE_CHECKING:
    from ingest_server.domain.alarms import Transition
    from ingest_server.domain.facts import Bools, Facts
    from ingest_server.plant.bindings import RuleBinding
    from ingest_server.store.changes import RecordRows
    from ingest_server.usecases.bound_tags import BoundTags
    from ingest_server.usecases.edge_states import EdgeStates

LATE_AFTER_US: Final = 60_000_000
"""Learned so long after it happened, something counts as late."""


@dataclass(kw_only=True, slots=True)
class RecordFold:
    """What one record makes of an edge's states.

    `counted` and `read`: tags by place whose counter, or last reading, changed. `rules`, `ordered`:
    places of rules and of order tags whose state changed. `facts`: with their tags by place.
    `minutes`: start of a minute to the equipment (by number) whose production changed in it.
    """

    states: EdgeStates
    counted: Bools
    read: Bools
    rules: list[int] = field(default_factory=list)
    ordered: list[int] = field(default_factory=list)
    facts: list[tuple[Places, Facts]] = field(default_factory=list)
    minutes: dict[int, Places] = field(default_factory=dict)
    assignments: list[AssignmentRow] = field(default_factory=list)
    alarms: list[AlarmRow] = field(default_factory=list)


_NO_ROWS: Final = TagRows(
    tag=np.zeros(0, np.intp),
    ts_us=np.zeros(0, np.int64),
    f=np.zeros(0, np.float64),
    i=np.zeros(0, np.int64),
    floating=np.zeros(0, np.bool_),
    q=np.zeros(0, np.uint32),
)


def fold_record(
    bound: BoundTags, states: EdgeStates, record: RecordRows, *, now_us: int
) -> RecordFold:
    """Fold a record. Whatever it raises is a defect, or a state that cannot be read."""
    of_class = bound.of_class[str(record.cls)]
    count = len(bound.tag_ids)
    rows, index = _NO_ROWS, np.zeros(0, np.intp)
    if record.readings is not None and len(record.readings):
        rows, index = bound.columns(record.readings)
    if states.unreadable:
        states.check(np.unique(rows.tag).tolist())
        if record.interrupts or record.complete_to_us is not None:
            states.check(np.flatnonzero(of_class).tolist())
    made = RecordFold(
        states=states, counted=np.zeros(count, np.bool_), read=np.zeros(count, np.bool_)
    )
    if record.interrupts:
        _interrupt(made, bound, of_class)
    if len(rows):
        counted = rows
        if record.beside:
            counted = counter_columns.news(bound.counters, states.counters, rows)
        _count(made, bound, counted)
        if len(bound.orders) and record.readings is not None:
            _orders(made, bound, rows.tag, index, record)
    if record.beside:
        rows = alarm_columns.news(states.rules, rows)
    _rules(made, bound, rows, of_class, record.complete_to_us, now_us)
    return made


def _interrupt(made: RecordFold, bound: BoundTags, of_class: Bools) -> None:
    """Readings are missing: what comes next is real, when it happened is not known."""
    states = made.states
    counters = counter_columns.interrupted(states.counters, of_class)
    rules, changed = alarm_columns.interrupted(bound.rules, states.rules, of_class)
    made.states = replace(states, counters=counters, rules=rules)
    made.counted |= of_class & counters["exists"]
    made.rules += changed
    made.read[bound.rules.tag[changed]] = True


def _count(made: RecordFold, bound: BoundTags, rows: TagRows) -> None:
    counters, tags, facts = counter_columns.fold(bound.counters, made.states.counters, rows)
    made.states = replace(made.states, counters=counters)
    made.counted[rows.tag] = True
    made.counted &= bound.counters.counts
    if not len(facts):
        return
    made.facts.append((tags, facts))
    counted = facts.quantity != 0
    minute, equipment = minute_of(facts.ts_us[counted]), bound.equipment_of[tags[counted]]
    for start_us in np.unique(minute).tolist():
        made.minutes[start_us] = equipment[minute == start_us]


def _orders(
    made: RecordFold,
    bound: BoundTags,
    tag: Places,
    index: Places,
    record: RecordRows,
) -> None:
    readings, known = record.readings, dict(made.states.orders)
    assert readings is not None  # noqa: S101 - `index` points into them
    for place in bound.orders.tolist():
        low, high = np.searchsorted(tag, (place, place + 1)).tolist()
        if low == high:
            continue
        part = readings.take(index[low:high])
        state = known.get(place, OrderTagState())
        told = np.flatnonzero(order_tags.usable(state, part.ts, part.q, beside=record.beside))
        known[place], said = order_tags.fold(state, part.ts[told], orders(part, told))
        if known[place] == state:
            continue
        made.ordered.append(place)
        uses = bound.uses[place]
        assert uses is not None  # noqa: S101 - `bound.orders` are bound
        made.assignments += [
            AssignmentRow(
                plant=uses.plant,
                equipment=binding.equipment,
                at_us=at_us,
                order=order,
                author=f"{uses.plant}/{binding.edge}/{uses.path}",
                tag_id=int(bound.tag_ids[place]),
                batch=record.batch,
                stepped=stepped,
            )
            for at_us, order, stepped in said
            for binding in uses.orders
        ]
    made.states = replace(made.states, orders=known)


def _rules(
    made: RecordFold,
    bound: BoundTags,
    rows: TagRows,
    of_class: Bools,
    complete_to_us: int | None,
    now_us: int,
) -> None:
    rules, changed, transitions = alarm_columns.fold(
        bound.rules, made.states.rules, rows, of_class, complete_to_us
    )
    made.states = replace(made.states, rules=rules)
    made.rules += changed
    made.read[rows.tag] = True
    made.read &= bound.rules.fed
    made.alarms += [
        alarm_row(
            one,
            bound.rule_bindings[rule],
            plant=bound.plant,
            tag_id=int(bound.tag_ids[bound.rules.tag[rule]]),
            learned_us=now_us,
        )
        for rule, one in transitions
    ]


def alarm_row(
    transition: Transition,
    binding: RuleBinding,
    *,
    plant: str,
    tag_id: int,
    learned_us: int,
) -> AlarmRow:
    """A transition as it is stored."""
    key = transition.key
    return AlarmRow(
        occurrence=f"{plant}:{transition.occurrence}",
        rule=binding.rule.id,
        bit=int(key) if key else None,
        equipment=binding.equipment,
        plant=plant,
        tag_id=tag_id,
        event=str(transition.event.value),
        at_us=transition.at_us,
        value=None if transition.value is None else float(transition.value),
        state=letter(transition.facts, learned_us),
        priority=binding.priorities.get(key, "medium"),
        latching=binding.rule.latching,
        late=transition.event in (Event.RAISED, Event.CLEARED)
        and learned_us - transition.at_us >= LATE_AFTER_US,
        learned_us=learned_us,
        actor=transition.by or None,
    )
