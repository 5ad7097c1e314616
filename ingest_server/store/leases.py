"""The tables `ingest_worker` and `lease`: who lives, and who serves which shards.

Invariants:
- every statement is a transaction of its own, so a process that is stopped holds no lock here;
- what was seen is compared when something is taken: of two workers that want a shard one gets it;
- a worker whose row is gone stays dead: its identity is never used again, its writing connections
  are ended before its shards are free, and `connect` refuses it new ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from ingest_server.store import connection as connections
from ingest_server.store.errors import LeaseLost, StoreError, wrapped
from ingest_server.store.queries import beside
from runtime.clock import from_datetime, to_datetime

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest_server.store.connection import Connection

_SQL = beside(__file__, "leases.sql")


def connect(dsn: str, *, name: str, worker: UUID | None) -> Connection:
    """A connection that writes on behalf of a worker; None: of nobody who shares.

    Raises StoreError; LeaseLost where the worker is not alive any more.
    """
    if worker is None:
        return connections.connect(dsn, name=name)
    connection = connections.connect(dsn, name=f"{name} {worker}")
    try:
        # Looked at once it is open: who evicts this worker later on sees the connection.
        with wrapped():
            holds = connection.execute(_SQL["holds"], {"worker": worker}).fetchone()
        if holds is None:
            raise LeaseLost("LS-5425")
    except BaseException:
        connection.close()
        raise
    return connection


class Leases:
    """One worker's view of the leases. Blocking; one thread at a time."""

    def __init__(self, dsn: str, worker: UUID, *, name: str, lease_s: float) -> None:
        self._dsn = dsn
        self._me: dict[str, Any] = {"worker": worker, "name": name, "lease_s": lease_s}
        self._connection: Connection | None = None
        self._known = False
        self._since_us = 0

    @property
    def since_us(self) -> int:
        """When the database was last away from this worker, 0: never."""
        return self._since_us

    def join(self) -> None:
        """Be one of those who share. Raises StoreError."""
        self._execute("join")

    def renew(self) -> bool:
        """Live on for another lease; False where this worker is not alive any more."""
        return self._execute("renew") == 1

    def connected(self) -> list[tuple[str, UUID]]:
        """Open connections of workers: what for ("lease" or what writes), and whose."""
        return self._rows("connections")

    def workers(self) -> tuple[int, list[tuple[UUID, str, int, int]]]:
        """Now, and the workers with name, time of renewal and end, microseconds."""
        rows = self._rows("workers")
        now_us = max((from_datetime(row[4]) for row in rows), default=0)
        return now_us, [
            (worker, name, from_datetime(renewed), from_datetime(until))
            for worker, name, renewed, until, _ in rows
        ]

    def owners(self) -> dict[int, UUID | None]:
        """Who holds each shard."""
        return dict(self._rows("owners"))

    def evict(self, seen: Mapping[UUID, int]) -> int:
        """Declare dead who was not renewed since it was seen so (microseconds); how many."""
        return self._execute(
            "evict",
            worker=list(seen),
            renewed_at=[to_datetime(renewed_us) for renewed_us in seen.values()],
        )

    def cut(self, workers: Sequence[UUID]) -> None:
        """End the writing connections of dead workers. Raises StoreError."""
        self._execute("cut", worker=[str(worker) for worker in workers])

    def claim(self, seen: Mapping[int, UUID | None]) -> list[int]:
        """Take shards held by these (None: by nobody); those that were got."""
        values = {"shard": list(seen), "owner": list(seen.values())}
        return sorted(shard for (shard,) in self._rows("claim", **values))

    def release(self, shards: Sequence[int]) -> None:
        """Give shards back. Raises StoreError."""
        self._execute("release", shard=list(shards))

    def leave(self) -> None:
        """Give everything back; this worker is no more. Raises StoreError."""
        self._execute("release_all")
        self._execute("leave")

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            worker = self._me["worker"]
            self._connection = connections.connect(self._dsn, name=f"lease {worker}")
            if self._known:
                with wrapped():
                    row = self._connection.execute(_SQL["now"]).fetchone()
                self._since_us = from_datetime(row[0]) if row else 0
            self._known = True
        return self._connection

    def _execute(self, query: str, **values: Any) -> int:
        return self._done(query, values)[0]

    def _rows(self, query: str, **values: Any) -> list[Any]:
        return self._done(query, values)[1]

    def _done(self, query: str, values: Mapping[str, Any]) -> tuple[int, list[Any]]:
        try:
            connection = self._open()
            with wrapped():
                cursor = connection.execute(_SQL[query], {**self._me, **values})
                rows = cursor.fetchall() if cursor.description else []
        except StoreError:
            self.close()
            raise
        return cursor.rowcount, rows
