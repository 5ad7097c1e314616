"""What the folds of one edge remember, as columns; from the database and back into it.

Invariants: a value is never changed once it is made; a fold makes the next one. What cannot be read
is remembered as unreadable and raised by the fold that needs it, so that only that one is parked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest_server.domain import alarm_columns, counter_columns
from ingest_server.domain.alarms import RuleState
from ingest_server.domain.counters import CounterState
from ingest_server.domain.order_tags import OrderTagState
from ingest_server.store import fold_blocks
from ingest_server.store.fold_blocks import TAGS_A_BLOCK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest_server.domain.alarm_columns import Last, RuleStates
    from ingest_server.domain.counter_columns import States
    from ingest_server.domain.facts import Bools
    from ingest_server.store.fold_blocks import Block
    from ingest_server.usecases.bound_tags import BoundTags

Saved = Mapping[tuple[int, str], Mapping[str, Any]]
"""States as JSON by tag id and fold."""
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeStates:
    """By place: counters and last readings; `orders` and `unreadable` only where there is one.

    `absorbed`: tags whose counter state was still one of an earlier release.
    """

    counters: States
    rules: RuleStates
    orders: Mapping[int, OrderTagState] = field(default_factory=dict)
    unreadable: Mapping[int, Exception] = field(default_factory=dict)
    absorbed: frozenset[int] = frozenset()

    def check(self, places: Iterable[int]) -> None:
        """Raise what makes the state of one of these unreadable."""
        if self.unreadable:
            for place in places:
                if place in self.unreadable:
                    raise self.unreadable[place]


def remembered_tags(blocks: Iterable[Block]) -> set[int]:
    """The tags that blocks tell of; none of a block that cannot be read."""
    found: set[int] = set()
    for block in blocks:
        try:
            tag_ids, _ = fold_blocks.unpacked(block.content, _dtype(block))
        except _UNREADABLE:
            continue
        found.update(tag_ids.tolist())
    return found


def loaded(bound: BoundTags, blocks: Iterable[Block], saved: Saved) -> EdgeStates:
    """The states as they stand in the database."""
    count = len(bound.tag_ids)
    columns: dict[str, NDArray[np.void]] = {
        "counter": np.zeros(count, counter_columns.STATE),
        "last": np.zeros(count, alarm_columns.LAST),
    }
    unreadable: dict[int, Exception] = {}
    for block in blocks:
        try:
            tag_ids, rows = fold_blocks.unpacked(block.content, _dtype(block))
        except _UNREADABLE as error:
            of_block = np.flatnonzero(bound.tag_ids // TAGS_A_BLOCK == block.block)
            unreadable.update(dict.fromkeys(of_block.tolist(), error))
            continue
        places, known = bound.places(tag_ids)
        columns[block.kind][places[known]] = rows[known]
    counters, last = columns["counter"], columns["last"]
    orders: dict[int, OrderTagState] = {}
    absorbed: set[int] = set()
    alarms: dict[tuple[int, str], Any] = {}
    for (tag_id, fold), content in saved.items():
        place = int(np.searchsorted(bound.tag_ids, tag_id))
        try:
            if fold == "counter":
                counter_columns.put(counters, place, CounterState.from_json(content))
                absorbed.add(tag_id)
            elif fold == "order":
                orders[place] = OrderTagState.from_json(content)
            else:
                state = RuleState.from_json(content)
                alarms[place, fold] = state.alarms
                if not last["seen"][place]:
                    alarm_columns.put_last(last, place, state)
        except _UNREADABLE as error:
            unreadable[place] = error
    return EdgeStates(
        counters=counters,
        rules=_rules(bound, last, alarms),
        orders=orders,
        unreadable=unreadable,
        absorbed=frozenset(absorbed),
    )


def carried(before: BoundTags, states: EdgeStates, bound: BoundTags, new: EdgeStates) -> EdgeStates:
    """`new`, but of tags that `states` knows what that one says: it is newer than the database."""
    counters, last = new.counters.copy(), new.rules.last.copy()
    places, known = bound.places(before.tag_ids)
    counters[places[known]] = states.counters[known]
    last[places[known]] = states.rules.last[known]
    alarms = {**_alarms(bound, new.rules), **_moved(_alarms(before, states.rules), places)}
    return EdgeStates(
        counters=counters,
        rules=_rules(bound, last, alarms),
        orders={**new.orders, **{int(places[key]): one for key, one in states.orders.items()}},
        unreadable={
            **new.unreadable,
            **{int(places[key]): one for key, one in states.unreadable.items()},
        },
        absorbed=new.absorbed | states.absorbed,
    )


def rule_state(tag_id: int, saved: Mapping[str, Any], blocks: Iterable[Block]) -> RuleState:
    """A rule's state as it stands in the database, with its tag's last reading from the blocks."""
    state = RuleState.from_json(saved)
    for block in blocks:
        if block.kind == "last" and block.block == tag_id // TAGS_A_BLOCK:
            tag_ids, rows = fold_blocks.unpacked(block.content, _dtype(block))
            for row in np.flatnonzero(tag_ids == tag_id).tolist():
                state = alarm_columns.with_last(state, rows[row])
    return state


def json_of_rule(bound: BoundTags, rules: RuleStates, rule: int) -> Mapping[str, Any]:
    """A rule's state as it is saved."""
    state = alarm_columns.state_of(bound.rules, rules, rule)
    return (state or RuleState()).to_json()


def blocks_of(
    edge_id: int, bound: BoundTags, states: EdgeStates, *, counters: Bools, last: Bools
) -> list[Block]:
    """The blocks to save where the states of these tags changed."""
    return [
        *fold_blocks.packed(
            edge_id,
            "counter",
            bound.tag_ids,
            states.counters,
            kept=states.counters["exists"],
            changed=counters,
        ),
        *fold_blocks.packed(
            edge_id,
            "last",
            bound.tag_ids,
            states.rules.last,
            kept=states.rules.last["seen"],
            changed=last,
        ),
    ]


def _dtype(block: Block) -> np.dtype[Any]:
    return counter_columns.STATE if block.kind == "counter" else alarm_columns.LAST


def _rules(bound: BoundTags, last: Last, alarms: Mapping[tuple[int, str], Any]) -> RuleStates:
    return alarm_columns.states(
        bound.rules,
        last,
        [
            alarms.get((int(place), f"rule:{binding.rule.id}"))
            for place, binding in zip(bound.rules.tag, bound.rule_bindings, strict=True)
        ],
    )


def _alarms(bound: BoundTags, rules: RuleStates) -> dict[tuple[int, str], Any]:
    return {
        (int(place), f"rule:{binding.rule.id}"): found
        for place, binding, found in zip(
            bound.rules.tag, bound.rule_bindings, rules.alarms, strict=True
        )
        if found is not None
    }


def _moved(alarms: Mapping[tuple[int, str], Any], places: Any) -> dict[tuple[int, str], Any]:
    return {(int(places[place]), fold): found for (place, fold), found in alarms.items()}
