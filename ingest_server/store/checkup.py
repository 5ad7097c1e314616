"""What `lineside-server doctor` reads of a database, whatever state it is in; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from ingest_server.store import columnstore, migrate
from ingest_server.store import connection as connections
from ingest_server.store.columnstore import Edition
from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside

_SQL = beside(__file__, "checkup.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """`server`: of the server itself. `revision`: of the schema, None where there is none yet.

    `state`, `away` and `edition` are there only where the schema is that of this release.
    """

    server: Mapping[str, Any]
    revision: str | None
    newest: str
    is_known: bool
    edition: Edition = "none"
    state: Mapping[str, Any] | None = None
    away: Sequence[Mapping[str, Any]] = ()


def look(dsn: str) -> Facts:
    """Look once. Raises StoreError."""
    known = migrate.revisions()
    with connections.connect(dsn, name="cli") as connection, wrapped():
        cursor = connection.cursor(row_factory=dict_row)
        server = cursor.execute(_SQL["server"]).fetchone() or {}
        found = connection.execute(_SQL["revision"]).fetchone() if server["has_schema"] else None
        revision = None if found is None else str(found[0])
        if revision != known[0]:
            return Facts(
                server=server,
                revision=revision,
                newest=known[0],
                is_known=revision is None or revision in known,
            )
        return Facts(
            server=server,
            revision=revision,
            newest=known[0],
            is_known=True,
            edition=columnstore.edition(connection),
            state=cursor.execute(_SQL["state"]).fetchone(),
            away=cursor.execute(_SQL["away"]).fetchall(),
        )
