"""Moves readings and rollups of a plain database into hypertables of TimescaleDB, part by part.

Invariants:
- no server works on the database meanwhile: the lock of migrations is held, connections are looked
  for, and a server that starts while a move is unfinished is refused (`is_moving`);
- a partition is copied, counted and dropped in one transaction: every row is in exactly one table
  at any time, so a move that was killed goes on with the partitions that are left;
- the tables change their names in one transaction at the end, and take over owner, rights and
  comments; views on them are made again, and what could not be is named before anything is moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from ingest_server.store import connection as connections
from ingest_server.store import standing
from ingest_server.store.errors import StoreRefuses, wrapped
from ingest_server.store.migrate import MIGRATION_LOCK
from ingest_server.store.partitions import HOURS, MINUTES, READING, Partitioned
from ingest_server.store.queries import beside

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest_server.store.connection import Connection

TABLES: Final = (READING, MINUTES, HOURS)
_SQL = beside(__file__, "hypertables.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A partition that was moved, its rows, and how many partitions are still to come."""

    name: str
    rows: int
    left: int


def enable(dsn: str, *, told: Callable[[Moved], None]) -> int:
    """Have everything in hypertables; how many rows were moved now. Raises StoreError.

    StoreRefuses where there is no TimescaleDB, servers run, or something would be lost. May be
    killed and called again.
    """
    with connections.connect(dsn, name="timescaledb") as connection:
        with wrapped():
            connection.execute(_SQL["take_time"])
            lock = {"key": MIGRATION_LOCK}
            if connection.execute(_SQL["keep_servers_out"], lock).fetchone() == (False,):
                raise StoreRefuses("LS-5841", who="lineside migrate")
            others = connection.execute(_SQL["others"]).fetchall()
        if others:
            raise StoreRefuses("LS-5841", who=", ".join(sorted({name for (name,) in others})))
        _lose_nothing(connection)
        _install(connection)
        return _move_all(connection, told)


def _lose_nothing(connection: Connection) -> None:
    with wrapped():
        tables = [table for table in map(_named, TABLES) if _is_partitioned(connection, table)]
        lost = standing.obstacles(connection, [table["table"] for table in tables])
    if lost:
        raise StoreRefuses("LS-5849", what=", ".join(lost))


def _is_partitioned(connection: Connection, names: dict[str, str]) -> bool:
    return connection.execute(_SQL["is_partitioned"], names).fetchone() == (True,)


def _install(connection: Connection) -> None:
    with wrapped():
        row = connection.execute(_SQL["can_install"]).fetchone()
    if row is None or not row[0]:
        raise StoreRefuses("LS-5842")
    with wrapped():
        connection.execute(_SQL["install"])


def _move_all(connection: Connection, told: Callable[[Moved], None]) -> int:
    with wrapped():
        waiting = {
            table: [name for (name,) in connection.execute(_SQL["partitions"], _named(table))]
            for table in TABLES
            if _is_partitioned(connection, _named(table))
        }
        if not waiting:
            return 0
        for table in waiting:
            with connection.transaction():
                _prepare(connection, table)
        total, left = 0, sum(map(len, waiting.values()))
        for table, names in waiting.items():
            for name in names:
                with connection.transaction():
                    rows = _move(connection, table, name)
                left -= 1
                total += rows
                told(Moved(name=name, rows=rows, left=left))
        with connection.transaction():
            _change_names(connection, list(waiting))
    return total


def _prepare(connection: Connection, table: Partitioned) -> None:
    if connection.execute(_SQL["is_prepared"], _named(table)).fetchone() == (True,):
        return
    names = _identifiers(table)
    connection.execute(sql.SQL(_SQL["prepare"].decode()).format(**names))
    connection.execute(_SQL["to_hypertable"], {**_named(table), "days": table.days})


def _move(connection: Connection, table: Partitioned, name: str) -> int:
    names = {**_identifiers(table), "part": sql.Identifier("lineside", name)}

    def run(step: str) -> Any:
        return connection.execute(sql.SQL(_SQL[step].decode()).format(**names))

    run("hold")
    count = run("count").fetchone()
    copied = run("copy").rowcount
    if count is None or count[0] != copied:
        raise StoreRefuses("LS-5843", table=name, found=str(count), copied=str(copied))
    run("detach")
    run("drop")
    return int(copied)


def _change_names(connection: Connection, tables: list[Partitioned]) -> None:
    standing_on = standing.views(connection, [_named(table)["table"] for table in tables])
    for table in tables:
        names = _identifiers(table)
        belongings = connection.execute(_SQL["belongings"], _named(table)).fetchall()
        connection.execute(sql.SQL(_SQL["drop_empty"].decode()).format(**names))
        connection.execute(sql.SQL(_SQL["rename"].decode()).format(**names))
        renamed = connection.execute(_SQL["rename_indexes"], _named(table)).fetchall()
        for (statement,) in [*renamed, *belongings]:
            connection.execute(statement.encode())
    standing.make_again(connection, standing_on)


def _named(table: Partitioned) -> dict[str, str]:
    return {"table": f"lineside.{table.table}", "moving": f"lineside.{table.table}_moving"}


def _identifiers(table: Partitioned) -> dict[str, sql.Composable]:
    return {
        "table": sql.Identifier("lineside", table.table),
        "moving": sql.Identifier("lineside", f"{table.table}_moving"),
        "short": sql.Identifier(table.table),
    }
