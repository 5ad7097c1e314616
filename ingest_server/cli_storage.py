"""`lineside-server retention` and `timescaledb`: how long readings are kept, and in which form."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from ingest_server import parts
from ingest_server.config import ServerConfig
from runtime import messages, strict_yaml
from runtime.clock import now_us, to_datetime

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ingest_server.store.spans import Span
    from ingest_server.usecases.retention import Action, Done

    R = TypeVar("R")

File = Annotated[Path, typer.Argument(metavar="FILE", help="The server's configuration (YAML).")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON value.")]

timescaledb = typer.Typer(no_args_is_help=True, help="TimescaleDB, turned on later.")
retention = typer.Typer(no_args_is_help=True, help="How long readings are kept.")


@retention.command("show")
def show(file: File, as_json: AsJson = False) -> None:  # noqa: FBT002
    """What is kept how long, what is there, and how much space it takes."""
    from ingest_server.store import connection as connections
    from ingest_server.usecases import retention as usecase

    config = strict_yaml.load(file, ServerConfig)

    def work(dsn: str) -> usecase.Found:
        with connections.connect(dsn, name="cli") as connection:
            return usecase.look(connection)

    found = _with_database(config, work)
    keep = usecase.keep_of(config.retention)
    rows: list[dict[str, object]] = [
        {
            "what": f"reading ({cls})",
            "kept_days": keep.readings[cls],
            "frozen_before": _day(found.frozen.get(cls)),
            "gone_before": _day(found.dropped.get(cls)),
        }
        for cls in usecase.CLASSES
    ]
    for table, spans in found.spans.items():
        rows.append(
            {
                "what": table,
                "kept_days": keep.rollups.get(table),
                "parts": len(spans),
                "packed": sum(span.compressed for span in spans),
                "from": _day(min((span.from_us for span in spans), default=None)),
                "to": _day(max((span.to_us for span in spans), default=None)),
                "bytes": sum(span.size for span in spans),
            }
        )
    if as_json:
        typer.echo(orjson.dumps(rows).decode())
        return
    for row in rows:
        typer.echo(
            "  ".join(f"{name}={'-' if value is None else value}" for name, value in row.items())
        )


@retention.command("run")
def run(
    file: File,
    dry_run: Annotated[  # noqa: FBT002
        bool, typer.Option("--dry-run", help="Only show what would go.")
    ] = False,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Remove what is too old now; a running server does that every hour by itself."""
    from ingest_server.store.migrate import migrate
    from ingest_server.usecases import retention as usecase

    config = strict_yaml.load(file, ServerConfig)
    keep = usecase.keep_of(config.retention)

    def work(dsn: str) -> list[usecase.Done]:
        if dry_run:
            actions = usecase.planned(dsn, keep, now_us=now_us())
            return [usecase.Done(action=action) for action in actions]
        migrate(dsn)
        return usecase.run(dsn, keep, now_us=now_us())

    done = _with_database(config, work)
    if as_json:
        typer.echo(orjson.dumps([_as_json(each) for each in done]).decode())
        return
    if dry_run:
        typer.echo(messages.text("LS-5453"))
    for each in done:
        typer.echo(_in_words(each, dry_run=dry_run))
    if not done:
        typer.echo(messages.text("LS-5831"))


@timescaledb.command("enable")
def enable(file: File) -> None:
    """Move a plain database into TimescaleDB's hypertables; servers must be stopped."""
    from ingest_server.store import hypertables

    def tell(moved: hypertables.Moved) -> None:
        said = {"table": moved.name, "rows": str(moved.rows), "left": str(moved.left)}
        typer.echo(messages.text("LS-5844", lang=None, **said))

    config = strict_yaml.load(file, ServerConfig)
    _with_database(config, lambda dsn: hypertables.enable(dsn, told=tell))
    typer.echo(messages.text("LS-5845"))


def _in_words(done: Done, *, dry_run: bool) -> str:
    from ingest_server.usecases.retention import Drop, Freeze

    action = done.action
    if isinstance(action, Freeze):
        code = "LS-5833" if done.waits else "LS-5832"
        before = str(_day(action.before_us))
        return messages.text(code, lang=None, **{"class": action.cls, "before": before})
    said = _span(action.span)
    if isinstance(action, Drop):
        return messages.text("LS-5837" if dry_run else "LS-5834", lang=None, **said)
    said |= {"class": action.cls, "rows": str(done.rows)}
    if dry_run:
        del said["rows"]
    return messages.text("LS-5836" if dry_run else "LS-5835", lang=None, **said)


def _span(span: Span) -> dict[str, str]:
    return {
        "table": span.table,
        "from": str(_day(span.from_us)),
        "to": str(_day(span.to_us)),
        "size": f"{span.size / 1e6:.1f} MB",
    }


def _as_json(done: Done) -> dict[str, object]:
    action: Action = done.action
    span = getattr(action, "span", None)
    return {
        "action": type(action).__name__.lower(),
        "class": getattr(action, "cls", None),
        "before": _day(getattr(action, "before_us", None)),
        "table": None if span is None else span.table,
        "from": None if span is None else _day(span.from_us),
        "to": None if span is None else _day(span.to_us),
        "bytes": None if span is None else span.size,
        "rows": done.rows,
        "waits": done.waits,
    }


def _shown(value: object) -> str:
    return "-" if value is None else str(value)


def _day(at_us: int | None) -> str | None:
    if at_us is None:
        return None
    at = to_datetime(at_us)
    return f"{at:%Y-%m-%d}" if at - at.replace(hour=0, minute=0) < timedelta(minutes=1) else str(at)


def _with_database(config: ServerConfig, work: Callable[[str], R]) -> R:
    async def use() -> R:
        async with parts.database(config) as dsn:
            return await asyncio.to_thread(work, dsn)

    return asyncio.run(use())
