"""The command `lineside-edge`: run an agent, check its configuration, ask a running one."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge_agent.config import load
from edge_agent.page.html import away_words, time_words
from edge_agent.tools import (
    browse,
    doctor,
    export_records,
    export_tags,
    import_tags,
    reload,
    render,
    support_bundle,
)
from edge_agent.tools.ask import ask
from runtime import cli, logs, messages

app = cli.program("The Lineside edge agent: reads PLCs, keeps everything, delivers it.")

File = Annotated[Path, typer.Argument(help="The edge's configuration, a YAML file.")]


@app.command()
def run(
    file: File,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    log_json: Annotated[  # noqa: FBT002 - an option of the command line
        bool, typer.Option("--log-json", help="One JSON object a line instead of text.")
    ] = False,
) -> None:
    """Run until stopped (Ctrl-C, SIGTERM); SIGHUP reloads the configuration."""
    from drivers.registry import silence_libraries
    from edge_agent.app import Agent
    from edge_agent.clock.house import HouseClock
    from edge_agent.configure.configurator import Configurator
    from edge_agent.configure.text import own
    from runtime.platform import on_reload_signal, on_stop_signals

    if log_level not in logs.LEVELS:
        raise typer.BadParameter(", ".join(logs.LEVELS), param_hint="--log-level")
    found = own(file)
    logs.configure(json=log_json, level=log_level, stream=sys.stderr)
    silence_libraries()  # what they have to say, the drivers say in words of ours

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        clock = HouseClock()
        configurator = Configurator(found, file, clock=clock)
        agent = Agent(found.config, clock=clock, configurator=configurator)
        undo = on_stop_signals(loop, stop.set), on_reload_signal(loop, agent.reload.set)
        try:
            await agent.run(stop)
        finally:
            for one in undo:
                one()

    asyncio.run(serve())


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="The edge's configuration, a YAML file.")
    ] = None,
    schema: Annotated[  # noqa: FBT002 - an option of the command line
        bool, typer.Option("--schema", help="Print the JSON Schema of edge.yaml for editors.")
    ] = False,
) -> None:
    """Check the configuration without connecting to anything; say what it would do."""
    if schema:
        from edge_agent.tools.schema import as_text

        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
        sys.stdout.write(as_text())
        return
    if file is None:
        raise typer.BadParameter("FILE", param_hint="FILE")
    config = load(file)
    tags = sum(len(device.points) for device in config.devices)
    _say("LS-4601", file=str(file), edge=str(config.id), devices=len(config.devices), tags=tags)
    for device in config.devices:
        for number, group in enumerate(device.groups):
            _say(
                "LS-4602", device=device.id, driver=device.driver, group=number,
                tags=len(group.tags), every_ms=group.every_ms, mode=group.mode,
            )  # fmt: skip


@app.command()
def status(
    file: File,
    as_json: Annotated[  # noqa: FBT002 - an option of the command line
        bool, typer.Option("--json", help="One JSON object on standard output.")
    ] = False,
) -> None:
    """Ask the running agent of this configuration how it is."""
    found = ask(load(file))
    if as_json:
        print(json.dumps(found))  # noqa: T201
        return
    console = Console()
    broker, buffer = found["broker"], found["buffer"]
    said = "LS-4513" if broker["connected"] else "LS-4514"
    table = Table(title=f"{found['plant']}/{found['edge']}  {found['name']}", show_header=False)
    table.add_row(messages.text("LS-4956"), _configuration(found["configuration"]))
    table.add_row(messages.text("LS-4512"), f"{broker['address']} {messages.text(said)}")
    if broker["error"]:
        table.add_row("", broker["error"])
    table.add_row(messages.text("LS-4544"), time_words(found["clock"]))
    table.add_row(messages.text("LS-4517"), str(buffer.get("unacked_records", "?")))
    table.add_row(messages.text("LS-4518"), f"{buffer.get('oldest_unacked_s', '?')} s")
    table.add_row(messages.text("LS-4519"), f"{buffer.get('bytes', 0):,}/{buffer['max_bytes']:,}")
    if broker["rate_cap_kbit_s"] is not None:
        table.add_row(messages.text("LS-4536"), f"{broker['rate_cap_kbit_s']:,} kbit/s")
    for device in found["devices"]:
        state = {"up": "LS-4532", "down": "LS-4533"}.get(device["state"], "LS-4534")
        bad = f"{device['bad_points']} {messages.text('LS-4543')}" if device["bad_points"] else ""
        table.add_row(device["id"], f"{messages.text(state)} {bad} {device['error'] or ''}")
    for order in found["orders"]:
        what = f"{order['equipment']} {order['product']} {order['quantity'] or ''}"
        table.add_row(
            f"{messages.text('LS-4538')} {order['order']}", f"{what} {order['due'] or ''}"
        )
    if away := away_words(found):
        console.print(f"[bold red]{escape(away)}[/]")
    console.print(table)


def _configuration(found: dict[str, Any]) -> str:
    """Which configuration runs, in words."""
    if not found:
        return "-"
    if found["version"] is None:
        return str(found["file"])
    words = messages.text("LS-4957", version=found["version"])
    if found["trial_until"]:
        words += ", " + messages.text("LS-4958", until=found["trial_until"])
    return words


def _say(code: str, **params: object) -> None:
    print(messages.text(code, lang=None, **params))  # noqa: T201


app.command("reload")(reload.command)
app.command("doctor")(doctor.command)
app.command("browse")(browse.command)
app.command("import")(import_tags.command)
app.command("render")(render.command)
app.command("export-tags")(export_tags.command)
app.command("export")(export_records.command)
app.command("support-bundle")(support_bundle.command)


def main() -> None:
    """The entry point."""
    cli.run(app, extra="edge")


if __name__ == "__main__":
    main()
