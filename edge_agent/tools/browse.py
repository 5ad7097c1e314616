"""`lineside-edge browse`: the variables of an OPC UA server as a configuration to go on from."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from drivers.opcua.config import OpcUaDevice
from edge_agent.config import load
from edge_agent.tools.say import tell
from edge_agent.tools.yaml_text import whole
from runtime import messages
from runtime.cli import FAILED, INTERRUPTED
from runtime.errors import Reconfigure, RetryLater
from runtime.platform import on_stop_signals

if TYPE_CHECKING:
    from edge_agent.tools.walk import Walk

_REASONS = {"array": "LS-4754", "type": "LS-4755", "address": "LS-4756", "unreadable": "LS-4757"}


def device_of(url: str, config: Path | None) -> OpcUaDevice:
    """How to reach `url`: as the device with that URL in `config` is, or without security."""
    if config is not None:
        for device in load(config).devices:
            if isinstance(device, OpcUaDevice) and device.url == url:
                return device
        raise Reconfigure("LS-4751", url=url, file=str(config))
    group = {"every_ms": 1000, "tags": [{"path": "x", "address": "i=2259", "dtype": "i32"}]}
    fields = {"id": "server-1", "driver": "opcua", "url": url, "security": "none"}
    try:
        return OpcUaDevice.model_validate({**fields, "groups": [group]})
    except ValidationError as error:
        raise Reconfigure("LS-4750", url=url) from error


async def walked(device: OpcUaDevice, *, text: str, most: int) -> tuple[Walk, RetryLater | None]:
    """The walk, ended by itself, by Ctrl-C or by a connection that was lost: then with the error.

    Raises RetryLater or Reconfigure where the server cannot be reached at all.
    """
    from drivers.opcua.session import Session
    from drivers.registry import silence_libraries
    from edge_agent.tools.walk import Walk

    silence_libraries()
    session = Session(device)
    await session.open()
    try:
        with _bar(most) as progress:
            walk = Walk(session, text=text, most=most, progress=progress)
            undo = on_stop_signals(asyncio.get_running_loop(), walk.stop.set)
            try:
                await walk.run()
            except RetryLater as error:
                return walk, error
            finally:
                undo()
    finally:
        await session.close()
    return walk, None


def written(walk: Walk, device: OpcUaDevice) -> str:
    """What was found as YAML that `check` accepts."""
    tags = [
        {"path": one.path, "address": one.address, "dtype": one.dtype.value}
        | ({"literal": True} if one.literal else {})
        for one in walk.found
    ]
    values = device.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    values["groups"] = [{"every_ms": 1000, "tags": tags}]
    return "\n".join(whole([values], note=f"found at {device.url}")) + "\n"


@contextmanager
def _bar(most: int) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on a terminal's standard error; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=most)

        def show(nodes: int, tags: int) -> None:
            words = messages.text("LS-4758", lang=None, nodes=f"{nodes:,}", tags=f"{tags:,}")
            bar.update(task, completed=nodes, description=words)

        yield show


def command(
    url: Annotated[str, typer.Argument(help="The server, e.g. opc.tcp://10.0.0.7:4840.")],
    out: Annotated[
        Path | None, typer.Option(help="Write the configuration here, default: standard output.")
    ] = None,
    text: Annotated[
        str, typer.Option("--filter", help="Only variables with this in path or node id.")
    ] = "",
    most: Annotated[
        int, typer.Option("--max", min=1, max=1_000_000, help="Nodes that are looked at.")
    ] = 100_000,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Take security and user from the device with this URL in a configuration."
        ),
    ] = None,
) -> None:
    """Find the variables of an OPC UA server; Ctrl-C ends it and keeps what was found."""
    if out is not None and out.exists():
        raise Reconfigure("LS-4734", file=str(out))
    device = device_of(url, config)
    walk, error = asyncio.run(walked(device, text=text, most=most))
    for reason, code in _REASONS.items():
        if walk.left_out[reason]:
            tell(code, count=walk.left_out[reason])
    if walk.cut_off:
        tell("LS-4753", most=most)
    if error is not None:
        tell("LS-4759", reason=error)
    if not walk.found:
        raise error or Reconfigure("LS-4752", url=url, nodes=walk.seen)
    if out is None:
        sys.stdout.write(written(walk, device))
    else:
        out.write_text(written(walk, device), "utf-8", newline="\n")
        tell("LS-4721", tags=len(walk.found), devices=1, file=str(out))
    if walk.stop.is_set():
        raise typer.Exit(INTERRUPTED)
    if error is not None:
        raise typer.Exit(FAILED)
