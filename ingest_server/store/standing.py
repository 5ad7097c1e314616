"""What people built on tables that are replaced: found beforehand, and made again on the new ones.

Invariant: what cannot be made again as it was is named before anything is touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_server.store.queries import beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.store.connection import Connection

_SQL = beside(__file__, "standing.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A view or materialized view: what makes it, then its indexes, owner, rights and comments."""

    create: str
    belongings: tuple[str, ...]


def obstacles(connection: Connection, tables: Sequence[str]) -> list[str]:
    """What hangs on `tables` and could not be made again, in PostgreSQL's words.

    Raises psycopg.Error.
    """
    found = connection.execute(_SQL["obstacles"], {"tables": list(tables)}).fetchall()
    return [what for (what,) in found]


def views(connection: Connection, tables: Sequence[str]) -> list[View]:
    """The views on `tables` and on each other, in the order to make them. Raises psycopg.Error."""
    found = connection.execute(_SQL["views"], {"tables": list(tables)}).fetchall()
    return [
        View(create=f"{head}{query}{tail}", belongings=tuple(belongings))
        for head, query, tail, belongings in found
    ]


def make_again(connection: Connection, found: Sequence[View]) -> None:
    """Make views that were dropped; a materialized one is filled anew, if it had been filled."""
    for view in found:
        for statement in (view.create, *view.belongings):
            connection.execute(statement.encode())
