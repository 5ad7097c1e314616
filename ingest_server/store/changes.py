"""The exactly-once transaction: cursors, readings and all that follows from them, or nothing.

Invariants:
- the versions of the edges and the cursors of the streams are compared before anything else is
  written; where one is not as expected, CursorMoved is raised and everything is undone;
- readings are copied, never inserted one by one;
- nothing here decides: what is written was decided before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from psycopg.types.json import Jsonb

from ingest_server.store import arrays
from ingest_server.store.copyrows import Readings, copy_origins, copy_readings
from ingest_server.store.errors import CursorMoved, wrapped
from ingest_server.store.queries import beside
from runtime.clock import to_datetime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from numpy.typing import NDArray
    from psycopg import Cursor

    from ingest_server.store.connection import Connection
    from ingest_server.store.rows import DeadLetterRow, EdgeRow, GapRow, NoticeRow, Outage
    from wire.frame import StreamClass
    from wire.records import Event

_Move = tuple["Cursor[Any]", int, str]
_MINUTE_US: Final = 60_000_000
_FIRST_US: Final = -62_135_596_800_000_000
_LAST_US: Final = 253_402_300_799_000_000
"""The years 1 to 9999, which everything can show."""
_SQL = beside(__file__, "changes.sql")
_DEAD_LETTERS: Final = {"most": 10_000, "most_bytes": 256 * 1024 * 1024, "code": "LS-5661"}
"""How many dead letters are kept, with how many bytes; the notice of those dropped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordRows:
    """What one applied record writes, apart from its stream's cursor and the folds."""

    edge_id: int
    batch: int
    epoch: UUID
    cls: StreamClass
    seq: int
    readings: Readings | None = None
    complete_to_us: int | None = None
    """Everything taken up to then, of this class, is stored or stands in a gap."""
    interrupts: bool = False
    """Readings are missing before this record."""
    beside: bool = False
    """Another stream of the class tells of the same time: one buffer runs on two machines."""
    tag_numbers: Mapping[int, int] = field(default_factory=dict)
    """Tag ids by number."""
    gaps: Sequence[GapRow] = ()
    outages: Sequence[Outage] = ()
    notices: Sequence[NoticeRow] = ()
    events: Sequence[Event] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """All that one transaction writes, but for the folds.

    `edges`: each edge as it was found and as it is afterwards.
    """

    edges: Sequence[tuple[EdgeRow, EdgeRow]] = ()
    records: Sequence[RecordRows] = ()
    dead_letters: Sequence[DeadLetterRow] = ()
    edge_notices: Sequence[tuple[int, NoticeRow]] = ()
    """Notices that no record caused, by edge id."""


def write(connection: Connection, changes: Changes) -> None:
    """Write within the caller's transaction. Raises CursorMoved, or psycopg's own errors.

    What needs no answer of the statement before it is sent together with it.
    """
    parts = [(each.readings, each.batch) for each in changes.records if each.readings is not None]
    with connection.pipeline():
        moves = _move(connection, [pair for pair in changes.edges if pair[0] is not pair[1]])
        # Made while the database compares.
        readings, origins = (copy_readings(parts), copy_origins(parts)) if parts else ([], [])
    for cursor, wanted, names in moves:
        if cursor.rowcount != wanted:
            raise CursorMoved("LS-5504", edges=names)
    # Only now: on stale knowledge these would be errors of another kind.
    with connection.pipeline():
        _batches(connection, changes.records)
        if parts:
            _mark(connection, changes.records)
    _copy(connection, "copy_readings", readings)
    _copy(connection, "copy_origins", origins)
    for record in changes.records:
        _small_rows(connection, record)
    for letter in changes.dead_letters:
        _dead_letter(connection, letter)
    if changes.dead_letters:
        connection.execute(_SQL["bound_dead_letters"], _DEAD_LETTERS)
    for edge_id, notice in changes.edge_notices:
        _notice(connection, edge_id, notice)


def commit(connection: Connection, changes: Changes) -> None:
    """`write` in a transaction of its own. Raises StoreError."""
    with wrapped(), connection.transaction():
        write(connection, changes)


