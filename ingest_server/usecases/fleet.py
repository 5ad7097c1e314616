"""The fleet: configurations for edges, what people declare of them, and what they are asked.

Invariant: whatever a person does here is kept with name, time and reason, in the same transaction.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ingest_server.store import reads
from ingest_server.usecases import pushed_text
from runtime.errors import Reconfigure
from wire.ids import EdgeId

Connection = psycopg.AsyncConnection[DictRow]
State = Literal["in_service", "planned_off", "retired"]
STATES: Final[tuple[State, ...]] = ("in_service", "planned_off", "retired")
Running = Literal["none", "waiting", "running", "refused", "different", "unknown"]

_LOCK: Final = 0x4C53_4445_0008
_DECLARED: Final = "LS-5674"
_PUSHED: Final = "LS-5675"
_REPLACED: Final = "LS-5676"
_UNKNOWN_EDGE: Final = "LS-5677"
_RETIRED: Final = "LS-5678"
_OTHER_IDENTITY: Final = "LS-5679"
_NO_SUCH_VERSION: Final = "LS-5680"
_PING_FOR: Final = timedelta(minutes=10)


class NoSuchEdge(Reconfigure):
    """No edge of that name was ever heard of."""


class NoSuchVersion(Reconfigure):
    """An edge was never pushed that version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """What became of a push to one edge: a version, or a code with the reason why not."""

    edge: EdgeId
    version: int | None = None
    code: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Replaced:
    """What is known of the computer that is replaced, at that moment."""

    online: bool
    waiting: int | None
    """Records it had not delivered, as it last said."""
    last_seen: datetime | None
    orders: int
    """Orders the new one is told again."""
    version: int | None
    """Version under which the wanted configuration is pushed again; None: nothing was pushed."""


async def find(connection: Connection, edge: EdgeId) -> DictRow:
    """The row of an edge. Raises NoSuchEdge."""
    row = await reads.row(connection, "fleet", "edge", plant=edge.plant, edge=edge.edge)
    if row is None:
        raise NoSuchEdge(_UNKNOWN_EDGE, edge=str(edge))
    return row


async def push(
    connection: Connection,
    edges: Sequence[EdgeId],
    text: str,
    *,
    name: str,
    author: str,
    note: str,
    now: datetime,
) -> list[Pushed]:
    """Have some edges run a configuration; each gets its own next version.

    Raises ConfigError for a text that none of them could run; then nothing was pushed.
    """
    content = pushed_text.check(text, name)
    await reads.row(connection, "fleet", "one_at_a_time", key=_LOCK)
    return [
        await _push(connection, edge, text, content, author=author, note=note, now=now)
        for edge in dict.fromkeys(edges)
    ]


async def _push(
    connection: Connection,
    edge: EdgeId,
    text: str,
    content: Mapping[str, Any],
    *,
    author: str,
    note: str,
    now: datetime,
) -> Pushed:
    row = await reads.row(connection, "fleet", "edge", plant=edge.plant, edge=edge.edge)
    if row is None:
        return Pushed(edge=edge, code=_UNKNOWN_EDGE, params={"edge": str(edge)})
    if row["state"] == "retired":
        return Pushed(edge=edge, code=_RETIRED, params={"edge": str(edge)})
    said = pushed_text.other_identity(content, edge)
    if said is not None:
        params = {"edge": str(edge), "said": said}
        return Pushed(edge=edge, code=_OTHER_IDENTITY, params=params)
    version = await _add_version(connection, row, text, author=author, note=note)
    told = {"version": version, "by": author, "note": note}
    await _tell(connection, edge, _PUSHED, told, now=now)
    return Pushed(edge=edge, version=version)


async def _add_version(
    connection: Connection, row: DictRow, text: str, *, author: str, note: str
) -> int:
    edge_id = row["edge_id"]
    await reads.rows(connection, "fleet", "supersede_configs", edge_id=edge_id)
    added = await reads.row(
        connection,
        "fleet",
        "push",
        edge_id=edge_id,
        author=author,
        note=note,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
    )
    assert added is not None  # noqa: S101 - the edge exists, and edges are never deleted
    return int(added["version"])


def running(wanted: Mapping[str, Any] | None, status: Mapping[str, Any]) -> Running:
    """How the configuration that should run and the one that does go together."""
    if wanted is None:
        return "none"
    said = status.get("config_sha256")
    if said == wanted["sha256"]:
        return "running"
    if wanted["state"] in ("waiting", "refused"):
        return "waiting" if wanted["state"] == "waiting" else "refused"
    return "unknown" if said is None else "different"


