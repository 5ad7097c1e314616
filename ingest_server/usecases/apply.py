"""Puts a plant.yaml into force: compare, then write all of it in one transaction, or nothing.

A plan says all of its own plant and nothing of any other: ids of lines, equipment and rules are
unique in a plant only. The same file twice changes nothing and makes no new version. While it is
written no readings are folded; those that come after are folded by the new plan. Lines are told
what is new about their orders in the same transaction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest_server.domain.alarm_actions import withdrawn
from ingest_server.plant import model
from ingest_server.plant.bindings import RuleBinding, due_at, rule_bindings
from ingest_server.plant.diff import Change, diff
from ingest_server.plant.model import Plan
from ingest_server.store import connection as connections
from ingest_server.store import fold_blocks, folding, plan
from ingest_server.store.errors import wrapped
from ingest_server.store.folding import FoldRows
from ingest_server.usecases import dispatch
from ingest_server.usecases.edge_states import rule_state
from ingest_server.usecases.record_fold import alarm_row

if TYPE_CHECKING:
    from ingest_server.store.connection import Connection
    from ingest_server.store.fold_blocks import Block
    from runtime.clock import Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What was (or, in a dry run, would be) changed; `version` None where nothing was written."""

    changes: tuple[Change, ...]
    version: int | None


def apply(dsn: str, file: Path, *, author: str, dry_run: bool, clock: Clock) -> Applied:
    """Apply the plan in `file`.

    Raises ConfigError, PlanRefused or StoreError; then nothing was changed.
    """
    wanted = model.load(file)
    text = file.read_text("utf-8-sig")
    connection = connections.connect(dsn, name="apply")
    try:
        with wrapped(), connection.transaction():
            if not dry_run:
                folding.take_plan(connection)
            _, saved = plan.load_current(connection, wanted.plant)
            current = None if saved is None else Plan.model_validate(saved)
            changes = diff(
                current,
                wanted,
                orders_with_facts=plan.orders_with_facts(connection),
                orders_elsewhere=plan.orders_elsewhere(
                    connection, wanted.plant, [one.order for one in wanted.orders]
                ),
            )
            if dry_run or not changes:
                return Applied(changes=changes, version=None)
            if current is not None:
                _withdraw(connection, current, wanted, now_us=clock(), author=author)
            values = wanted.model_dump(mode="json")
            plan.write_plan(
                connection,
                values,
                {
                    order.order: None if order.due is None else due_at(wanted, order.due)
                    for order in wanted.orders
                },
            )
            plan.mark_equipment(connection, wanted.plant, _recounted(current, wanted))
            dispatch.bring_up(connection, plant=wanted.plant, author=author, now_us=clock())
            version = plan.add_version(
                connection,
                plan=values,
                author=author,
                sha256=hashlib.sha256(text.encode()).hexdigest(),
                text=text,
            )
            return Applied(changes=changes, version=version)
    finally:
        connection.close()


def _recounted(current: Plan | None, wanted: Plan) -> set[str]:
    """Equipment whose counters are bound otherwise than before."""
    before = {} if current is None else {one.id: one.counters for one in current.equipment}
    after = {one.id: one.counters for one in wanted.equipment}
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def _withdraw(
    connection: Connection, current: Plan, wanted: Plan, *, now_us: int, author: str
) -> None:
    """Clear the standing alarms of rules, bits and tags that the new plan no longer has."""
    after = {binding.rule.id: binding for binding in rule_bindings(wanted)}
    rows = FoldRows()
    blocks: dict[int, list[Block]] = {}
    for binding in _changed(rule_bindings(current), after):
        rule = binding.rule.id
        new = after.get(rule)
        for tag_id, edge_id, edge, path, saved in plan.rule_states(connection, current.plant, rule):
            if edge_id not in blocks:
                blocks[edge_id] = fold_blocks.load(connection, edge_id)
            same_tag = new is not None and (new.edge, new.tag) == (edge, path)
            kept = new.rule if new is not None and same_tag else None
            state, transitions = withdrawn(
                rule, kept, rule_state(tag_id, saved, blocks[edge_id]), now_us=now_us, by=author
            )
            rows.alarms += [
                alarm_row(one, binding, plant=current.plant, tag_id=tag_id, learned_us=now_us)
                for one in transitions
            ]
            if kept is None:
                plan.drop_rule_state(connection, tag_id, rule)
            else:
                rows.states[tag_id, f"rule:{rule}"] = state.to_json()
    folding.write(connection, rows)


def _changed(before: Iterable[RuleBinding], after: dict[str, RuleBinding]) -> list[RuleBinding]:
    return [binding for binding in before if after.get(binding.rule.id) != binding]
