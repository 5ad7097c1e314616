"""The table `tag_latest`: the newest reading of each tag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside

if TYPE_CHECKING:
    from ingest_server.store.arrays import Array
    from ingest_server.store.connection import Connection

_SQL = beside(__file__, "latest.sql")


def save(connection: Connection, columns: Mapping[str, Array]) -> None:
    """Write one row a tag unless a newer one is there. Raises StoreError."""
    with wrapped():
        connection.execute(_SQL["save"], columns)


def edges(connection: Connection) -> list[int]:
    """All edges, those that were heard last first. Raises StoreError."""
    with wrapped():
        return [edge_id for (edge_id,) in connection.execute(_SQL["edges"]).fetchall()]


def rebuild(connection: Connection, edge_id: int) -> None:
    """Catch up with readings of an edge that were not noted here. Raises StoreError."""
    with wrapped(), connection.transaction():
        connection.execute(_SQL["take_time"])
        connection.execute(_SQL["rebuild"], {"edge_id": edge_id})
