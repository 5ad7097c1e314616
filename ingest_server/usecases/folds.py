"""Folds readings into quantities, assignments and alarms, within the transaction that stores them.

Invariants:
- records are folded in stream order, each exactly once: the states are saved in the transaction
  that moves the cursor;
- a fold works on copies; what is remembered changes after the commit (`accept`) and is forgotten
  whenever a transaction fails;
- the plans do not change between the fold and the commit: the transaction holds them and compares
  the version;
- a fold that fails is a defect of ours, not of the data: the stream is parked (its `applied` stays
  behind its cursor), people are told, and storing goes on. So do those of the same edge and class
  that follow it. What they would have folded is kept for `refold`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ingest_server.store import fold_blocks, folding
from ingest_server.store.folding import FoldRows, MinuteMarks
from ingest_server.usecases.bindings import Bindings, bindings_of
from ingest_server.usecases.bound_tags import BoundTags, bound_tags
from ingest_server.usecases.edge_states import (
    EdgeStates,
    blocks_of,
    carried,
    json_of_rule,
    loaded,
    remembered_tags,
)
from ingest_server.usecases.record_fold import RecordFold, fold_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.domain.facts import Bools
    from ingest_server.store.changes import Changes, RecordRows
    from ingest_server.store.connection import Connection
    from runtime.clock import Clock
    from wire.frame import StreamClass
    from wire.ids import EdgeId


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeFolds:
    """The bound tags of one edge and what their folds remember."""

    bound: BoundTags
    states: EdgeStates


@dataclass(kw_only=True, slots=True)
class _Unsaved:
    """What changed of one edge in a transaction, by place as in `RecordFold`."""

    counted: Bools
    read: Bools
    rules: set[int] = field(default_factory=set)
    ordered: set[int] = field(default_factory=set)
    minutes: dict[int, Bools] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class Folded:
    """The result for one transaction: rows to write, states to remember, streams that failed."""

    rows: FoldRows = field(default_factory=FoldRows)
    edges: dict[int, EdgeFolds] = field(default_factory=dict)
    """States by edge id."""
    parked: dict[tuple[int, Any, StreamClass], Exception] = field(default_factory=dict)
    kept: list[RecordRows] = field(default_factory=list)
    """Records to be folded later: those of parked streams."""
    first_kept: dict[tuple[int, Any, StreamClass], int] = field(default_factory=dict)
    """The first `seq` kept of each stream that this transaction parks."""
    unsaved: dict[int, _Unsaved] = field(default_factory=dict)

    def keep(self, record: RecordRows) -> None:
        """This record is the one that parks its stream, or stands behind it."""
        self.kept.append(record)
        self.first_kept.setdefault((record.edge_id, record.epoch, record.cls), record.seq)

    def add(self, record: RecordRows, bound: BoundTags, made: RecordFold) -> None:
        """Take over what one record made."""
        self.edges[record.edge_id] = EdgeFolds(bound=bound, states=made.states)
        unsaved = self.unsaved.get(record.edge_id)
        if unsaved is None:
            unsaved = _Unsaved(counted=made.counted, read=made.read)
            self.unsaved[record.edge_id] = unsaved
        else:
            unsaved.counted |= made.counted
            unsaved.read |= made.read
        unsaved.rules.update(made.rules)
        unsaved.ordered.update(made.ordered)
        for minute_us, equipment in made.minutes.items():
            marked = unsaved.minutes.setdefault(minute_us, np.zeros(len(bound.equipment), np.bool_))
            marked[equipment] = True
        self.rows.facts += [
            (bound.tag_ids[places], record.batch, facts) for places, facts in made.facts
        ]
        self.rows.assignments += made.assignments
        self.rows.alarms += made.alarms

    def settle(self, edge_id: int) -> None:
        """Put what is to be saved of an edge's states into the rows."""
        unsaved = self.unsaved.pop(edge_id, None)
        if unsaved is None:
            return
        bound, states = self.edges[edge_id].bound, self.edges[edge_id].states
        if states.absorbed:
            places, _ = bound.places(np.array(sorted(states.absorbed), np.int32))
            unsaved.counted[places] = True
            self.rows.absorbed += sorted(states.absorbed)
            states = replace(states, absorbed=frozenset())
            self.edges[edge_id] = EdgeFolds(bound=bound, states=states)
        for block in blocks_of(edge_id, bound, states, counters=unsaved.counted, last=unsaved.read):
            self.rows.blocks[block.key] = block
        for rule in sorted(unsaved.rules):
            key = int(bound.tag_ids[bound.rules.tag[rule]]), f"rule:{bound.rules.rules[rule].id}"
            self.rows.states[key] = json_of_rule(bound, states.rules, rule)
        for place in sorted(unsaved.ordered):
            self.rows.states[int(bound.tag_ids[place]), "order"] = states.orders[place].to_json()
        self.rows.marks += [
            MinuteMarks(
                plant=bound.plant, minute_us=minute_us, equipment=bound.equipment[equipment]
            )
            for minute_us, equipment in unsaved.minutes.items()
        ]


