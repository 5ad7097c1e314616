"""How far back readings are taken: what retention froze, and the lock between it and writers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside
from runtime.clock import from_datetime, to_datetime

if TYPE_CHECKING:
    from ingest_server.store.connection import Connection

_LOCK: Final = 0x4C53_4445_0006
_SQL = beside(__file__, "horizon.sql")


def frozen(connection: Connection) -> dict[str, int]:
    """By class: readings before this time (microseconds) are no longer taken. Raises StoreError."""
    with wrapped():
        found = connection.execute(_SQL["frozen"]).fetchall()
    return {cls: from_datetime(before) for cls, before, _ in found if before is not None}


def dropped(connection: Connection) -> dict[str, int]:
    """By class: readings before this time are gone from `reading`. Raises StoreError."""
    with wrapped():
        found = connection.execute(_SQL["frozen"]).fetchall()
    return {cls: from_datetime(before) for cls, _, before in found if before is not None}


def share(connection: Connection) -> None:
    """Until the end of this transaction nothing more is frozen. Raises StoreError."""
    with wrapped():
        connection.execute(_SQL["share"], {"key": _LOCK})


def freeze(connection: Connection, cls: str, before_us: int) -> bool:
    """Take no more readings of a class before a time; False while some are still to be summed up.

    Waits for writers of old readings under way. Raises StoreError.
    """
    before = {"class": cls, "before": to_datetime(before_us)}
    with wrapped(), connection.transaction():
        connection.execute(_SQL["take"], {"key": _LOCK})
        if connection.execute(_SQL["marked_before"], before).fetchone():
            return False
        connection.execute(_SQL["freeze"], before)
        return True


def set_dropped(connection: Connection, cls: str, before_us: int) -> None:
    """Remember that the readings of a class before a time are gone. Raises StoreError."""
    with wrapped():
        connection.execute(_SQL["set_dropped"], {"class": cls, "before": to_datetime(before_us)})