def _move(connection: Connection, pairs: Sequence[tuple[EdgeRow, EdgeRow]]) -> list[_Move]:
    """Each statement, how many rows it has to change, and whose they are."""
    if not pairs:
        return []
    # One order for all writers: two that move the same edges wait, they do not deadlock.
    pairs = sorted(pairs, key=lambda pair: pair[0].edge_id)
    names = ", ".join(str(before.edge) for before, _ in pairs)
    asked = connection.execute(
        _SQL["move_edges"],
        {
            "edge_id": arrays.ints([before.edge_id for before, _ in pairs]),
            "before": arrays.bigints([before.next_batch for before, _ in pairs]),
            "after": arrays.bigints([after.next_batch for _, after in pairs]),
        },
    )
    asked_of: list[_Move] = [(asked, len(pairs), names)]
    moves: list[tuple[int, int, Any]] = []
    for before, after in pairs:
        for key, row in after.streams.items():
            known = before.streams.get(key)
            if known is row:
                continue
            if known is not None:
                moves.append((before.edge_id, known.cursor, row))
            else:
                added = _add_stream(connection, before.edge_id, row)
                asked_of.append((added, 1, str(before.edge)))
    if moves:
        asked_of.append((_move_streams(connection, moves), len(moves), names))
    return asked_of


def _add_stream(connection: Connection, edge_id: int, row: Any) -> Cursor[Any]:
    return connection.execute(
        _SQL["add_stream"],
        {
            "edge_id": edge_id,
            "epoch": row.epoch,
            "class": str(row.cls),
            "cursor": row.cursor,
            "applied": row.applied,
            "ord": row.ord,
            "predecessor": row.predecessor,
            "predecessor_seq": row.predecessor_seq,
            "clean": row.clean,
            "forked": row.forked,
            "opened_at": _at(row.opened_us),
            "last_to": _at(row.last_to_us),
            "rows": row.rows,
            "version": row.version,
        },
    )


def _move_streams(connection: Connection, moves: Sequence[tuple[int, int, Any]]) -> Cursor[Any]:
    return connection.execute(
        _SQL["move_streams"],
        {
            "edge_id": arrays.ints([edge_id for edge_id, _, _ in moves]),
            "epoch": arrays.uuids([row.epoch for _, _, row in moves]),
            "class": arrays.texts([str(row.cls) for _, _, row in moves]),
            "before": arrays.bigints([cursor for _, cursor, _ in moves]),
            "cursor": arrays.bigints([row.cursor for _, _, row in moves]),
            "applied": arrays.bigints([row.applied for _, _, row in moves]),
            "opened_at": arrays.times_or_null([row.opened_us for _, _, row in moves]),
            "last_to": arrays.times_or_null([row.last_to_us for _, _, row in moves]),
            "rows": arrays.bigints([row.rows for _, _, row in moves]),
        },
    )


def _batches(connection: Connection, records: Sequence[RecordRows]) -> None:
    if not records:
        return
    counts = np.array([0 if each.readings is None else len(each.readings) for each in records])
    first, last = _spans([each.readings for each in records if each.readings is not None])
    from_us, to_us = np.zeros((2, len(records)), np.int64)
    from_us[counts > 0], to_us[counts > 0] = first, last
    connection.execute(
        _SQL["add_batches"],
        {
            "edge_id": arrays.ints([each.edge_id for each in records]),
            "batch": arrays.bigints([each.batch for each in records]),
            "epoch": arrays.uuids([each.epoch for each in records]),
            "class": arrays.texts([str(each.cls) for each in records]),
            "seq": arrays.bigints([each.seq for each in records]),
            "rows": arrays.ints(counts),
            "from_ts": arrays.times(from_us, nulls=counts == 0),
            "to_ts": arrays.times(to_us, nulls=counts == 0),
        },
    )


