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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest_server.domain import alarms, counters
from ingest_server.domain.alarm_states import Event, letter
from ingest_server.domain.buckets import minute_of
from ingest_server.store import folding
from ingest_server.store.folding import AlarmRow, AssignmentRow, FoldRows
from ingest_server.usecases.bindings import Bindings, Uses, bindings_of
from ingest_server.usecases.bound_readings import bound_rows, by_tag, orders, values
from wire.quality import NO_VALUE, is_good

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest_server.plant.bindings import CounterBinding, RuleBinding
    from ingest_server.store.changes import Changes, RecordRows
    from ingest_server.store.connection import Connection
    from ingest_server.store.copyrows import Readings
    from runtime.clock import Clock
    from wire.frame import StreamClass
    from wire.ids import EdgeId

LATE_AFTER_US: Final = 60_000_000
"""Learned so long after it happened, something counts as late."""

StateKey = tuple[int, str]
StreamOf = tuple[int, Any, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundTags:
    """The tags of one edge that feed folds. `mask[tag_id]` says which readings matter."""

    uses: Mapping[int, Uses]
    cls: Mapping[int, str]
    mask: NDArray[np.bool_]


@dataclass(kw_only=True, slots=True)
class Folded:
    """The result for one transaction: rows to write, states to remember, streams that failed."""

    rows: FoldRows = field(default_factory=FoldRows)
    states: dict[StateKey, Any] = field(default_factory=dict)
    parked: dict[tuple[int, Any, StreamClass], Exception] = field(default_factory=dict)
    kept: list[RecordRows] = field(default_factory=list)
    """Records to be folded later: those of parked streams."""
    first_kept: dict[tuple[int, Any, StreamClass], int] = field(default_factory=dict)
    """The first `seq` kept of each stream that this transaction parks."""

    def keep(self, record: RecordRows) -> None:
        """This record is the one that parks its stream, or stands behind it."""
        self.kept.append(record)
        self.first_kept.setdefault((record.edge_id, record.epoch, record.cls), record.seq)


class Folds:
    """Remembers bindings and states; all methods but `fold`'s loading are free of I/O."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._bindings: Bindings | None = None
        self._edges: dict[int, BoundTags] = {}
        self._states: dict[StateKey, Any] = {}

    @property
    def version(self) -> int:
        """Version of the plans that the last `fold` went by."""
        return self._bindings.version if self._bindings is not None else -1

    def forget(self) -> None:
        """Read plans and states afresh."""
        self._bindings = None
        self._edges.clear()
        self._states.clear()

    def accept(self, folded: Folded) -> None:
        """The transaction is committed: remember its states."""
        self._states.update(folded.states)

    def fold(self, connection: Connection, changes: Changes) -> Folded:
        """Fold the records of all edges. Raises StoreError while loading."""
        self._load_plans(connection)
        folded = Folded()
        edges = {before.edge_id: (before, after) for before, after in changes.edges}
        for record in changes.records:
            before, after = edges[record.edge_id]
            if record.tag_numbers:
                self._edges.pop(record.edge_id, None)
            row = after.streams[record.epoch, record.cls]
            if row.applied != row.cursor:
                folded.kept.append(self._to_keep(connection, before.edge, record))
            else:
                self._one(connection, before.edge, record, folded)
        return _with_states(folded)

    def fold_kept(
        self, connection: Connection, edge: EdgeId, records: Sequence[RecordRows]
    ) -> Folded:
        """Fold records of one edge that were kept; `kept`: those from a failure on."""
        self._load_plans(connection)
        folded = Folded()
        for record in records:
            self._one(connection, edge, record, folded)
        return _with_states(folded)

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
            folded.keep(self._to_keep(connection, edge, record))
            return
        bound = self._bound(connection, edge, record.edge_id)
        unreadable = self._load_plans(connection).unreadable.get(edge.plant)
        if unreadable is not None:
            folded.parked[key] = unreadable
            folded.keep(record)
            return
        if not bound.uses:
            return
        one = _RecordFold(record, bound, self._states, folded.states, self._clock())
        try:
            one.run()
        except Exception as error:  # noqa: BLE001 - no I/O in there: whatever it is is a defect
            folded.parked[key] = error
            folded.keep(self._to_keep(connection, edge, record))
            return
        folded.states.update(one.states)
        _join(folded.rows, one.rows)

    def _to_keep(self, connection: Connection, edge: EdgeId, record: RecordRows) -> RecordRows:
        """Of a record what its folds have to see: readings of the tags that are bound now."""
        bound = self._bound(connection, edge, record.edge_id)
        if record.readings is None or edge.plant in self._load_plans(connection).unreadable:
            return record
        rows = bound_rows(record.readings.tag_id, bound.mask)
        return replace(record, readings=record.readings.take(rows) if rows.size else None)

    def _bound(self, connection: Connection, edge: EdgeId, edge_id: int) -> BoundTags:
        known = self._edges.get(edge_id)
        if known is not None:
            return known
        by_path = self._bindings.of_edge(edge) if self._bindings is not None else {}
        uses: dict[int, Uses] = {}
        classes: dict[int, str] = {}
        if by_path:
            for tag_id, path, cls in folding.load_tags_of(connection, edge_id, list(by_path)):
                uses[tag_id] = by_path[path]
                classes[tag_id] = cls
            self._load_states(connection, list(uses))
        mask = np.zeros(1 + max(uses, default=0), np.bool_)
        mask[list(uses)] = True
        bound = self._edges[edge_id] = BoundTags(uses=uses, cls=classes, mask=mask)
        return bound

    def _load_states(self, connection: Connection, tag_ids: Sequence[int]) -> None:
        for key, saved in folding.load_states(connection, tag_ids).items():
            self._states.setdefault(key, _Saved(saved))


@dataclass(frozen=True, slots=True)
class _Saved:
    """A state as it stands in the database; read by the fold that needs it, which may fail."""

    content: Mapping[str, Any]

    def read(self, fold: str) -> Any:
        if fold == "counter":
            return counters.CounterState.from_json(self.content)
        if fold.startswith("rule:"):
            return alarms.RuleState.from_json(self.content)
        if self.content.get("v") != 1:
            raise ValueError(f"order state of version {self.content.get('v')!r}")
        return dict(self.content)


class _RecordFold:
    """All folds of one record: reads `remembered` and `pending`, fills `states` and `rows`."""

    def __init__(
        self,
        record: RecordRows,
        bound: BoundTags,
        remembered: Mapping[StateKey, Any],
        pending: Mapping[StateKey, Any],
        now_us: int,
    ) -> None:
        self.states: dict[StateKey, Any] = {}
        self.rows = FoldRows()
        self._record = record
        self._bound = bound
        self._remembered = remembered
        self._pending = pending
        self._now_us = now_us

    def run(self) -> None:
        if self._record.interrupts:
            self._interrupt()
        read: set[int] = set()
        readings = self._record.readings
        if readings is not None and len(readings):
            for tag_id, part in by_tag(readings, self._bound.mask):
                read.add(tag_id)
                self._tag(tag_id, self._bound.uses[tag_id], part)
        self._end_delays(read)

    def _state(self, key: StateKey) -> Any:
        for known in (self.states, self._pending, self._remembered):
            if key in known:
                state = known[key]
                return state.read(key[1]) if isinstance(state, _Saved) else state
        return None

    def _interrupt(self) -> None:
        """Readings are missing: what comes next is real, when it happened is not known."""
        for tag_id, uses in self._bound.uses.items():
            if self._bound.cls[tag_id] != self._record.cls:
                continue
            state = self._state((tag_id, "counter"))
            if uses.counters and state is not None:
                self.states[tag_id, "counter"] = counters.interrupted(state)
            for binding in uses.rules:
                key = (tag_id, f"rule:{binding.rule.id}")
                state = self._state(key)
                if state is not None:
                    self.states[key] = alarms.interrupted(state)

    def _tag(self, tag_id: int, uses: Uses, part: Readings) -> None:
        value = values(part)
        for binding in uses.counters:
            self._count(tag_id, uses.plant, binding, part, value)
        if uses.orders:
            self._order(tag_id, uses, part)
        for rule in uses.rules:
            self._rule(tag_id, uses.plant, rule, part.ts, value, part.q)

    def _count(
        self,
        tag_id: int,
        plant: str,
        binding: CounterBinding,
        part: Readings,
        value: NDArray[Any],
    ) -> None:
        key = (tag_id, "counter")
        before = self._state(key) or counters.CounterState()
        state, facts = counters.fold(binding.config, before, part.ts, value, part.q)
        self.states[key] = state
        if len(facts):
            self.rows.facts.append((tag_id, self._record.batch, facts))
            made = np.unique(minute_of(facts.ts_us[facts.quantity != 0])).tolist()
            self.rows.minutes.update((plant, binding.equipment, minute) for minute in made)

    def _order(self, tag_id: int, uses: Uses, part: Readings) -> None:
        key = (tag_id, "order")
        saved = self._state(key) or {"v": 1, "known": False, "order": None}
        told = np.flatnonzero(is_good(part.q) & ((part.q & np.uint32(NO_VALUE)) == 0))
        for index, order in zip(told.tolist(), orders(part, told), strict=True):
            if saved["known"] and saved["order"] == order:
                continue
            saved = {"v": 1, "known": True, "order": order}
            for binding in uses.orders:
                self.rows.assignments.append(
                    AssignmentRow(
                        plant=uses.plant,
                        equipment=binding.equipment,
                        at_us=int(part.ts[index]),
                        order=order,
                        author=f"{uses.plant}/{binding.edge}/{uses.path}",
                        tag_id=tag_id,
                        batch=self._record.batch,
                    )
                )
        self.states[key] = saved

    def _rule(
        self,
        tag_id: int,
        plant: str,
        binding: RuleBinding,
        ts: NDArray[np.int64],
        value: NDArray[Any],
        q: NDArray[np.uint32],
    ) -> None:
        key = (tag_id, f"rule:{binding.rule.id}")
        before = self._state(key) or alarms.RuleState()
        state, transitions = alarms.fold(
            binding.rule, before, ts, value, q, self._record.complete_to_us
        )
        if state != before:
            self.states[key] = state
        self.rows.alarms += [
            alarm_row(one, binding, plant=plant, tag_id=tag_id, learned_us=self._now_us)
            for one in transitions
        ]

    def _end_delays(self, read: set[int]) -> None:
        """A delay of a tag that is sent on change ends although no reading comes."""
        if self._record.complete_to_us is None:
            return
        for tag_id, uses in self._bound.uses.items():
            if tag_id in read or self._bound.cls[tag_id] != self._record.cls:
                continue
            for binding in uses.rules:
                state = self._state((tag_id, f"rule:{binding.rule.id}"))
                if state is not None and any(
                    alarm.since_us is not None for alarm in state.alarms.values()
                ):
                    self._rule(tag_id, uses.plant, binding, _NO_TIMES, _NO_VALUES, _NO_QUALITY)


_NO_TIMES: Final = np.empty(0, np.int64)
_NO_VALUES: Final = np.empty(0, np.float64)
_NO_QUALITY: Final = np.empty(0, np.uint32)


def alarm_row(
    transition: alarms.Transition,
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


def _with_states(folded: Folded) -> Folded:
    folded.rows.states = {
        key: state if isinstance(state, dict) else state.to_json()
        for key, state in folded.states.items()
    }
    return folded


def _join(rows: FoldRows, more: FoldRows) -> None:
    rows.facts += more.facts
    rows.minutes |= more.minutes
    rows.assignments += more.assignments
    rows.alarms += more.alarms
