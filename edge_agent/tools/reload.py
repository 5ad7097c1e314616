"""`lineside-edge reload`: has the running agent read its configuration file again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from edge_agent.config import load
from edge_agent.configure import presence
from edge_agent.configure.asked import ask
from edge_agent.tools.say import say, tell
from runtime import cli
from runtime.errors import RetryLater

_UNSEEN_S: Final = 5.0
"""So long an agent is waited for whose process cannot be seen: in a container perhaps."""


def command(
    file: Annotated[Path, typer.Argument(help="The edge's configuration, a YAML file.")],
    own: Annotated[  # noqa: FBT002 - an option of the command line
        bool,
        typer.Option("--own", help="Run the file even where a pushed configuration runs."),
    ] = False,
    wait_s: Annotated[
        float, typer.Option("--wait", min=1, help="Seconds to wait for the agent's answer.")
    ] = 60.0,
) -> None:
    """Have the running agent read FILE again: only what changed starts again."""
    folder = load(file).data_dir
    there = presence.read(folder)
    if there is None:
        raise RetryLater("LS-4925", folder=str(folder), file=str(file))
    outcome = ask(folder, own=own, wait_s=wait_s if there.alive else min(wait_s, _UNSEEN_S))
    for found in outcome.problems:
        print(f"{found.problem.text()} [{found.code}]", file=sys.stderr)  # noqa: T201
    for one in outcome.said:
        (say if outcome.ok else tell)(one.code, **one.params)
    if not outcome.ok:
        raise typer.Exit(cli.RECONFIGURE)
