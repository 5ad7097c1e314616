"""Range partitions of readings and rollups in plain PostgreSQL: ahead, and on demand for late data.

Invariants:
- partitions are made on a connection of their own, before the COPY that needs them, so that the
  writer's transaction never waits for, nor holds, a lock of this DDL;
- a table is made aside (LIKE, CHECK) and attached: `PARTITION OF` would block behind every open
  transaction on the table, ATTACH does not;
- every DDL has a lock time-out and is tried again;
- where the table is a hypertable there is nothing to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from ingest_server.store import leases
from ingest_server.store.errors import StoreAway, translate, wrapped
from ingest_server.store.queries import beside

if TYPE_CHECKING:
    from uuid import UUID

    from ingest_server.store.connection import Connection

DAY_US: Final = 86_400_000_000
AHEAD_DAYS: Final = (-1, 0, 1, 2, 3)
_TRIES: Final = 10
_DAY_S: Final = 86_400
_LOCK: Final = 0x4C53_4445_0002
_SQL = beside(__file__, "partitions.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class Partitioned:
    """A table and the days one partition of it spans; the first began at the Unix epoch."""

    table: str
    days: int

    def start(self, day: int) -> int:
        """The first day of the partition that has this day."""
        return day - day % self.days

    def name_of(self, day: int) -> str:
        """The partition of a day since the Unix epoch: `reading_p20260131`."""
        return f"{self.table}_p{datetime.fromtimestamp(self.start(day) * _DAY_S, UTC):%Y%m%d}"

    def day_of(self, name: str) -> int | None:
        """The first day of a partition; None for a table that somebody else attached."""
        digits = name.removeprefix(f"{self.table}_p")
        if len(digits) != 8 or not digits.isdecimal():
            return None
        return int(datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).timestamp()) // _DAY_S


READING: Final = Partitioned(table="reading", days=1)
MINUTES: Final = Partitioned(table="reading_1m", days=7)
HOURS: Final = Partitioned(table="reading_1h", days=364)


class Partitions:
    """Makes the days that are asked for; remembers those it knows to be there.

    Blocking; used by one thread at a time. `close` gives the connection back.
    """

    def __init__(
        self,
        dsn: str,
        of: Partitioned = READING,
        *,
        sleep: Callable[[float], None] = time.sleep,
        worker: UUID | None = None,
    ) -> None:
        self._dsn = dsn
        self._of = of
        self._worker = worker
        self._sleep = sleep
        self._known: set[int] | None = None
        self._needed = True
        self._connection: Connection | None = None

    def ensure(self, days: Iterable[int]) -> None:
        """Have a partition for each day (counted from the Unix epoch). Raises StoreError."""
        starts = {self._of.start(day) for day in days}
        if not self._needed or (self._known is not None and self._known.issuperset(starts)):
            return
        try:
            connection = self._open()
            known = self._known if self._known is not None else self._look(connection)
            if known is None:
                return
            for day in sorted(starts - known):
                self._make(connection, day)
                known.add(day)
            self._known = known
        except BaseException:
            self.close()
            raise

    def ensure_ahead(self, now_us: int) -> None:
        """Have those of yesterday to three days from now."""
        today = now_us // DAY_US
        self.ensure([today + step for step in AHEAD_DAYS])

    def forget(self) -> None:
        """Look anew at what is there: the database may be another one than before."""
        self._known = None
        self._needed = True

    def close(self) -> None:
        """Close the connection and forget; the next `ensure` opens a fresh one."""
        self.forget()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = leases.connect(self._dsn, name="partitions", worker=self._worker)
        return self._connection

    def _look(self, connection: Connection) -> set[int] | None:
        """The days that are there; None where there is nothing to make."""
        with wrapped():
            table = {"table": f"lineside.{self._of.table}"}
            row = connection.execute(_SQL["is_partitioned"], table).fetchone()
            found = connection.execute(_SQL["attached_partitions"], table).fetchall()
        self._needed = bool(row and row[0])
        if not self._needed:
            return None
        return {day for (name,) in found if (day := self._of.day_of(name)) is not None}

    def _make(self, connection: Connection, day: int) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                with connection.transaction():
                    self._attach(connection, day)
            except psycopg.errors.LockNotAvailable as error:
                if attempt == _TRIES:
                    raise translate(error) from error
                self._sleep(0.05 * attempt)
            except psycopg.Error as error:
                # Whatever is wrong here, it is not the values of a batch.
                reason = " ".join(str(error).split())
                raise StoreAway("LS-5501", state=error.sqlstate or "-", reason=reason) from error
            else:
                return

    def _attach(self, connection: Connection, day: int) -> None:
        connection.execute(_SQL["ddl_timeout"])
        # Two servers that want the same day take turns; the later finds it attached.
        connection.execute(_SQL["ddl_turn"], {"key": _LOCK})
        name = self._of.name_of(day)
        known = {"table": f"lineside.{self._of.table}", "name": name}
        if connection.execute(_SQL["is_attached"], known).fetchone():
            return
        parts = {
            "table": sql.Identifier("lineside", self._of.table),
            "name": sql.Identifier("lineside", name),
            "check": sql.Identifier(f"{name}_day"),
            "start": sql.Literal(day * _DAY_S),
            "end": sql.Literal((day + self._of.days) * _DAY_S),
        }
        for step in ("make_partition", "attach_partition", "drop_check"):
            connection.execute(sql.SQL(_SQL[step].decode()).format(**parts))
