"""What only says more about readings, and goes with them: device times set aside, batch rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside
from runtime.clock import to_datetime

if TYPE_CHECKING:
    from ingest_server.store.connection import Connection

_AT_ONCE: Final = 20_000
_SQL = beside(__file__, "leftovers.sql")


def tags_of(connection: Connection, cls: str) -> list[int]:
    """The tags of a class. Raises StoreError."""
    with wrapped():
        return [tag for (tag,) in connection.execute(_SQL["tags_of"], {"class": cls}).fetchall()]


def drop_origins(connection: Connection, cls: str, before_us: int) -> int:
    """Device times set aside for readings that are gone; how many. Raises StoreError."""
    return _in_parts(connection, "drop_origins", {"class": cls, "before": to_datetime(before_us)})


def drop_batches(connection: Connection, before_us: int) -> int:
    """Batches all of whose readings are gone; how many. Raises StoreError."""
    with wrapped():
        edges = connection.execute(_SQL["edges"]).fetchall()
    before = to_datetime(before_us)
    return sum(
        _in_parts(connection, "drop_batches", {"edge_id": edge_id, "before": before})
        for (edge_id,) in edges
    )


def _in_parts(connection: Connection, query: str, parameters: dict[str, object]) -> int:
    total = 0
    while True:
        with wrapped():
            count = connection.execute(_SQL[query], {**parameters, "limit": _AT_ONCE}).rowcount
        total += count
        if count < _AT_ONCE:
            return total
