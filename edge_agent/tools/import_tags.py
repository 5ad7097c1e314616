"""`lineside-edge import`: a tag list from CSV or Excel becomes a configuration, or part of one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from drivers.base import DeviceConfig
from edge_agent.config import load
from edge_agent.tools import tag_table
from edge_agent.tools.say import tell
from edge_agent.tools.splice import splice
from edge_agent.tools.tag_rows import TagList
from edge_agent.tools.yaml_text import group_values, whole
from runtime.errors import Reconfigure
from runtime.problems import ConfigError, Problem


def converted(listed: Path, config: Path | None) -> tuple[str, int, int]:
    """The YAML with the tags of `listed`, and how many tags and devices these are.

    With `config` its text with the groups of the listed devices replaced; otherwise a new one.
    Raises ConfigError with every bad cell of the list.
    """
    sheet = tag_table.read(listed)
    existing: dict[str, DeviceConfig] = {}
    if config is not None:
        existing = {device.id: device for device in load(config).devices}
    devices = TagList(sheet, existing).devices()
    tags = sum(len(device.points) for device in devices.values())
    if config is None:
        written = whole([_values(device) for device in devices.values()], note=listed.name)
        return "\n".join(written) + "\n", tags, len(devices)
    _check_others(sheet.file, existing, devices)
    groups = {
        name: [group_values(group) for group in device.groups] for name, device in devices.items()
    }
    text = config.read_text("utf-8-sig")
    return splice(text, groups, file=str(config)), tags, len(devices)


def _values(device: DeviceConfig) -> dict[str, Any]:
    dumped = device.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {**dumped, "groups": [group_values(group) for group in device.groups]}


def _check_others(
    file: str, existing: Mapping[str, DeviceConfig], devices: Mapping[str, DeviceConfig]
) -> None:
    """A path of the list must not be that of a device which keeps its tags."""
    kept = {
        tag.path: name for name, device in existing.items() if name not in devices
        for tag in device.points
    }  # fmt: skip
    problems = [
        Problem(
            file=file, field="path", code="LS-4719", params={"path": path, "device": kept[path]}
        )
        for device in devices.values()
        for path in (tag.path for tag in device.points)
        if path in kept
    ]
    if problems:
        raise ConfigError(problems)


def command(
    file: Annotated[Path, typer.Argument(help="The tag list: .csv or .xlsx.")],
    config: Annotated[
        Path | None,
        typer.Option(help="Take everything but the listed devices' tags from this configuration."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the configuration here, default: standard output."),
    ] = None,
) -> None:
    """Make a configuration of a tag list; every bad cell is named by file:row:column."""
    text, tags, devices = converted(file, config)
    if out is None:
        sys.stdout.write(text)
        return
    if out.exists() and (config is None or not out.samefile(config)):
        raise Reconfigure("LS-4724", file=str(out))
    out.write_text(text, "utf-8", newline="\n")
    tell("LS-4721", tags=tags, devices=devices, file=str(out))