class Folds:
    """Remembers bindings and states; all methods but `fold`'s loading are free of I/O."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._bindings: Bindings | None = None
        self._edges: dict[int, EdgeFolds] = {}

    @property
    def version(self) -> int:
        """Version of the plans that the last `fold` went by."""
        return self._bindings.version if self._bindings is not None else -1

    def forget(self) -> None:
        """Read plans and states afresh."""
        self._bindings = None
        self._edges.clear()

    def accept(self, folded: Folded) -> None:
        """The transaction is committed: remember its states."""
        self._edges.update(folded.edges)

    def fold(self, connection: Connection, changes: Changes) -> Folded:
        """Fold the records of all edges. Raises StoreError while loading."""
        self._load_plans(connection)
        folded = Folded()
        edges = {before.edge_id: (before, after) for before, after in changes.edges}
        for record in changes.records:
            before, after = edges[record.edge_id]
            if record.tag_numbers:
                self._reload(connection, before.edge, record.edge_id, folded)
            row = after.streams[record.epoch, record.cls]
            if row.applied != row.cursor:
                folded.kept.append(self._to_keep(connection, before.edge, record, folded))
            else:
                self._one(connection, before.edge, record, folded)
        return _settled(folded)

    def fold_kept(
        self, connection: Connection, edge: EdgeId, records: Sequence[RecordRows]
    ) -> Folded:
        """Fold records of one edge that were kept; `kept`: those from a failure on."""
        self._load_plans(connection)
        folded = Folded()
        for record in records:
            self._one(connection, edge, record, folded)
        return _settled(folded)

    def _load_plans(self, connection: Connection) -> Bindings:
        if self._bindings is None:
            version = folding.plan_version(connection)
            self._bindings = bindings_of(version, folding.load_plans(connection))
        return self._bindings

    def _one(
        self, connection: Connection, edge: EdgeId, record: RecordRows, folded: Folded
    ) -> None:
        """Fold one record, or keep it where it fails or stands behind one that did."""
        key = (record.edge_id, record.epoch, record.cls)
        if any((edge_id, cls) == (key[0], key[2]) for edge_id, _, cls in folded.first_kept):
            folded.keep(self._to_keep(connection, edge, record, folded))
            return
        unreadable = self._load_plans(connection).unreadable.get(edge.plant)
        if unreadable is not None:
            folded.parked[key] = unreadable
            folded.keep(record)
            return
        now = self._edge(connection, edge, record.edge_id, folded)
        if not now.bound.feeds.any():
            return
        try:
            made = fold_record(now.bound, now.states, record, now_us=self._clock())
        except Exception as error:  # noqa: BLE001 - no I/O in there: whatever it is is a defect
            folded.parked[key] = error
            folded.keep(self._to_keep(connection, edge, record, folded))
            return
        folded.add(record, now.bound, made)

    def _to_keep(
        self, connection: Connection, edge: EdgeId, record: RecordRows, folded: Folded
    ) -> RecordRows:
        """Of a record what its folds have to see: readings of the tags that are bound now."""
        if record.readings is None or edge.plant in self._load_plans(connection).unreadable:
            return record
        bound = self._edge(connection, edge, record.edge_id, folded).bound
        _, rows = bound.rows(record.readings)
        # In the order in which they were taken, as the record had them.
        rows = np.sort(rows)
        return replace(record, readings=record.readings.take(rows) if rows.size else None)

    def _edge(
        self, connection: Connection, edge: EdgeId, edge_id: int, folded: Folded
    ) -> EdgeFolds:
        known = folded.edges.get(edge_id) or self._edges.get(edge_id)
        if known is None:
            known = self._edges[edge_id] = self._loaded(connection, edge, edge_id)
        return known

    def _reload(self, connection: Connection, edge: EdgeId, edge_id: int, folded: Folded) -> None:
        """The edge has new tags; what was folded meanwhile stays."""
        before = folded.edges.get(edge_id) or self._edges.get(edge_id)
        if before is None or not self._load_plans(connection).of_edge(edge):
            return
        folded.settle(edge_id)
        new = self._loaded(connection, edge, edge_id)
        states = carried(before.bound, before.states, new.bound, new.states)
        now = EdgeFolds(bound=new.bound, states=states)
        if edge_id in folded.edges:
            folded.edges[edge_id] = now
        else:
            self._edges[edge_id] = now

    def _loaded(self, connection: Connection, edge: EdgeId, edge_id: int) -> EdgeFolds:
        by_path = self._load_plans(connection).of_edge(edge)
        if not by_path:
            bound = bound_tags(edge.plant, {}, [])
            return EdgeFolds(bound=bound, states=loaded(bound, [], {}))
        found = {
            tag_id: (cls, by_path[path])
            for tag_id, path, cls in folding.load_tags_of(connection, edge_id, list(by_path))
        }
        blocks = fold_blocks.load(connection, edge_id)
        bound = bound_tags(edge.plant, found, sorted(remembered_tags(blocks)))
        saved = folding.load_states(connection, list(found))
        return EdgeFolds(bound=bound, states=loaded(bound, blocks, saved))


def _settled(folded: Folded) -> Folded:
    for edge_id in list(folded.unsaved):
        folded.settle(edge_id)
    return folded
