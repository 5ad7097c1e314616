"""`lineside-server edges`: what edges run and should run, and what people declare of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from ingest_server.terminal.shown import (
    AsJson,
    Author,
    EdgeName,
    File,
    Limit,
    Why,
    done,
    edge_of,
    one_of,
    show,
    show_one,
    who,
)
from runtime import messages, strict_yaml
from runtime.clock import now_us, to_datetime
from runtime.errors import Reconfigure

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow

edges = typer.Typer(no_args_is_help=True, help="Edges: their configurations and their state.")

_LOOK_S: Final = 0.5
_SHORT: Final = 12

Wait = Annotated[
    float, typer.Option(min=0, max=3_600, help="Wait for the answers for so many seconds.")
]


@edges.command("list")
def list_edges(file: File, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Every edge: state, last seen, complete to, and the configuration that runs."""
    from ingest_server.store import reads

    async def work(connection: AsyncConnection[DictRow]) -> list[dict[str, Any]]:
        return [_listed(row) for row in await reads.rows(connection, "fleet", "fleet")]

    found = done(file, work)
    if not as_json:
        found = [{name: row[name] for name in _COLUMNS} for row in found]
    show(found, as_json=as_json)


_COLUMNS: Final = (
    "edge",
    "state",
    "online",
    "agent",
    "wanted",
    "runs",
    "config",
    "key_complete_to",
)


def _listed(row: Mapping[str, Any]) -> dict[str, Any]:
    from ingest_server.usecases.fleet import running

    status = row["status"] if isinstance(row["status"], dict) else {}
    wanted = None
    if row["wanted_version"] is not None:
        wanted = {"sha256": row["wanted_sha256"], "state": row["wanted_state"]}
    return {
        "edge": f"{row['plant']}/{row['edge']}",
        "state": row["state"],
        "online": row["online"],
        "last_seen": row["last_seen"],
        "agent": str(status.get("agent") or ""),
        "wanted": row["wanted_version"],
        "runs": status.get("config_version"),
        "config": running(wanted, status),
        "runs_sha256": status.get("config_sha256"),
        "wanted_sha256": row["wanted_sha256"],
        "key_complete_to": row["key_complete_to"],
        "bulk_complete_to": row["bulk_complete_to"],
        "readings": row["readings"],
        "commands_waiting": row["commands_waiting"],
    }


