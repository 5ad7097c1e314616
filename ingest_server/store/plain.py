"""Tags and batch numbers of plain publishers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside

if TYPE_CHECKING:
    from ingest_server.store.connection import Connection

_SQL = beside(__file__, "plain.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tags:
    """Tag ids by path and data type, and by path of the type defined last."""

    ids: dict[tuple[str, str], int]
    last: dict[str, int]


def tags(connection: Connection, edge_id: int, device: str) -> Tags:
    """The tags an edge has of a device. Raises StoreError."""
    values = {"edge_id": edge_id, "device": device}
    with wrapped():
        rows = connection.execute(_SQL["tags"], values).fetchall()
    return Tags(
        ids={(path, dtype): tag_id for path, dtype, tag_id in rows},
        last={path: tag_id for path, _, tag_id in rows},
    )


def next_batch(connection: Connection, edge_id: int) -> int:
    """A batch number of the edge that nobody else has. Raises StoreError."""
    with wrapped():
        row = connection.execute(_SQL["next_batch"], {"edge_id": edge_id}).fetchone()
    assert row is not None  # noqa: S101 - edges are never deleted
    return int(row[0])
