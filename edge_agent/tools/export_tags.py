"""`lineside-edge export-tags`: the tags of a configuration as a table, for Excel and back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from edge_agent.config import EdgeConfig, load
from edge_agent.tools import tag_table
from edge_agent.tools.say import say
from edge_agent.tools.tag_columns import known, row_of
from edge_agent.tools.tag_table import Cell


def table(config: EdgeConfig) -> tuple[tuple[str, ...], list[list[Cell]]]:
    """Header and rows of all tags."""
    header = known(dict.fromkeys(device.driver for device in config.devices))
    rows = [
        row_of(device, number, group, tag)
        for device in config.devices
        for number, group in enumerate(device.groups, 1)
        for tag in group.tags
    ]
    return header, [[row.get(column, "") for column in header] for row in rows]


def command(
    file: Annotated[Path, typer.Argument(help="The edge's configuration, a YAML file.")],
    out: Annotated[
        Path | None, typer.Option(help="Write here (.csv, .xlsx); default: CSV on standard output.")
    ] = None,
    encoding: Annotated[
        Literal["utf-8", "gb18030"], typer.Option(help="Of a CSV file; UTF-8 gets a BOM for Excel.")
    ] = "utf-8",
) -> None:
    """Write the tags as a table that `import` reads again without loss."""
    config = load(file)
    header, rows = table(config)
    if out is None:
        sys.stdout.write(tag_table.as_csv(header, rows).replace("\r\n", "\n"))
        return
    tag_table.write(out, header, rows, "gb18030" if encoding == "gb18030" else "utf-8-sig")
    say("LS-4721", tags=len(rows), devices=len(config.devices), file=str(out))
