"""What is done every few seconds beside the figures (role `work`): orders to lines, old commands.

Invariant: each errand is a transaction of its own that may be done at any time, by several
processes at once and as often as wanted; what it finds done already it leaves alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ingest_server.store import commands
from ingest_server.store import connection as connections
from ingest_server.store.errors import StoreError, wrapped
from ingest_server.usecases import dispatch

if TYPE_CHECKING:
    from ingest_server.store.connection import Connection
    from runtime.clock import Clock

_AUTHOR: Final = "lineside"


class Errands:
    """`run` now and then. Blocking; one thread at a time."""

    def __init__(self, dsn: str, *, clock: Clock) -> None:
        self._dsn = dsn
        self._clock = clock
        self._connection: Connection | None = None

    def run(self) -> None:
        """All of them once. Raises StoreError."""
        try:
            connection = self._open()
            with wrapped(), connection.transaction():
                dispatch.bring_up(connection, author=_AUTHOR, now_us=self._clock())
            commands.tidy(connection)
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = connections.connect(self._dsn, name="errands")
        return self._connection
