"""`lineside-server dead-letter`: messages that could not be used, shown, replayed, dropped."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ingest_server.terminal.shown import AsJson, Author, File, Limit, Why, cell, read, show, who
from runtime import messages
from runtime.clock import now_us
from runtime.errors import Reconfigure

if TYPE_CHECKING:
    from ingest_server.store.letters import Row

letters = typer.Typer(no_args_is_help=True, help="Messages that could not be used.")

_MOST_SHOWN: Final = 4_096

Identity = Annotated[
    str, typer.Argument(metavar="ID", help="Its number, or the start of its hash.")
]


@letters.command("list")
def list_letters(
    file: File,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Messages that could not be used, newest first."""
    from ingest_server.store import letters as store

    found = read(file, lambda dsn: store.listed(dsn, limit=limit))
    if as_json:
        show([{**row, "text": store.reason_of(row)} for row in found], as_json=True)
        return
    show([_short(row) for row in found], as_json=False)
    gone = read(file, store.dropped)
    if gone["count"]:
        typer.echo(messages.text("LS-5661", lang=None, **gone))


def _short(row: Row) -> dict[str, Any]:
    from ingest_server.store import letters as store

    record = "-" if row["seq"] is None else f"{row['class']} {row['seq']}"
    return {
        "id": row["letter_id"],
        "last seen": row["last_seen"].astimezone().strftime("%m-%d %H:%M:%S"),
        "seen": row["seen"],
        "topic": row["topic"].removeprefix("lineside/v1/"),
        "record": record,
        "reason": f"{row['code']} {store.reason_of(row)}",
    }


@letters.command("show")
def show_letter(
    file: File,
    identity: Identity,
    raw: Annotated[bool, typer.Option("--raw", help="Only the bytes, to standard output.")] = False,  # noqa: FBT002
) -> None:
    """One message with its bytes."""
    from ingest_server.store import letters as store

    row = _one(file, identity)
    content = bytes(row.pop("bytes"))
    if raw:
        sys.stdout.buffer.write(content)
        return
    for name, value in {**row, "reason": store.reason_of(row)}.items():
        if name != "params":
            typer.echo(f"{name.replace('_', ' ')}: {cell(value)}")
    for start in range(0, min(len(content), _MOST_SHOWN), 16):
        part = content[start : start + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        typer.echo(f"{start:06x}  {part.hex(' '):<47}  {text}")


@letters.command("replay")
def replay_letter(file: File, identity: Identity, author: Author = None) -> None:
    """Take a message in with today's release, if its stream still waits for it."""
    from ingest_server.receive.replay import replay

    row = _one(file, identity)
    rows = read(file, lambda dsn: replay(dsn, row, by=who(author), clock=now_us))
    typer.echo(messages.text("LS-5660", id=row["letter_id"], readings=rows))


@letters.command("drop")
def drop_letter(file: File, identity: Identity, reason: Why, author: Author = None) -> None:
    """Remove a message for good; who did it and why is kept."""
    from ingest_server.store import letters as store

    number = _one(file, identity)["letter_id"]
    read(file, lambda dsn: store.drop(dsn, number, by=who(author), reason=reason))
    typer.echo(messages.text("LS-5669", id=number))


def _one(file: File, identity: str) -> Row:
    from ingest_server.store import letters as store

    found = read(file, lambda dsn: store.found(dsn, identity))
    if len(found) != 1:
        raise Reconfigure("LS-5454", id=identity, count=len(found))
    return found[0]
