"""Records of parked streams, kept until they are folded: the table `unfolded`.

They are kept apart from `reading` because that does not keep the order in which readings were
taken, and folds go by that order, never by time stamps.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from ingest_server.store.changes import RecordRows
from ingest_server.store.copyrows import Readings
from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside
from runtime.clock import from_datetime, to_datetime
from wire.frame import StreamClass
from wire.ids import EdgeId

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.store.connection import Connection

_SQL = beside(__file__, "unfolded.sql")
_COLUMNS = ("tag_id", "ts", "q", "f", "i", "shape")


def keep(connection: Connection, records: Sequence[RecordRows]) -> None:
    """Keep records within the caller's transaction. Raises psycopg's own errors."""
    for record in records:
        at_us = record.complete_to_us
        connection.execute(
            _SQL["keep"],
            {
                "edge_id": record.edge_id,
                "batch": record.batch,
                "epoch": record.epoch,
                "class": str(record.cls),
                "seq": record.seq,
                "interrupts": record.interrupts,
                "beside": record.beside,
                "complete_to": None if at_us is None else to_datetime(at_us),
                "readings": None if record.readings is None else packed(record.readings),
            },
        )


def parked(connection: Connection, edge: EdgeId | None) -> list[tuple[int, EdgeId, StreamClass]]:
    """Edges (this one only, or all) and classes whose folds stand still. Raises StoreError."""
    names = {"plant": edge and edge.plant, "edge": edge and edge.edge}
    with wrapped():
        rows = connection.execute(_SQL["parked"], names).fetchall()
    return [
        (edge_id, EdgeId(plant=plant, edge=name), StreamClass(cls))
        for edge_id, plant, name, cls in rows
    ]


def hold_edge(connection: Connection, edge_id: int) -> None:
    """Within a transaction: its writer waits, then reads everything afresh."""
    connection.execute(_SQL["hold_edge"], {"edge_id": edge_id})


def oldest(
    connection: Connection, edge_id: int, cls: StreamClass, *, limit: int
) -> list[RecordRows]:
    """The next records to fold, in order."""
    rows = connection.execute(
        _SQL["next"], {"edge_id": edge_id, "class": str(cls), "limit": limit}
    ).fetchall()
    return [
        RecordRows(
            edge_id=edge_id,
            batch=batch,
            epoch=epoch,
            cls=cls,
            seq=seq,
            interrupts=interrupts,
            beside=beside,
            complete_to_us=None if complete_to is None else from_datetime(complete_to),
            readings=None if readings is None else unpacked(bytes(readings)),
        )
        for batch, epoch, seq, interrupts, beside, complete_to, readings in rows
    ]


def done(
    connection: Connection, edge_id: int, cls: StreamClass, records: Sequence[RecordRows]
) -> int:
    """These are folded: forget them, move `applied`; how many are left."""
    place: dict[str, Any] = {"edge_id": edge_id, "class": str(cls)}
    connection.execute(_SQL["drop"], {**place, "batch": [record.batch for record in records]})
    connection.execute(_SQL["advance"], place)
    row = connection.execute(_SQL["left"], place).fetchone()
    return int(row[0]) if row else 0


def packed(readings: Readings) -> bytes:
    """Columns as bytes, to the bit; device times set aside are left out."""
    content = io.BytesIO()
    texts = b"null" if readings.s is None else orjson.dumps(readings.s.tolist())
    columns = {name: getattr(readings, name) for name in _COLUMNS}
    np.savez_compressed(content, s=np.frombuffer(texts, np.uint8), **columns)
    return content.getvalue()


def unpacked(content: bytes) -> Readings:
    """The reverse of `packed`."""
    with np.load(io.BytesIO(content), allow_pickle=False) as columns:
        texts = orjson.loads(columns["s"].tobytes())
        s = None if texts is None else np.empty(len(texts), np.object_)
        if s is not None:
            s[:] = texts
        return Readings(s=s, orig=None, **{name: columns[name] for name in _COLUMNS})
