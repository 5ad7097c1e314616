"""Dead letters as people look at them: lists, one with its bytes, what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import dict_row

from ingest_server.store import connection as connections
from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside
from runtime import messages

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

Row = dict[str, Any]
_SQL = beside(__file__, "letters.sql")
_DROPPED: Final = "LS-5662"
_MOST_DIGITS: Final = 18


def listed(dsn: str, *, limit: int, topic: str | None = None) -> list[Row]:
    """Dead letters, newest first; `topic`: only of topics that begin so. Raises StoreError."""
    return _rows(dsn, "list", limit=limit, topic=topic)


def found(dsn: str, identity: str) -> list[Row]:
    """Those meant by a number, or by the start of a hash; at most two. Raises StoreError."""
    if identity.isdecimal() and len(identity) <= _MOST_DIGITS:
        by_number = _rows(dsn, "by_number", number=int(identity))
        if by_number:
            return by_number
    return _rows(dsn, "by_hash", start=identity.lower().replace("%", ""))


def dropped(dsn: str) -> Row:
    """Count and bytes of those dropped because there were more than are kept."""
    return _rows(dsn, "dropped")[0]


def gap_of(dsn: str, edge_id: int, epoch: UUID, cls: str, seq: int) -> int | None:
    """The gap that a record given up left, if there is one."""
    values = {"edge_id": edge_id, "epoch": epoch, "class": cls, "seq": seq}
    rows = _rows(dsn, "gap_of", **values)
    return rows[0]["gap_id"] if rows else None


def note_replay(dsn: str, number: int, *, by: str) -> None:
    """Its content is stored now. Raises StoreError."""
    with wrapped(), connections.connect(dsn, name="cli") as connection:
        connection.execute(_SQL["note_replay"], {"number": number, "by": by})


def drop(dsn: str, number: int, *, by: str, reason: str) -> bool:
    """Remove one; False where it is gone already. Raises StoreError."""
    values = {"number": number, "by": by, "reason": reason, "code": _DROPPED}
    with wrapped(), connections.connect(dsn, name="cli") as connection:
        return connection.execute(_SQL["drop"], values).rowcount > 0


def reason_of(row: Mapping[str, Any], lang: messages.Language | None = None) -> str:
    """Why a message could not be used, in words."""
    code, params = row["code"], row["params"] if isinstance(row["params"], dict) else {}
    if messages.parameters(code) - params.keys():
        return str(row["reason"])  # noted by a release that kept no parameters
    return messages.text(code, lang=lang, **params)


def _rows(dsn: str, query: str, **parameters: Any) -> list[Row]:
    with wrapped(), connections.connect(dsn, name="cli") as connection:
        return connection.cursor(row_factory=dict_row).execute(_SQL[query], parameters).fetchall()