def _spans(parts: Sequence[Readings]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The earliest and the latest time of each part that has readings."""
    times = [part.ts for part in parts if len(part)]
    if not times:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.cumsum([0, *[len(ts) for ts in times[:-1]]])
    ts = np.concatenate(times)
    return np.minimum.reduceat(ts, starts), np.maximum.reduceat(ts, starts)


def _mark(connection: Connection, records: Sequence[RecordRows]) -> None:
    """Marks for the minutes whose rollups these readings change."""
    parts = [(each.edge_id, each.readings.ts) for each in records if each.readings is not None]
    edge_id = np.repeat([edge_id for edge_id, _ in parts], [len(ts) for _, ts in parts])
    minute = np.concatenate([ts for _, ts in parts]) // _MINUTE_US
    if not len(minute):
        return
    for _ in range(2):  # as they come, most readings are of their predecessor's minute
        first = np.flatnonzero(np.diff(edge_id, prepend=-1) | np.diff(minute, prepend=minute[0]))
        edge_id, minute = edge_id[first], minute[first]
        order = np.lexsort((minute, edge_id))
        edge_id, minute = edge_id[order], minute[order]
    connection.execute(
        _SQL["mark_minutes"],
        {
            "edge_id": arrays.ints(edge_id),
            "minute": arrays.times(minute * _MINUTE_US),
        },
    )


def _copy(connection: Connection, name: str, pieces: Sequence[bytes]) -> None:
    if pieces:
        with connection.cursor() as cursor, cursor.copy(_SQL[name]) as copy:
            copy.write(b"".join(pieces))


def _small_rows(connection: Connection, record: RecordRows) -> None:
    edge_id = record.edge_id
    if record.tag_numbers:
        connection.execute(
            _SQL["add_tag_numbers"],
            {
                "edge_id": edge_id,
                "epoch": record.epoch,
                "number": list(record.tag_numbers),
                "tag_id": list(record.tag_numbers.values()),
            },
        )
    for outage in record.outages:
        connection.execute(
            _SQL["close_outages" if outage.up else "open_outage"],
            {
                "edge_id": edge_id,
                "epoch": outage.epoch,
                "device": outage.device,
                "at": to_datetime(outage.at_us),
            },
        )
    for gap in record.gaps:
        _gap(connection, edge_id, gap)
    for notice in record.notices:
        _notice(connection, edge_id, notice)
    for event in record.events:
        connection.execute(
            _SQL["add_agent_event"],
            {
                "edge_id": edge_id,
                "batch": record.batch,
                "at": to_datetime(event.at_us),
                "kind": event.kind,
                "device": event.device,
                "from_ts": _at(event.from_us),
                "to_ts": _at(event.to_us),
                "cause": event.cause,
                "detail": Jsonb(dict(event.detail)),
            },
        )


def _notice(connection: Connection, edge_id: int, notice: NoticeRow) -> None:
    connection.execute(
        _SQL["add_notice"],
        {"edge_id": edge_id, "code": notice.code, "params": Jsonb(dict(notice.params))},
    )


def _gap(connection: Connection, edge_id: int, gap: GapRow) -> None:
    row = _gap_row(edge_id, gap)
    if gap.merge_within_us is not None and gap.to_us is not None:
        near = {
            "near_from": to_datetime(max(_FIRST_US, gap.from_us - gap.merge_within_us)),
            "near_to": to_datetime(min(_LAST_US, gap.to_us + gap.merge_within_us)),
        }
        if connection.execute(_SQL["widen_gap"], {**row, **near}).rowcount:
            return
    connection.execute(_SQL["add_gap"], row)
    if gap.cause == "not_collected":
        # The reading that ended it is stored already, or comes and leaves a mark of its own.
        connection.execute(_SQL["mark_missed"], row)


def _gap_row(edge_id: int, gap: GapRow) -> dict[str, object]:
    return {
        "edge_id": edge_id,
        "epoch": gap.epoch,
        "class": None if gap.cls is None else str(gap.cls),
        "device": gap.device,
        "from_ts": to_datetime(gap.from_us),
        "to_ts": _at(gap.to_us),
        "samples": gap.samples,
        "exact": gap.exact,
        "cause": gap.cause,
        "detail": Jsonb(dict(gap.detail)),
    }


def _dead_letter(connection: Connection, letter: DeadLetterRow) -> None:
    connection.execute(
        _SQL["add_dead_letter"],
        {
            "sha256": letter.sha256,
            "edge_id": letter.edge_id,
            "topic": letter.topic,
            "epoch": letter.epoch,
            "class": None if letter.cls is None else str(letter.cls),
            "seq": letter.seq,
            "code": letter.code,
            "reason": letter.reason,
            "params": Jsonb(dict(letter.params)),
            "size": letter.size,
            "bytes": letter.kept,
        },
    )


def _at(at_us: int | None) -> datetime | None:
    return None if at_us is None else to_datetime(at_us)
