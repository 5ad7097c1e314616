"""`lineside-edge render`: one template and a row each make the configurations of many edges.

Every configuration is checked as the agent would; where one row is wrong nothing is written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from edge_agent.config import EdgeConfig, parse
from edge_agent.templates import names_in
from edge_agent.tools import tag_table
from edge_agent.tools.say import say
from runtime.errors import Reconfigure
from runtime.problems import ConfigError, Problem
from runtime.strict_yaml import read
from runtime.yaml_tree import VARIABLE

_SECRETS = frozenset({"LS-1041", "LS-1043"})
"""What is wrong with a secret that is not on this computer is no matter of the template."""
_KEPT = "kept"


def rendered(template: Path, rows: Path, *, keep: frozenset[str] = frozenset()) -> dict[str, str]:
    """The text of each configuration by its file name, `PLANT.EDGE.yaml`.

    `keep`: variables left for the edges' own environment. Raises ConfigError with every problem of
    every row, Reconfigure where template and table do not fit each other.
    """
    text = read(template)
    sheet = tag_table.read(rows)
    _check_syntax(text, template)
    columns = _columns(text, sheet, template, keep)
    found: dict[str, str] = {}
    problems: list[Problem] = []
    rows_of: dict[str, int] = {}
    for number, cells in sheet.rows:
        values = {
            name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()
        }
        try:
            made, config = _one(text, template, values, keep)
        except ConfigError as error:
            problems += [_of_row(one, sheet.file, number) for one in error.problems]
            continue
        name = f"{config.plant}.{config.edge}.yaml"
        if name in rows_of:
            params: dict[str, object] = {"edge": str(config.id), "first": rows_of[name]}
            problems.append(Problem(file=sheet.file, line=number, code="LS-4780", params=params))
        rows_of.setdefault(name, number)
        found[name] = made
    if problems:
        raise ConfigError(problems)
    return found


def _check_syntax(text: str, template: Path) -> None:
    """Raise ConfigError where the template is no YAML, whatever its variables are."""
    try:
        yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        parse(text, str(template), folder=template.parent)


def _columns(
    text: str, sheet: tag_table.Sheet, template: Path, keep: frozenset[str]
) -> dict[str, int]:
    """The column of each variable of the template."""
    given = {name: at for at, name in enumerate(sheet.header) if name}
    wanted = _wanted(text)
    columns = {name: given[name.lower()] for name in wanted if name.lower() in given}
    lacking = [
        name
        for name, has_default in wanted.items()
        if name not in columns and name not in keep and not has_default
    ]
    if lacking:
        raise Reconfigure(
            "LS-4781", template=str(template), names=", ".join(lacking), file=sheet.file
        )
    unused = set(given) - {name.lower() for name in columns}
    if unused:
        raise Reconfigure(
            "LS-4782", template=str(template), names=", ".join(sorted(unused)), file=sheet.file
        )
    return columns


def _wanted(text: str) -> dict[str, bool]:
    """The variables that are filled when the file is read: not those of device templates' vars."""
    own = _device_vars(text)
    wanted: dict[str, bool] = {}
    try:
        events = list(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return {}  # the check of the rows says what is wrong
    for event in events:
        for name, has_default in names_in(event.value if hasattr(event, "value") else ""):
            if name not in own:
                wanted[name] = wanted.get(name, True) and has_default
    return wanted


def _device_vars(text: str) -> set[str]:
    """Names that devices give to their templates; those are filled at the edge."""
    try:
        root = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return set()  # the check of the rows says what is wrong
    devices = root.get("devices") if isinstance(root, dict) else None
    given = [
        one.get("vars")
        for one in (devices if isinstance(devices, list) else ())
        if isinstance(one, dict)
    ]
    return {str(name) for one in given if isinstance(one, dict) for name in one}


def _one(
    text: str, template: Path, values: Mapping[str, str], keep: frozenset[str]
) -> tuple[str, EdgeConfig]:
    """One configuration, checked: as a text, and as the agent reads it."""

    def fill(match: re.Match[str]) -> str:
        escaped, name, default = match.groups()
        if escaped or name not in values:
            return match.group()
        return values[name] or ("" if default is None else str(default))

    made = VARIABLE.sub(fill, text)
    env = {**os.environ, **dict.fromkeys(keep, _KEPT)}
    config = _checked(made, template, env)
    meant = _checked(text, template, {**env, **values})
    if config.model_dump(mode="json") != meant.model_dump(mode="json"):
        raise ConfigError([Problem(file=str(template), code="LS-4783")])
    return made, config


def _checked(text: str, template: Path, env: Mapping[str, str]) -> EdgeConfig:
    try:
        return parse(text, str(template), folder=template.parent, env=env)
    except ConfigError as error:
        problems = [one for one in error.problems if one.code not in _SECRETS]
        if problems:
            raise ConfigError(problems) from error
    # Only secrets are missing here: look at all the rest with one of no meaning in their place.
    return parse(_without_secrets(text), str(template), folder=template.parent, env=env)


def _without_secrets(text: str) -> str:
    return re.sub(r"\{\s*(?:file|env)\s*:[^{}]*\}", _KEPT, text)


def _of_row(problem: Problem, file: str, number: int) -> Problem:
    """The same with the row for which it arose."""
    params: dict[str, Any] = {"row": number, "file": file, "problem": problem.phrase}
    return Problem(
        file=problem.file, line=problem.line, column=problem.column, field=problem.field,
        code="LS-4784", params=params,
    )  # fmt: skip


def write(found: Mapping[str, str], out: Path, *, overwrite: bool) -> None:
    """Write all files; none where one of them is there already. Raises Reconfigure, OSError."""
    there = [name for name in found if (out / name).exists()]
    if there and not overwrite:
        raise Reconfigure("LS-4785", folder=str(out), names=", ".join(there[:5]))
    out.mkdir(parents=True, exist_ok=True)
    parts = []
    try:
        for name, text in found.items():
            part = out / f".{name}.part"
            parts.append((part, out / name))
            part.write_text(text, "utf-8", newline="\n")
        for part, file in parts:
            part.replace(file)
    finally:
        for part, _ in parts:
            part.unlink(missing_ok=True)


def command(
    template: Annotated[Path, typer.Argument(help="An edge.yaml with ${NAME} for what differs.")],
    rows: Annotated[Path, typer.Argument(help="A row for each edge: .csv or .xlsx.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    keep: Annotated[
        list[str] | None,
        typer.Option(help="A variable left for the edge's own environment (repeatable)."),
    ] = None,
    overwrite: Annotated[  # noqa: FBT002 - an option of the command line
        bool, typer.Option("--overwrite", help="Replace files that are there.")
    ] = False,
) -> None:
    """Make a configuration for each row of a table, all checked, or none."""
    found = rendered(template, rows, keep=frozenset(keep or ()))
    write(found, out, overwrite=overwrite)
    say("LS-4786", count=len(found), folder=str(out))