@edges.command("show")
def show_edge(
    file: File,
    edge: EdgeName,
    diff: Annotated[
        str | None,
        typer.Option(help="`running`: from what runs to what should; or two versions: 3..5."),
    ] = None,
    text: Annotated[int | None, typer.Option(min=1, help="Only the text of this version.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """One edge, and how the configuration that runs differs from the one that should."""
    from ingest_server.store import reads
    from ingest_server.usecases import fleet

    who_is = edge_of(edge)

    async def texts(connection: AsyncConnection[DictRow]) -> str:
        return await fleet.text_of(connection, await fleet.find(connection, who_is), text or 1)

    async def differences(connection: AsyncConnection[DictRow]) -> list[str] | None:
        before, after = _versions(diff or "")
        return await fleet.difference(connection, who_is, before=before, after=after)

    async def all_of_it(connection: AsyncConnection[DictRow]) -> dict[str, Any]:
        row = await fleet.find(connection, who_is)
        listed = await reads.rows(connection, "fleet", "fleet")
        [own] = [each for each in listed if each["edge_id"] == row["edge_id"]]
        found = _listed(own)
        declared = {name: row[name] for name in ("state_by", "state_at", "state_reason")}
        return {**found, **declared, "first_seen": row["first_seen"]}

    if text is not None:
        typer.echo(done(file, texts), nl=False)
    elif diff is not None:
        lines = done(file, differences)
        if lines is None:
            raise Reconfigure("LS-5683", edge=edge)
        for line in lines or [messages.text("LS-5684")]:
            typer.echo(line)
    else:
        show_one(done(file, all_of_it), as_json=as_json)


def _versions(diff: str) -> tuple[int | None, int | None]:
    if diff == "running":
        return None, None
    before, _, after = diff.partition("..")
    if not (before.isdecimal() and after.isdecimal()):
        raise Reconfigure("LS-5695", given=diff, known="running, 3..5")
    return int(before), int(after)


@edges.command("configs")
def list_configs(
    file: File,
    edge: EdgeName,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Every configuration pushed to an edge, newest first, and what became of it."""
    from ingest_server.store import reads
    from ingest_server.usecases import fleet

    async def work(connection: AsyncConnection[DictRow]) -> list[DictRow]:
        row = await fleet.find(connection, edge_of(edge))
        return await reads.rows(connection, "fleet", "configs", edge_id=row["edge_id"], limit=limit)

    found = [dict(row) for row in done(file, work)]
    if not as_json:
        found = [
            {
                "version": row["version"],
                "sha256": row["sha256"][:_SHORT],
                "by": row["author"],
                "at": row["created_at"],
                "state": row["state"],
                "why": _why(row),
            }
            for row in found
        ]
    show(found, as_json=as_json)


def _why(row: Mapping[str, Any]) -> str | None:
    if row["code"] is None:
        return row["reason"] or row.get("note") or None
    said = row["reason"] or messages.text(row["code"])
    return f"{row['code']} {said}"


@edges.command("commands")
def list_commands(
    file: File,
    edge: EdgeName,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """What an edge was asked, newest first, and what it answered."""
    from ingest_server.store import reads
    from ingest_server.usecases import fleet

    async def work(connection: AsyncConnection[DictRow]) -> list[DictRow]:
        row = await fleet.find(connection, edge_of(edge))
        return await reads.rows(
            connection, "fleet", "commands", edge_id=row["edge_id"], before=None, limit=limit
        )

    found = [dict(row) for row in done(file, work)]
    if not as_json:
        found = [
            {
                "number": row["number"],
                "what": row["subject"] or row["kind"],
                "by": row["author"],
                "at": row["created_at"],
                "state": row["state"],
                "why": _why(row),
            }
            for row in found
        ]
    show(found, as_json=as_json)


@edges.command("set-state")
def set_state(
    file: File,
    edge: EdgeName,
    state: Annotated[str, typer.Argument(help="in-service, planned-off or retired.")],
    reason: Why,
    author: Author = None,
) -> None:
    """Declare an edge in service, off on purpose, or gone for good.

    Figures do not wait for edges that are off or retired.
    """
    from ingest_server.usecases import fleet

    known = {one.replace("_", "-"): one for one in fleet.STATES}
    wanted = known[one_of(state.replace("_", "-"), list(known))]
    changed = done(
        file,
        lambda connection: fleet.declare(
            connection,
            edge_of(edge),
            wanted,
            by=who(author),
            reason=reason,
            now=to_datetime(now_us()),
        ),
    )
    code = "LS-5685" if changed else "LS-5452"
    typer.echo(messages.text(code, edge=edge, state=wanted, by=who(author)))


@edges.command("push-config")
def push_config(
    file: File,
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The edge's file (YAML).")],
    to: Annotated[list[str], typer.Option(help="The edge: plant/edge (repeatable).")],
    note: Annotated[str, typer.Option(help="What is new in it.")] = "",
    author: Author = None,
    wait: Wait = 0,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Have one or many edges run a configuration; each tries it and goes back if it fails."""
    from ingest_server.usecases import fleet

    edge_ids = [edge_of(one) for one in to]
    text = strict_yaml.read(config)
    pushed = done(
        file,
        lambda connection: fleet.push(
            connection,
            edge_ids,
            text,
            name=str(config),
            author=who(author),
            note=note,
            now=to_datetime(now_us()),
        ),
    )
    found: list[dict[str, Any]] = [
        {"edge": str(one.edge), "version": one.version, "state": "waiting", "why": None}
        if one.code is None
        else {
            "edge": str(one.edge),
            "version": None,
            "state": "not pushed",
            "why": f"{one.code} {messages.text(one.code, lang=None, **one.params)}",
        }
        for one in pushed
    ]
    _wait_for(file, found, wait)
    show(found, as_json=as_json)
    if any(row["state"] not in ("waiting", "done") for row in found):
        raise typer.Exit(1)


def _wait_for(file: Path, found: list[dict[str, Any]], limit_s: float) -> None:
    """Fill in what became of the pushes, until all are answered or the time is over."""
    from ingest_server.store import reads
    from ingest_server.usecases import fleet

    async def look(connection: AsyncConnection[DictRow]) -> None:
        for row in found:
            if row["state"] == "waiting":
                edge = await fleet.find(connection, edge_of(row["edge"]))
                now = await reads.row(
                    connection,
                    "fleet",
                    "config",
                    edge_id=edge["edge_id"],
                    version=row["version"],
                )
                if now is not None:
                    row |= {"state": now["state"], "why": _why(now)}

    end_s = time.monotonic() + limit_s
    while any(row["state"] == "waiting" for row in found) and time.monotonic() < end_s:
        time.sleep(_LOOK_S)
        done(file, look)


@edges.command("ping")
def ping(file: File, edge: EdgeName, author: Author = None, wait: Wait = 10) -> None:
    """Ask an edge whether it answers."""
    from ingest_server.store import reads
    from ingest_server.usecases import fleet

    command = done(
        file,
        lambda connection: fleet.ping(
            connection, edge_of(edge), author=who(author), now=to_datetime(now_us())
        ),
    )

    async def state(connection: AsyncConnection[DictRow], asked: UUID = command) -> str:
        row = await reads.row(connection, "fleet", "command", command_id=asked)
        return "waiting" if row is None else str(row["state"])

    end_s, seen = time.monotonic() + wait, "waiting"
    while seen == "waiting" and time.monotonic() < end_s:
        time.sleep(_LOOK_S)
        seen = done(file, state)
    typer.echo(messages.text("LS-5686", edge=edge, state=seen))
    if seen != "done":
        raise typer.Exit(1)


@edges.command("replace")
def replace(file: File, edge: EdgeName, reason: Why, author: Author = None) -> None:
    """Another computer takes the place of an edge's: note it, and say what is to be done."""
    from ingest_server.usecases import fleet

    found = done(
        file,
        lambda connection: fleet.replace(
            connection,
            edge_of(edge),
            by=who(author),
            reason=reason,
            now=to_datetime(now_us()),
        ),
    )
    typer.echo(messages.text("LS-5687", edge=edge))
    if found.online:
        typer.echo(messages.text("LS-5688", edge=edge))
    if found.waiting != 0:
        waiting = "?" if found.waiting is None else found.waiting
        typer.echo(messages.text("LS-5689", count=waiting))
    typer.echo(messages.text("LS-5690", orders=found.orders, version=found.version or "-"))
