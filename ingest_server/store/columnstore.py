"""TimescaleDB's columnstore for readings and minutes: turned on, off or changed as configured.

Source: TimescaleDB's manual, "Hypercore": `enable_columnstore`, `add_columnstore_policy` (names
since 2.18). The Apache edition has neither: rows stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside

if TYPE_CHECKING:
    from ingest_server.store.connection import Connection

Edition = Literal["none", "apache", "timescale"]
_MINUTES_LATER_DAYS: Final = 30
"""Minutes are written again by late data: they are packed later than readings."""
_SQL = beside(__file__, "columnstore.sql")


def edition(connection: Connection) -> Edition:
    """Which TimescaleDB readings lie in; `none`: plain PostgreSQL. Raises StoreError."""
    with wrapped():
        row = connection.execute(_SQL["edition"]).fetchone()
    if row is None or not row[0]:
        return "none"
    return "apache" if row[1] == "apache" else "timescale"


def is_packed(connection: Connection) -> bool:
    """Whether old readings lie in the columnstore, or may at any moment. Raises StoreError."""
    if edition(connection) == "none":
        return False
    with wrapped():
        row = connection.execute(_SQL["is_packed"]).fetchone()
    return bool(row and row[0])


def configure(connection: Connection, after_days: int | None) -> Edition:
    """Have readings packed so many days after their time, minutes a month later; None: never.

    What is packed stays so. Raises StoreError.
    """
    found = edition(connection)
    if found != "timescale":
        return found
    later = None if after_days is None else after_days + _MINUTES_LATER_DAYS
    for table, days in (("reading", after_days), ("reading_1m", later)):
        name = {"table": table}
        with wrapped(), connection.transaction():
            connection.execute(_SQL["turn"], name)
            row = connection.execute(_SQL["policy"], name).fetchone()
            if (row[0] if row else None) == days:
                continue
            if row:
                connection.execute(_SQL["remove_policy"], name)
            if days is not None:
                connection.execute(_SQL[f"enable_{table}"])
                connection.execute(_SQL["add_policy"], {**name, "days": days})
    return found


def pack(connection: Connection) -> None:
    """Pack what is due now instead of waiting for TimescaleDB's scheduler. Raises StoreError."""
    if edition(connection) != "timescale":
        return
    with wrapped():
        connection.execute("SET statement_timeout = 0")
        for (job,) in connection.execute(_SQL["jobs"]).fetchall():
            connection.execute("CALL run_job(%s)", (job,))
        connection.execute("RESET statement_timeout")
