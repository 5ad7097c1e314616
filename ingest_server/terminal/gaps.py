"""`lineside-server gaps`: times without data and why, and who accepted them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ingest_server.terminal.shown import (
    AsJson,
    Author,
    File,
    Limit,
    Why,
    done,
    edge_of,
    read,
    show,
    who,
)
from runtime import messages
from runtime.clock import now_us, to_datetime
from runtime.errors import Reconfigure

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow

gaps = typer.Typer(no_args_is_help=True, help="Times without data and why.")


@gaps.command("list")
def list_gaps(
    file: File,
    edge: Annotated[str | None, typer.Option(help="Only of this edge: plant/edge.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Times without data and why, newest first."""
    from ingest_server.store import looks

    only = None if edge is None else str(edge_of(edge))
    show(read(file, lambda dsn: looks.gaps(dsn, edge=only, limit=limit)), as_json=as_json)


@gaps.command("accept")
def accept_gap(
    file: File,
    gap: Annotated[int, typer.Argument(min=1, metavar="GAP", help="Number of the gap.")],
    reason: Why,
    author: Author = None,
) -> None:
    """State that nothing more will come for this time."""
    from ingest_server.store import reads
    from ingest_server.usecases import acceptance

    async def work(connection: AsyncConnection[DictRow]) -> bool:
        accepted = await acceptance.accept(
            connection, gap, by=who(author), reason=reason, now=to_datetime(now_us())
        )
        if accepted:
            return True
        before = await reads.row(connection, "faults", "accepted", gap=gap)
        if before is None:
            raise Reconfigure("LS-5691", gap=gap)
        by, at = before["accepted_by"], before["accepted_at"]
        if by != who(author):
            raise Reconfigure("LS-5692", gap=gap, by=by, at=at.isoformat())
        return False

    accepted = done(file, work)
    typer.echo(messages.text("LS-5693" if accepted else "LS-5452", gap=gap, by=who(author)))
