"""What the commands at a terminal share: the file, the way to the database, tables and JSON."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
import typer
from rich.console import Console
from rich.table import Table

from ingest_server import parts
from ingest_server.config import ServerConfig
from runtime import messages, strict_yaml
from runtime.errors import Reconfigure
from wire.errors import WireError
from wire.ids import EdgeId

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow

R = TypeVar("R")

File = Annotated[Path, typer.Argument(metavar="FILE", help="The server's configuration (YAML).")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON array.")]
EdgeName = Annotated[str, typer.Argument(metavar="EDGE", help="The edge: plant/edge.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]
Author = Annotated[str | None, typer.Option(help="Who does this (default: your user name).")]
Why = Annotated[str, typer.Option(help="Why; kept for good.")]


def who(author: str | None) -> str:
    """The name a deed is kept under."""
    return author or getpass.getuser()


def edge_of(text: str) -> EdgeId:
    """The edge that was named; raises Reconfigure (LS-5694) where it is no name of one."""
    try:
        return EdgeId.parse(text)
    except WireError as error:
        raise Reconfigure("LS-5694", given=text) from error


def one_of(given: str, known: Sequence[str]) -> str:
    """What was chosen; raises Reconfigure (LS-5695) where it is none of those."""
    if given not in known:
        raise Reconfigure("LS-5695", given=given, known=", ".join(known))
    return given


def read(file: Path, look: Callable[[str], R]) -> R:
    """What a blocking look at the database of a configuration gives."""

    async def work() -> R:
        async with parts.database(strict_yaml.load(file, ServerConfig)) as dsn:
            return await asyncio.to_thread(look, dsn)

    return asyncio.run(work())


def done(file: Path, work: Callable[[AsyncConnection[DictRow]], Awaitable[R]]) -> R:
    """What is done in one transaction on the database of a configuration; all of it or nothing."""
    from ingest_server.store.connection import opened

    async def all_of_it() -> R:
        async with (
            parts.database(strict_yaml.load(file, ServerConfig)) as dsn,
            opened(dsn, name="cli") as connection,
        ):
            return await work(connection)

    return asyncio.run(all_of_it())


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Rows as a table that fits the terminal, or as one JSON array."""
    if as_json:
        typer.echo(orjson.dumps(list(rows), default=str).decode())
        return
    table = Table(box=None, pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(cell(value) for value in row.values()))
    Console().print(table if rows else messages.text("LS-5455"))


def show_one(row: Mapping[str, Any], *, as_json: bool) -> None:
    """One row as lines `name: value`, or as one JSON object."""
    if as_json:
        typer.echo(orjson.dumps(row, default=str).decode())
        return
    for name, value in row.items():
        typer.echo(f"{name.replace('_', ' ')}: {cell(value)}")


def cell(value: object) -> str:
    """A value as people read it; times in this computer's zone."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return messages.text("LS-5681" if value else "LS-5682")
    if isinstance(value, datetime):
        return value.astimezone().isoformat(sep=" ", timespec="seconds")
    return str(value)
