"""`lineside-server`: run, migrate, apply, and looks at what was set aside or is missing."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from ingest_server import parts
from ingest_server.config import ROLES, Role, ServerConfig
from runtime import cli, logs, platform, strict_yaml

app = cli.program("The ingestion server of Lineside.")
dead_letters = typer.Typer(no_args_is_help=True, help="Messages that could not be used.")
app.add_typer(dead_letters, name="dead-letter")

File = Annotated[Path, typer.Argument(metavar="FILE", help="The server's configuration (YAML).")]


def main() -> None:
    """Entry point of `lineside-server`."""
    cli.run(app, extra="server")


@app.command()
def run(
    file: File,
    role: Annotated[
        list[str] | None, typer.Option(help="Only this part (repeatable): ingest, work, api.")
    ] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log as JSON lines.")] = False,  # noqa: FBT002
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Run the server until Ctrl-C or SIGTERM."""
    from ingest_server.app import run as run_server

    roles = _roles(role)
    config = strict_yaml.load(file, ServerConfig)
    logs.configure(json=log_json, level=log_level, stream=sys.stderr)

    async def serve() -> None:
        stop = asyncio.Event()
        undo = platform.on_stop_signals(asyncio.get_running_loop(), stop.set)
        try:
            await run_server(config, roles, stop)
        finally:
            undo()

    asyncio.run(serve())


def _roles(wanted: list[str] | None) -> tuple[Role, ...]:
    unknown = [name for name in wanted or () if name not in ROLES]
    if unknown:
        raise typer.BadParameter(", ".join(unknown), param_hint="--role")
    return tuple(role for role in ROLES if not wanted or role in wanted)


@app.command()
def migrate(file: File) -> None:
    """Bring the database to the schema of this release."""
    from ingest_server.store.migrate import migrate as migrate_database

    async def work() -> None:
        async with parts.database(strict_yaml.load(file, ServerConfig)) as dsn:
            done = await asyncio.to_thread(migrate_database, dsn)
            typer.echo(f"{done.before or '-'} -> {done.after}")

    asyncio.run(work())
