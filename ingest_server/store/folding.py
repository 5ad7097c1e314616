"""What folds read and write: plans in force, fold states, quantities, assignments, alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from psycopg.types.json import Jsonb

from ingest_server.store import fold_blocks
from ingest_server.store.copyrows import TagIds, copy_facts, copy_marks
from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside
from runtime.clock import to_datetime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ingest_server.domain.facts import Facts
    from ingest_server.store.connection import Connection
    from ingest_server.store.fold_blocks import Block, Kind

PLAN_LOCK: Final = 0x4C53_4445_0003
_ATTRIBUTION_LOCK: Final = 0x4C53_4446
_SQL = beside(__file__, "folding.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class AssignmentRow:
    """An order tag said something: `order` None, that nothing is assigned.

    `stepped`: of a time that it had spoken of before; holds for what is told from this batch on.
    """

    plant: str
    equipment: str
    at_us: int
    order: str | None
    author: str
    tag_id: int
    batch: int
    stepped: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmRow:
    """A transition of an alarm, in the words of the tables `alarm` and `alarm_event`."""

    occurrence: str
    rule: str
    bit: int | None
    equipment: str
    plant: str
    tag_id: int
    event: str
    at_us: int
    value: float | None
    state: str
    priority: str
    latching: bool
    late: bool
    learned_us: int
    actor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MinuteMarks:
    """Equipment of one plant whose production of one minute has to be computed again.

    `equipment`: the fields of the equipments' ids as `copyrows.mark_fields` makes them.
    """

    plant: str
    minute_us: int
    equipment: NDArray[np.object_]


@dataclass(kw_only=True, slots=True)
class FoldRows:
    """What the folds of one transaction write."""

    states: dict[tuple[int, str], Mapping[str, Any]] = field(default_factory=dict)
    """JSON by (tag id, fold)."""
    blocks: dict[tuple[int, Kind, int], Block] = field(default_factory=dict)
    absorbed: list[int] = field(default_factory=list)
    """Tags whose counter states move from `fold_state` into these blocks."""
    facts: list[tuple[TagIds, int, Facts]] = field(default_factory=list)
    """Tag id (one, or one a row), batch and quantities."""
    marks: list[MinuteMarks] = field(default_factory=list)
    assignments: list[AssignmentRow] = field(default_factory=list)
    alarms: list[AlarmRow] = field(default_factory=list)


def plan_version(connection: Connection, *, hold: bool = False) -> int:
    """The version of all plans; `hold`: until the end of this transaction it stays so."""
    with wrapped(), connection.pipeline():  # sent together, done one after the other
        if hold:
            connection.execute(_SQL["share_plan"], {"key": PLAN_LOCK})
        row = connection.execute(_SQL["plan_version"]).fetchone()
    return int(row[0]) if row else 0


def take_plan(connection: Connection) -> None:
    """Within a transaction: no fold runs beside it. Raises StoreError."""
    with wrapped():
        connection.execute(_SQL["take_plan"], {"key": PLAN_LOCK})


def load_plans(connection: Connection) -> list[Mapping[str, Any]]:
    """The plan in force of every plant, as JSON. Raises StoreError."""
    with wrapped():
        return [plan for (plan,) in connection.execute(_SQL["plans"]).fetchall()]


def load_tags_of(
    connection: Connection, edge_id: int, paths: Sequence[str]
) -> list[tuple[int, str, str]]:
    """Tag id, path and class of the tags of an edge with these paths. Raises StoreError."""
    with wrapped():
        rows = connection.execute(
            _SQL["tags_of_edge"], {"edge_id": edge_id, "paths": list(paths)}
        ).fetchall()
    return [(tag_id, path, cls) for tag_id, path, cls in rows]


def load_states(
    connection: Connection, tag_ids: Sequence[int]
) -> dict[tuple[int, str], Mapping[str, Any]]:
    """What the folds of these tags remember, as JSON. Raises StoreError."""
    with wrapped():
        rows = connection.execute(_SQL["fold_states"], {"tag_ids": list(tag_ids)}).fetchall()
    return {(tag_id, fold): state for tag_id, fold, state in rows}


def write(connection: Connection, rows: FoldRows) -> None:
    """Write within the caller's transaction. Raises psycopg's own errors."""
    _keep_apart(connection, rows)
    if rows.states:
        connection.execute(
            _SQL["save_fold_states"],
            {
                "tag_id": [tag_id for tag_id, _ in rows.states],
                "fold": [fold for _, fold in rows.states],
                "state": [Jsonb(dict(state)) for state in rows.states.values()],
            },
        )
    fold_blocks.save(connection, list(rows.blocks.values()))
    if rows.absorbed:
        connection.execute(_SQL["drop_absorbed"], {"tag_ids": rows.absorbed})
    _copy(connection, "copy_count_facts", copy_facts(rows.facts))
    if rows.assignments:
        _assignments(connection, rows.assignments)
    _copy(
        connection,
        "copy_marks",
        copy_marks([(one.equipment, one.minute_us) for one in rows.marks]),
    )
    for alarm in rows.alarms:
        _alarm(connection, alarm)


def _keep_apart(connection: Connection, rows: FoldRows) -> None:
    """Of two transactions, one with facts and one with an assignment, the later sees the earlier.

    Two workers may write them at once. If neither saw the other, a drain between their commits
    would compute the minute without the assignment, and no mark would be left to mend it.
    """
    assigned = {row.plant for row in rows.assignments}
    # One order for all writers: they wait, they do not deadlock.
    for plant in sorted(assigned | {marks.plant for marks in rows.marks}):
        name = "take_attribution" if plant in assigned else "share_attribution"
        connection.execute(_SQL[name], {"key": _ATTRIBUTION_LOCK, "plant": plant})


def _copy(connection: Connection, name: str, pieces: Sequence[bytes]) -> None:
    if pieces:
        with connection.cursor() as cursor, cursor.copy(_SQL[name]) as copy:
            copy.write(b"".join(pieces))


def _assignments(connection: Connection, rows: Sequence[AssignmentRow]) -> None:
    columns: dict[str, Any] = {
        "plant": [row.plant for row in rows],
        "equipment": [row.equipment for row in rows],
        "at": [to_datetime(row.at_us) for row in rows],
        "order_no": [row.order for row in rows],
        "author": [row.author for row in rows],
        "tag_id": [row.tag_id for row in rows],
        "batch": [row.batch for row in rows],
        "stepped": [row.stepped for row in rows],
    }
    connection.execute(_SQL["add_assignments"], columns)
    connection.execute(
        _SQL["mark_assigned"],
        {**{name: columns[name] for name in ("plant", "equipment", "at")}, "source": "plc"},
    )


def _alarm(connection: Connection, row: AlarmRow) -> None:
    values = {
        "occurrence": row.occurrence,
        "rule": row.rule,
        "bit": row.bit,
        "equipment": row.equipment,
        "plant": row.plant,
        "tag_id": row.tag_id,
        "event": row.event,
        "at": to_datetime(row.at_us),
        "value": row.value,
        "state": row.state,
        "priority": row.priority,
        "latching": row.latching,
        "late": row.late,
        "learned_at": to_datetime(row.learned_us),
        "actor": row.actor,
    }
    if row.event == "raised":
        connection.execute(_SQL["raise_alarm"], values)
    elif row.event == "cleared":
        connection.execute(_SQL["clear_alarm"], values)
    connection.execute(_SQL["add_alarm_event"], values)
