"""Configuration files: strict YAML into pydantic models, every problem with file, line and column.

All problems of a file are reported at once as a `ConfigError`; `yaml_tree` says how YAML is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from runtime.problems import ENVIRONMENT, FOLDER, ConfigError, ConfigPath, Problem, invalid
from runtime.yaml_place import dotted
from runtime.yaml_tree import Node, Stop, TreeReader
from runtime.yaml_words import problems_of

__all__ = [
    "ConfigError",
    "ConfigPath",
    "Located",
    "Problem",
    "invalid",
    "load",
    "load_located",
    "loads",
    "loads_located",
    "problem",
    "read",
]

MOST_BYTES = 16 * 1024 * 1024

M = TypeVar("M")


class _Source:
    """A text that was read without a problem; it is read again when somebody asks for places."""

    def __init__(self, text: str, name: str, environ: Mapping[str, str]) -> None:
        self._text = text
        self._name = name
        self._environ = environ
        self._root: Node | None = None

    def tree(self) -> Node:
        """Every value with its place."""
        if self._root is None:
            self._root = TreeReader(self._name, self._environ).read(self._text)
        assert self._root is not None  # noqa: S101 - it was read before
        return self._root


@dataclass(frozen=True, kw_only=True, slots=True)
class Located(Generic[M]):
    """A configuration with the places its values came from."""

    value: M
    file: str
    source: _Source

    def line_of(self, *path: str | int) -> int:
        """The line of a value (`line_of("devices", 0, "port")`), of its parent if absent."""
        return self._place(path)[0]

    def problem(self, code: str, *path: str | int, **params: object) -> Problem:
        """A problem at a value, for checks beyond the model; raise it in a `ConfigError`."""
        line, column = self._place(path)
        return Problem(
            file=self.file, line=line, column=column, field=dotted(path), code=code, params=params
        )

    def _place(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        node = self.source.tree()
        place = (node.line, node.column)
        for step in path:
            child = node.child(step)
            if child is None:
                break
            place = node.keys.get(step, (child.line, child.column))
            node = child
        return place


def load(path: Path, model: type[M], *, env: Mapping[str, str] | None = None) -> M:
    """The file at `path` as `model`; raises `ConfigError` with every problem found.

    `env` fills `${NAME}` and `${NAME:-default}` in values (default: the process's environment).
    """
    return load_located(path, model, env=env).value


def loads(text: str, name: str, model: type[M], *, env: Mapping[str, str] | None = None) -> M:
    """As `load`, from a string; `name` stands for the file in problems."""
    return loads_located(text, name, model, env=env).value


def load_located(path: Path, model: type[M], *, env: Mapping[str, str] | None = None) -> Located[M]:
    """As `load`, with access to the lines of the values."""
    return _parse(read(path), str(path), path.parent, model, env)


def loads_located(
    text: str,
    name: str,
    model: type[M],
    *,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Located[M]:
    """As `loads`, with access to the lines of the values.

    `folder`: where paths in it begin (default: the working directory).
    """
    return _parse(text, name, folder or Path(), model, env)


def problem(located: Located[M], code: str, *path: str | int, **params: object) -> Problem:
    """The same as `located.problem(...)`."""
    return located.problem(code, *path, **params)


def _parse(
    text: str, name: str, folder: Path, model: type[M], env: Mapping[str, str] | None
) -> Located[M]:
    environ = dict(os.environ if env is None else env)
    reader = TreeReader(name, environ, places=False)
    try:
        root = reader.read(text)
    except Stop as stop:
        raise ConfigError([*reader.problems, stop.problem]) from stop
    if root is None or (root.value is None and not root.broken):
        raise ConfigError([*reader.problems, Problem(file=name, code="LS-1008")])
    source = _Source(text, name, environ)
    try:
        value = TypeAdapter(model).validate_python(
            root.value, context={FOLDER: folder, ENVIRONMENT: environ}
        )
    except ValidationError as error:
        found = [*reader.problems, *problems_of(error, source.tree(), model, name)]
        # An error can be hidden behind a problem of the text itself: then that one is enough.
        raise ConfigError(
            found or [Problem(file=name, code="LS-1007", params={"reason": str(error)})]
        ) from error
    if reader.problems:
        raise ConfigError(reader.problems)
    return Located(value=value, file=name, source=source)


def read(path: Path) -> str:
    """The text of a configuration file, without a byte order mark; raises `ConfigError`."""

    def fail(code: str, line: int = 0, **params: object) -> ConfigError:
        return ConfigError([Problem(file=str(path), line=line, code=code, params=params)])

    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise fail("LS-1001") from error
    except IsADirectoryError as error:
        raise fail("LS-1002") from error
    except OSError as error:
        # Windows answers "permission denied" for a folder.
        if path.is_dir():
            raise fail("LS-1002") from error
        raise fail("LS-1003", reason=error.strerror or str(error)) from error
    if len(raw) > MOST_BYTES:
        raise fail("LS-1004", limit_mib=MOST_BYTES // 2**20)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise fail("LS-1006" if _is_gb18030(raw) else "LS-1005", line) from error


def _is_gb18030(raw: bytes) -> bool:
    """Whether the bytes read as Chinese text in GB18030: what Windows editors in China save."""
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)
