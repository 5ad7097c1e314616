"""`lineside-server`: run, migrate, apply, and looks at what was set aside or is missing."""

from __future__ import annotations

import asyncio
import getpass
import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import Progress

from ingest_server import cli_storage, parts
from ingest_server.config import ROLES, Role, ServerConfig
from ingest_server.terminal import doctor
from ingest_server.terminal.fleet import edges
from ingest_server.terminal.gaps import gaps
from ingest_server.terminal.letters import letters
from ingest_server.terminal.shown import AsJson, File, edge_of, one_of
from runtime import cli, logs, messages, platform, strict_yaml
from runtime.clock import now_us

app = cli.program("The ingestion server of Lineside.")
app.command("doctor")(doctor.command)
app.add_typer(letters, name="dead-letter")
app.add_typer(cli_storage.retention, name="retention")
app.add_typer(cli_storage.timescaledb, name="timescaledb")
app.add_typer(edges, name="edges")
app.add_typer(gaps, name="gaps")


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
    from ingest_server.store.connection import silence_library

    roles = _roles(role)
    one_of(log_level, logs.LEVELS)
    config = strict_yaml.load(file, ServerConfig)
    logs.configure(json=log_json, level=log_level, stream=sys.stderr)
    if log_level != "debug":
        silence_library()

    async def serve() -> None:
        stop = asyncio.Event()
        undo = platform.on_stop_signals(asyncio.get_running_loop(), stop.set)
        try:
            await run_server(config, roles, stop)
        finally:
            undo()

    asyncio.run(serve())


def _roles(wanted: list[str] | None) -> tuple[Role, ...]:
    for name in wanted or ():
        one_of(name, ROLES)
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


@app.command()
def apply(
    plant: Annotated[Path, typer.Argument(metavar="PLANT", help="The plant's file (plant.yaml).")],
    server: Annotated[
        Path | None,
        typer.Option(help="The server's configuration (default: server.yaml beside PLANT)."),
    ] = None,
    author: Annotated[
        str | None, typer.Option(help="Who is responsible (default: your user name).")
    ] = None,
    dry_run: Annotated[  # noqa: FBT002
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
) -> None:
    """Put a plant's lines, equipment, rules and orders into force."""
    from ingest_server.store.migrate import migrate as migrate_database
    from ingest_server.usecases.apply import apply as apply_plan

    who = author or getpass.getuser()
    file = server or plant.with_name("server.yaml")

    async def work() -> None:
        async with parts.database(strict_yaml.load(file, ServerConfig)) as dsn:
            await asyncio.to_thread(migrate_database, dsn)
            done = await asyncio.to_thread(
                lambda: apply_plan(dsn, plant, author=who, dry_run=dry_run, clock=now_us)
            )
        for change in done.changes:
            typer.echo(change.text())
        if done.version is not None:
            typer.echo(messages.text("LS-5451", version=done.version, author=who))
        else:
            typer.echo(messages.text("LS-5453" if done.changes else "LS-5452"))

    asyncio.run(work())


@app.command()
def refold(
    file: File,
    edge: Annotated[str | None, typer.Option(help="Only of this edge: plant/edge.")] = None,
) -> None:
    """Catch up with counters, orders and alarms of streams whose folds failed."""
    from ingest_server.usecases.refold import Refolded
    from ingest_server.usecases.refold import refold as refold_all

    only = None if edge is None else edge_of(edge)

    async def work() -> list[Refolded]:
        async with parts.database(strict_yaml.load(file, ServerConfig)) as dsn:
            return await asyncio.to_thread(lambda: refold_all(dsn, clock=now_us, edge=only))

    found = asyncio.run(work())
    for one in found:
        what = {"edge": str(one.edge), "class": str(one.cls), "records": str(one.records)}
        if one.error is not None:
            what |= {"left": str(one.left), "reason": repr(one.error)[:300]}
        typer.echo(messages.text("LS-5456" if one.error is None else "LS-5457", lang=None, **what))
    if not found:
        typer.echo(messages.text("LS-5458"))
    if any(one.error is not None for one in found):
        raise typer.Exit(1)


@app.command("import")
def import_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files of `lineside-edge export`.")
    ],
    server: Annotated[
        Path, typer.Option(help="The server's configuration (default: server.yaml here).")
    ] = Path("server.yaml"),
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Take what was carried here from edges without a network; may be repeated, in any order."""
    from ingest_server.receive.carried import Importer, Report
    from ingest_server.receive.committer import Committer
    from ingest_server.store.migrate import migrate as migrate_database

    sizes = {file: file.stat().st_size for file in dict.fromkeys(files)}

    def take(dsn: str) -> list[Report]:
        migrate_database(dsn)
        committer = Committer(dsn, clock=now_us)
        bars = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty())
        try:
            with bars:
                tasks = {file: bars.add_task(file.name, total=sizes[file]) for file in sizes}
                return Importer(committer).all_of(
                    list(sizes), lambda file, done: bars.update(tasks[file], completed=done)
                )
        finally:
            committer.close()

    async def work() -> list[Report]:
        async with parts.database(strict_yaml.load(server, ServerConfig)) as dsn:
            return await asyncio.to_thread(take, dsn)

    found = asyncio.run(work())
    if as_json:
        typer.echo(orjson.dumps([report.as_json() for report in found]).decode())
    else:
        for line in [line for report in found for line in report.lines()]:
            typer.echo(line)
    if not all(report.complete for report in found):
        raise typer.Exit(1)
