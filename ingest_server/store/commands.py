"""What edges are asked: commands and configurations waiting for an answer, and the answers.

Invariants:
- a command ends once: an answer changes only what still waits, so a repeated one changes nothing;
- what is handed out to be sent was noted as sent before, in a committed statement: what was never
  noted as sent never left, and may be closed as expired by its time alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from psycopg.types.json import Jsonb

from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside
from runtime.clock import from_datetime, to_datetime
from wire.control import Command, ConfigPush
from wire.ids import EdgeId

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    from ingest_server.store.connection import Connection
    from wire.control import CommandAck

_SQL = beside(__file__, "commands.sql")
_MOST_AT_ONCE = 200
_PATIENCE = timedelta(days=30)
_KEEP = 1_000
_NEVER_ASKED = "LS-5670"
_NO_ANSWER = "LS-5671"


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """Something to be sent to an edge now."""

    edge: EdgeId
    message: Command | ConfigPush


def ask(
    connection: Connection,
    edge_id: int,
    kind: str,
    body: Mapping[str, Any],
    *,
    author: str,
    subject: str | None = None,
    expires_us: int | None = None,
) -> UUID:
    """Have an edge asked something, in the caller's transaction; its id.

    `subject`: what it is about; older ones about the same that still wait are superseded.
    """
    command = uuid4()
    with wrapped():
        if subject is not None:
            connection.execute(_SQL["supersede"], {"edge_id": edge_id, "subject": subject})
        connection.execute(
            _SQL["add_command"],
            {
                "command_id": command,
                "edge_id": edge_id,
                "kind": kind,
                "subject": subject,
                "body": Jsonb(dict(body)),
                "author": author,
                "expires_at": None if expires_us is None else to_datetime(expires_us),
            },
        )
    return command


def take_due(connection: Connection, shards: Collection[int], *, again_s: float) -> list[Due]:
    """What connected edges of these shards are to be sent now; due again after `again_s`.

    Raises StoreError.
    """
    with wrapped():
        found = connection.execute(_SQL["due_edges"]).fetchall()
        edges = {
            edge_id: identity
            for edge_id, plant, edge in found
            if (identity := EdgeId(plant=plant, edge=edge)).shard in shards
        }
        if not edges:
            return []
        values = {
            "edges": list(edges),
            "again": timedelta(seconds=again_s),
            "limit": _MOST_AT_ONCE,
        }
        with connection.transaction():
            commands = connection.execute(_SQL["take_commands"], values).fetchall()
            configs = connection.execute(_SQL["take_configs"], values).fetchall()
    due = [
        Due(
            edge=edges[edge_id],
            message=Command(
                id=command,
                kind=kind,
                at_us=from_datetime(created_at),
                expires_us=None if expires_at is None else from_datetime(expires_at),
                body=body,
            ),
        )
        for edge_id, _, command, kind, body, created_at, expires_at in sorted(
            commands, key=lambda row: row[1]
        )
    ]
    due += [
        Due(
            edge=edges[edge_id],
            message=ConfigPush(
                version=version, at_us=from_datetime(created_at), sha256=sha256, text=text
            ),
        )
        for edge_id, version, sha256, text, created_at in configs
    ]
    return due


def ask_again(connection: Connection, edge_ids: Collection[int]) -> None:
    """What these edges have not answered is due at once. Raises StoreError."""
    values = {"edges": list(edge_ids)}
    with wrapped():
        connection.execute(_SQL["ask_again_commands"], values)
        connection.execute(_SQL["ask_again_configs"], values)


def take_answer(connection: Connection, edge: EdgeId, answer: CommandAck) -> bool:
    """Keep what an edge answered; False where nothing of it waits (any more). Raises StoreError."""
    values = {
        "plant": edge.plant,
        "edge": edge.edge,
        "state": answer.state,
        "said_at": to_datetime(answer.at_us),
        "code": answer.code,
        "reason": _clean(answer.reason),
    }
    with wrapped():
        if answer.version is not None:
            done = connection.execute(_SQL["end_config"], {**values, "version": answer.version})
            return done.rowcount > 0
        done = connection.execute(_SQL["end_command"], {**values, "command_id": answer.id})
        if done.rowcount:
            return True
        by_hash = {**values, "hash": answer.id.hex}
        return connection.execute(_SQL["end_config_by_hash"], by_hash).rowcount > 0


def tidy(connection: Connection) -> int:
    """Close what nobody will answer, and forget the oldest answers; how many were closed.

    Of each edge the newest 1,000 commands are kept; all configurations are. Raises StoreError.
    """
    values = {"patience": _PATIENCE, "never_asked": _NEVER_ASKED, "no_answer": _NO_ANSWER}
    with wrapped(), connection.transaction():
        closed = connection.execute(_SQL["expire"], values).rowcount
        closed += connection.execute(_SQL["expire_configs"], values).rowcount
        connection.execute(_SQL["forget_commands"], {"keep": _KEEP})
    return closed


def _clean(text: str | None) -> str | None:
    return None if text is None else text.replace("\0", "\u2400")
