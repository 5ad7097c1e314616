"""What is known of edges: identities, streams, tags. Small reads and writes around a transaction.

Rows of edges and tags are made ahead of the records that need them, each in a transaction of its
own: they say only who exists, so one too many does no harm. Nor do these wait for the disk: what
refers to them is committed later, and a later commit makes all earlier ones durable with it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson
from psycopg.types.json import Jsonb

from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside
from ingest_server.store.rows import EdgeRow, StreamRow, TagMap, shape_of_dtype
from runtime.clock import from_datetime
from wire.control import Status
from wire.dtypes import DType
from wire.frame import StreamClass
from wire.ids import EdgeId

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from ingest_server.store.connection import Connection
    from wire.records import TagDef

_SQL = beside(__file__, "edges.sql")


def known_edges(connection: Connection) -> list[EdgeId]:
    """Every edge that is not retired. Raises StoreError."""
    with wrapped():
        rows = connection.execute(_SQL["edges"]).fetchall()
    return [EdgeId(plant=plant, edge=edge) for plant, edge in rows]


def load_edge(connection: Connection, edge: EdgeId) -> EdgeRow:
    """An edge with its streams; it is made known if it was not. Raises StoreError."""
    name = {"plant": edge.plant, "edge": edge.edge}
    with wrapped(), connection.transaction():
        row = connection.execute(_SQL["edge"], name).fetchone()
        if row is None:
            connection.execute(_SQL["do_not_wait"])
            connection.execute(_SQL["add_edge"], name)
            row = connection.execute(_SQL["edge"], name).fetchone()
        assert row is not None  # noqa: S101 - added above, and edges are never deleted
        edge_id, next_batch = row
        found = connection.execute(_SQL["streams"], {"edge_id": edge_id}).fetchall()
    rows = [_stream_row(columns) for columns in found]
    return EdgeRow(
        edge=edge,
        edge_id=edge_id,
        next_batch=next_batch,
        streams={row.key: row for row in rows},
    )


def load_tags(connection: Connection, edge_id: int, epoch: UUID) -> TagMap:
    """The tag numbers of an epoch. Raises StoreError."""
    with wrapped():
        rows = connection.execute(
            _SQL["tag_numbers"], {"edge_id": edge_id, "epoch": epoch}
        ).fetchall()
    return TagMap().with_tags(
        (number, tag_id, shape_of_dtype(DType(dtype))) for number, tag_id, dtype in rows
    )


def ensure_tags(
    connection: Connection, edge_id: int, cls: StreamClass, tags: Sequence[TagDef]
) -> list[int]:
    """Tag ids of definitions, in their order; new ones are made. Raises StoreError."""
    if not tags:
        return []
    definitions = [definition_hash(tag, cls) for tag in tags]
    once = {(tag.path, definition): tag for tag, definition in zip(tags, definitions, strict=True)}
    columns: dict[str, Any] = {
        "edge_id": edge_id,
        "class": str(cls),
        "path": [path for path, _ in once],
        "definition": [definition for _, definition in once],
        "dtype": [str(tag.dtype) for tag in once.values()],
        "unit": [tag.unit for tag in once.values()],
        "factor": [tag.scale[0] if tag.scale else None for tag in once.values()],
        "shift": [tag.scale[1] if tag.scale else None for tag in once.values()],
        "device": [tag.device for tag in once.values()],
        "address": [tag.address for tag in once.values()],
    }
    with wrapped(), connection.transaction():
        connection.execute(_SQL["do_not_wait"])
        connection.execute(_SQL["add_tags"], columns)
        rows = connection.execute(
            _SQL["tags_of"],
            {name: columns[name] for name in ("edge_id", "path", "definition")},
        ).fetchall()
    ids = {(path, definition): tag_id for path, definition, tag_id in rows}
    return [ids[tag.path, definition] for tag, definition in zip(tags, definitions, strict=True)]


def definition_hash(tag: TagDef, cls: StreamClass) -> str:
    """What makes two definitions of a path the same: all but the number."""
    content = [tag.dtype, tag.unit, tag.scale, tag.device, tag.address, cls]
    return hashlib.sha256(orjson.dumps(content)).hexdigest()


def load_status(connection: Connection, edge: EdgeId) -> Status | None:
    """The status an edge told last, None where there is none. Raises StoreError."""
    with wrapped():
        row = connection.execute(
            _SQL["status"], {"plant": edge.plant, "edge": edge.edge}
        ).fetchone()
    return Status.model_validate(row[0]) if row and row[0] is not None else None


def save_status(connection: Connection, edge_id: int, status: Status) -> None:
    """Keep the status an edge told. Raises StoreError."""
    with wrapped():
        connection.execute(
            _SQL["save_status"],
            {
                "edge_id": edge_id,
                "status": Jsonb(status.model_dump(mode="json")),
                "online": status.state == "online",
            },
        )


def was_set_aside(connection: Connection, sha256: bytes, topic: str) -> bool:
    """Whether these bytes of that topic are a dead letter already. Raises StoreError."""
    with wrapped():
        return (
            connection.execute(
                _SQL["seen_dead_letter"], {"sha256": sha256, "topic": topic}
            ).fetchone()
            is not None
        )


def _stream_row(columns: Sequence[Any]) -> StreamRow:
    (epoch, cls, cursor, applied, order, predecessor, predecessor_seq, clean, forked, opened_at,
     last_to, rows, version) = columns  # fmt: skip
    return StreamRow(
        epoch=epoch,
        cls=StreamClass(cls),
        cursor=cursor,
        applied=applied,
        ord=order,
        predecessor=predecessor,
        predecessor_seq=predecessor_seq,
        clean=clean,
        forked=forked,
        opened_us=_us(opened_at),
        last_to_us=_us(last_to),
        rows=rows,
        version=version,
    )


def _us(at: datetime | None) -> int | None:
    return None if at is None else from_datetime(at)
