"""What can be said of a configuration before an edge sees it: YAML, size, no secret in plain sight.

Pure. The agent checks everything else: only it knows its drivers, its files and its environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from runtime.problems import ConfigError, Problem
from runtime.yaml_place import dotted
from runtime.yaml_tree import Node, Stop, TreeReader
from wire.control import MAX_CONTROL, ConfigPush
from wire.ids import EdgeId

_SECRET: Final = re.compile(r"(?:^|_)(?:password|passphrase|secret|token|pin)$")
_FILLED: Final = re.compile(r"\$\{[^}]*\}")


class _Unfilled(Mapping[str, str]):
    """The environment of another computer: every variable exists and stays as it is written."""

    def __getitem__(self, name: str) -> str:
        return f"${{{name}}}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def check(text: str, name: str) -> Mapping[str, Any]:
    """What the text says, variables as they stand. Raises ConfigError with every problem found.

    `name`: of the file, for the problems.
    """
    reader = TreeReader(name, _Unfilled())
    try:
        root = reader.read(text)
    except Stop as stop:
        raise ConfigError([*reader.problems, stop.problem]) from stop
    problems = list(reader.problems)
    if root is None or not isinstance(root.value, dict):
        raise ConfigError(problems or [Problem(file=name, code="LS-1008")])
    problems += _secrets(root, name, ())
    size = len(ConfigPush(version=1, at_us=0, sha256="0" * 64, text=text).encode())
    if size > MAX_CONTROL:
        params: dict[str, object] = {"size": size, "limit": MAX_CONTROL}
        problems.append(Problem(file=name, line=1, code="LS-5672", params=params))
    if problems:
        raise ConfigError(problems)
    return root.value


def _secrets(node: Node, name: str, place: tuple[str | int, ...]) -> Iterator[Problem]:
    for key, child in (node.children or {}).items():
        here = (*place, key)
        if (
            isinstance(key, str)
            and _SECRET.search(key.lower())
            and isinstance(child.value, str | int)
            and not _FILLED.search(str(child.value))
            and child.value != ""
        ):
            line, column = child.line, child.column
            yield Problem(file=name, line=line, column=column, field=dotted(here), code="LS-5673")
        yield from _secrets(child, name, here)


def other_identity(content: Mapping[str, Any], edge: EdgeId) -> str | None:
    """The `plant/edge` the text says it is for, if that is another one than `edge`."""
    said = (content.get("plant"), content.get("edge"))
    for value, own in zip(said, (edge.plant, edge.edge), strict=True):
        if value is not None and value != own and not _FILLED.search(str(value)):
            return "/".join("?" if each is None else str(each) for each in said)
    return None