async def difference(
    connection: Connection, edge: EdgeId, *, before: int | None = None, after: int | None = None
) -> list[str] | None:
    """A unified diff of two versions; by default from what runs to what should run.

    None where the text that runs is not known here: it is the edge's own file. Raises NoSuchEdge,
    NoSuchVersion.
    """
    row = await find(connection, edge)
    wanted = await reads.row(connection, "fleet", "wanted", edges=[row["edge_id"]])
    if wanted is None:
        raise NoSuchVersion(_NO_SUCH_VERSION, edge=str(edge), version=after or 1)
    new = await text_of(connection, row, after or wanted["version"])
    if before is not None:
        old, old_name = await text_of(connection, row, before), f"version {before}"
    else:
        said = _status(row).get("config_sha256")
        found = await reads.row(
            connection, "fleet", "config_by_hash", edge_id=row["edge_id"], sha256=said
        )
        if found is None:
            return None
        old, old_name = found["text"], f"running (version {found['version']})"
    return list(
        difflib.unified_diff(
            old.splitlines(),
            new.splitlines(),
            fromfile=old_name,
            tofile=f"version {after or wanted['version']}",
            lineterm="",
        )
    )


async def text_of(connection: Connection, row: DictRow, version: int) -> str:
    """The text of a version. Raises NoSuchVersion."""
    found = await reads.row(connection, "fleet", "config", edge_id=row["edge_id"], version=version)
    if found is None:
        edge = f"{row['plant']}/{row['edge']}"
        raise NoSuchVersion(_NO_SUCH_VERSION, edge=edge, version=version)
    return str(found["text"])


async def declare(
    connection: Connection, edge: EdgeId, state: State, *, by: str, reason: str, now: datetime
) -> bool:
    """State that an edge is to deliver, is off on purpose, or is gone for good.

    False where that was so before: nothing is changed. Raises NoSuchEdge.
    """
    row = await find(connection, edge)
    if row["state"] == state:
        return False
    await reads.row(
        connection,
        "fleet",
        "declare",
        edge_id=row["edge_id"],
        state=state,
        by=by,
        at=now,
        reason=reason,
    )
    params = {"before": row["state"], "after": state, "by": by, "reason": reason}
    await _tell(connection, edge, _DECLARED, params, now=now)
    return True


async def replace(
    connection: Connection, edge: EdgeId, *, by: str, reason: str, now: datetime
) -> Replaced:
    """Note that another computer takes the place of an edge's, and give it what the old one knew.

    Its orders are sent again and so is the configuration it should run. What the old one had not
    delivered stays to be seen as a gap once the new one opens its buffer. Raises NoSuchEdge.
    """
    row = await find(connection, edge)
    status = _status(row)
    streams: list[dict[str, Any]] = status.get("streams") or []
    orders = await reads.rows(connection, "fleet", "forget_orders", edge_id=row["edge_id"])
    wanted = await reads.row(connection, "fleet", "wanted", edges=[row["edge_id"]])
    version = None
    if wanted is not None and wanted["state"] in ("done", "waiting"):
        await reads.row(connection, "fleet", "one_at_a_time", key=_LOCK)
        text = await text_of(connection, row, wanted["version"])
        version = await _add_version(connection, row, text, author=by, note=reason)
    await _tell(connection, edge, _REPLACED, {"by": by, "reason": reason}, now=now)
    return Replaced(
        online=row["online"],
        waiting=sum(max(each["last_seq"] - each["acked"], 0) for each in streams)
        if streams
        else None,
        last_seen=row["last_seen"],
        orders=len(orders),
        version=version,
    )


async def ping(connection: Connection, edge: EdgeId, *, author: str, now: datetime) -> UUID:
    """Ask an edge whether it answers; the id of the command. Raises NoSuchEdge."""
    row = await find(connection, edge)
    command = uuid4()
    await reads.row(
        connection,
        "fleet",
        "ask",
        command_id=command,
        edge_id=row["edge_id"],
        kind="ping",
        author=author,
        expires_at=now + _PING_FOR,
    )
    return command


async def _tell(
    connection: Connection, edge: EdgeId, code: str, params: Mapping[str, object], *, now: datetime
) -> None:
    await reads.row(
        connection,
        "fleet",
        "tell",
        at=now,
        plant=edge.plant,
        edge=edge.edge,
        code=code,
        params=Jsonb(dict(params)),
    )


def _status(row: DictRow) -> Mapping[str, Any]:
    return row["status"] if isinstance(row["status"], dict) else {}
