"""Configuration files: strict YAML into pydantic models, every problem with file, line and column.

All problems of a file are reported at once as a `ConfigError`; `yaml_tree` says how YAML is read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from runtime.problems import ENVIRONMENT, FOLDER, ConfigError, ConfigPath, Problem, invalid
from runtime.yaml_place import dotted
from runtime.yaml_tree import Node, Stop, TreeReader
from runtime.yaml_words import problems_of

__all__ = [
    "ConfigError",
    "ConfigPath",
    "Expand",
    "Expander",
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


class Expander(Protocol):
    """Makes of what a file says what it stands for, before it is checked; see `expand`."""

    problems: list[Problem]
    """What was wrong with expanding."""

    def wanted(self, value: object) -> bool:
        """Whether there is anything to expand in a file of this content."""

    def apply(self, root: Node) -> None:
        """Change the tree; every value keeps the place it was written at."""

    def told_for(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems found later, those in expanded parts with what they were expanded for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expand:
    """How a kind of file is expanded."""

    deferred: frozenset[str]
    """Keys of the document below which `${NAME}` is left to the expander."""
    of: Callable[[str, Mapping[str, str]], Expander]
    """An expander for one file: its name, and the environment."""


class _Source:
    """A text that was read without a problem; it is read again when somebody asks for places."""

    def __init__(
        self, text: str, name: str, environ: Mapping[str, str], expand: Expand | None
    ) -> None:
        self.deferred = frozenset[str]() if expand is None else expand.deferred
        self.expander = None if expand is None else expand.of(name, environ)
        self._text = text
        self._name = name
        self._environ = environ
        self._root: Node | None = None

    def tree(self) -> Node:
        """Every value with its place, expanded."""
        if self._root is None:
            reader = TreeReader(self._name, self._environ, deferred=self.deferred)
            self._root = reader.read(self._text)
            assert self._root is not None  # noqa: S101 - it was read before
            if self.expander is not None:
                self.expander.apply(self._root)
        return self._root

    def told(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems with what people need to know of where they come from."""
        self.tree()
        return list(problems) if self.expander is None else self.expander.told_for(problems)


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
        found = Problem(
            file=self.file, line=line, column=column, field=dotted(path), code=code, params=params
        )
        return self.source.told([found])[0]

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
    expand: Expand | None = None,
) -> Located[M]:
    """As `loads`, with access to the lines of the values.

    `folder`: where paths in it begin (default: the working directory).
    """
    return _parse(text, name, folder or Path(), model, env, expand)


def problem(located: Located[M], code: str, *path: str | int, **params: object) -> Problem:
    """The same as `located.problem(...)`."""
    return located.problem(code, *path, **params)


def _parse(
    text: str,
    name: str,
    folder: Path,
    model: type[M],
    env: Mapping[str, str] | None,
    expand: Expand | None = None,
) -> Located[M]:
    environ = dict(os.environ if env is None else env)
    source = _Source(text, name, environ, expand)
    reader = TreeReader(name, environ, places=False, deferred=source.deferred)
    try:
        root = reader.read(text)
    except Stop as stop:
        raise ConfigError([*reader.problems, stop.problem]) from stop
    if root is None or (root.value is None and not root.broken):
        raise ConfigError([*reader.problems, Problem(file=name, code="LS-1008")])
    known = list(reader.problems)
    expander = source.expander
    if expander is not None and expander.wanted(root.value):
        root = source.tree()
        known += expander.problems
    try:
        value = TypeAdapter(model).validate_python(
            root.value, context={FOLDER: folder, ENVIRONMENT: environ}
        )
    except ValidationError as error:
        more = list(problems_of(error, source.tree(), model, name))
        found = [*known, *source.told(more)]
        # An error can be hidden behind a problem of the text itself: then that one is enough.
        raise ConfigError(
            found or [Problem(file=name, code="LS-1007", params={"reason": str(error)})]
        ) from error
    if known:
        raise ConfigError(known)
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
