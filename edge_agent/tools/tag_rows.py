"""From the rows of a tag list to groups of tags; everything wrong is named by row and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from drivers.base import DeviceConfig, GroupConfig, TagConfig
from drivers.registry import DRIVERS
from edge_agent.tools.tag_columns import (
    DEVICE,
    GROUP,
    group_columns,
    known,
    models_of,
    tag_columns,
    value_of,
)
from edge_agent.tools.tag_table import Sheet
from runtime.problems import ConfigError, Problem
from runtime.yaml_tree import Node
from runtime.yaml_words import problems_of

_CONNECTION: Final = DEVICE[2:]
_NEEDED: Final = ("path", "address", "dtype")


@dataclass(kw_only=True, slots=True)
class _Group:
    row: int
    values: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """By column: value, row and column where it was first said."""
    tags: list[TagConfig] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class _Found:
    """A device as its rows say."""

    driver: str
    row: int
    connection: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    groups: dict[object, _Group] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    """Where a tag stands, by path and by address."""


class TagList:
    """Reads one sheet; `devices` says what is in it, or raises ConfigError with every problem.

    `existing`: the devices of the configuration the tags go into; without any the list has to tell
    drivers and addresses itself.
    """

    def __init__(self, sheet: Sheet, existing: Mapping[str, DeviceConfig]) -> None:
        self._sheet = sheet
        self._existing = existing
        self._problems: list[Problem] = []
        self._devices: dict[str, _Found] = {}
        self._paths: dict[str, int] = {}

    def devices(self) -> dict[str, DeviceConfig]:
        """Every device of the list, by id, with the groups the list gives it."""
        self._check_header()
        for row, cells in self._sheet.rows:
            self._take(row, self._by_column(row, cells))
        if not self._problems and not self._devices:
            self._problem(0, "", "LS-4720", file=self._sheet.file)
        made = {} if self._problems else dict(self._built())
        if self._problems:
            raise ConfigError(self._problems)
        return made

    def _check_header(self) -> None:
        columns = known(DRIVERS)
        seen: set[str] = set()
        for number, name in enumerate(self._sheet.header, 1):
            if name and (name not in columns or name in seen):
                self._problem(1, name, "LS-4713", at=number, known=", ".join(columns))
            seen.add(name)
        for name in _NEEDED:
            if name not in seen:
                self._problem(1, name, "LS-4714", at=1)

    def _by_column(self, row: int, cells: tuple[str, ...]) -> dict[str, str]:
        header = self._sheet.header
        for number, text in enumerate(cells[len(header) :], len(header) + 1):
            if text.strip():
                self._problem(row, "", "LS-4723", at=number, value=text)
        return {name: text for name, text in zip(header, cells, strict=False) if name and text}

    def _take(self, row: int, cells: dict[str, str]) -> None:
        device = self._device(row, cells)
        if device is None:
            return
        columns = group_columns(device.driver)
        mine = {name: text.strip() for name, text in cells.items() if name in columns.values()}
        key: object = cells.get(GROUP, "").strip() or tuple(sorted(mine.items()))
        group = device.groups.setdefault(key, _Group(row=row))
        for name, text in mine.items():
            first = group.values.setdefault(name, (text, row, self._at(name)))
            if first[0] != text:
                self._problem(row, name, "LS-4715", value=text, other=first[0], first=first[1])
        left = {
            name: text for name, text in cells.items()
            if name not in mine and name not in (*DEVICE, GROUP)
        }  # fmt: skip
        tag = self._tag(device.driver, row, left)
        if tag is None:
            return
        if (first_row := self._paths.setdefault(tag.path, row)) != row:
            self._problem(row, "path", "LS-4716", path=tag.path, first=first_row)
        device.rows.setdefault(tag.path, row)
        device.rows.setdefault(tag.address, row)
        group.tags.append(tag)

    def _device(self, row: int, cells: Mapping[str, str]) -> _Found | None:
        name = cells.get("device", "").strip()
        if not name and len(self._existing) == 1:
            (name,) = self._existing
        if not name and not self._existing:
            name = "device-1"
        if (found := self._devices.get(name)) is None:
            if self._existing:
                if name not in self._existing:
                    self._problem(
                        row, "device", "LS-4717", device=name, known=", ".join(self._existing)
                    )
                    return None
                driver = self._existing[name].driver
            else:
                driver = cells.get("driver", "").strip()
                if driver not in DRIVERS:
                    self._problem(row, "driver", "LS-4718", driver=driver, known=", ".join(DRIVERS))
                    return None
            found = self._devices[name] = _Found(driver=driver, row=row)
        for column in _CONNECTION:
            if text := cells.get(column, "").strip():
                found.connection.setdefault(column, (text, row, self._at(column)))
        return found

    def _tag(self, driver: str, row: int, cells: Mapping[str, str]) -> TagConfig | None:
        _, model = models_of(driver)
        fields = {column: key for key, of in tag_columns(driver).items() for column in of}
        root = Node(line=row, column=1, value={}, children={})
        for column, text in cells.items():
            key, at = fields.get(column, column), self._at(column)
            if column.startswith("scale_") and key == "scale":
                _put(root, "scale", {}, row, at)
                _put(_child(root, "scale"), column[6:], text.strip(), row, at)
                continue
            value = value_of(model, key, text) if column in fields else text
            _put(root, key, value, row, at)
            if isinstance(value, dict):
                for name, part in value.items():
                    _put(_child(root, key), name, part, row, at)
        for name in _NEEDED:
            root.keys.setdefault(name, (row, self._at(name)))
        return self._valid(model, root, rows=dict.fromkeys(cells.values(), row))

    def _built(self) -> Iterator[tuple[str, DeviceConfig]]:
        for name, found in self._devices.items():
            model, _ = models_of(found.driver)
            groups = [
                built for group in found.groups.values()
                if (built := self._group(model, found.driver, group)) is not None
            ]  # fmt: skip
            if len(groups) == len(found.groups):
                device = self._whole(name, found, groups)
                if device is not None:
                    yield name, device

    def _group(self, model: type[GroupConfig], driver: str, group: _Group) -> GroupConfig | None:
        root = Node(line=group.row, column=1, value={}, children={})
        for key, column in group_columns(driver).items():
            if column in group.values:
                text, row, at = group.values[column]
                _put(root, key, text, row, at)
        _put(root, "tags", tuple(group.tags), group.row, 1)
        return self._valid(model, root)

    def _whole(self, name: str, found: _Found, groups: list[GroupConfig]) -> DeviceConfig | None:
        model = DRIVERS[found.driver].config
        root = Node(line=found.row, column=1, value={}, children={})
        if (existing := self._existing.get(name)) is not None:
            for key in existing.model_fields_set - {"groups"}:
                _put(root, key, getattr(existing, key), found.row, 1)
        else:
            told = {key: text for key, (text, _, _) in found.connection.items()}
            fixed = {"id": name, "driver": found.driver}
            if "security" in model.model_fields:
                fixed["security"] = "none"
            for key, text in {**fixed, **told}.items():
                _put(root, key, text, *found.connection.get(key, ("", found.row, 1))[1:])
        _put(root, "groups", tuple(groups), found.row, 1)
        return self._valid(model, root, rows=found.rows)

    def _valid(
        self, model: type[Any], root: Node, rows: Mapping[str, int] | None = None
    ) -> Any | None:
        try:
            return TypeAdapter(model).validate_python(root.value)
        except ValidationError as error:
            found = problems_of(error, root, model, self._sheet.file)
            self._problems += [self._in_its_row(problem, rows or {}) for problem in found]
        return None

    def _in_its_row(self, problem: Problem, rows: Mapping[str, int]) -> Problem:
        """A rule of a whole device names the tag it found: that is where to look."""
        for name in ("path", "address"):
            row = rows.get(str(problem.params.get(name, "")))
            if row is not None:
                return replace(problem, line=row, column=self._at(name), field=name)
        if problem.column == 1 and problem.field in self._sheet.header:
            return replace(problem, column=self._at(problem.field))  # what is missing
        return problem

    def _at(self, column: str) -> int:
        return self._sheet.header.index(column) + 1 if column in self._sheet.header else 1

    def _problem(
        self, row: int, field: str, code: str, *, at: int | None = None, **params: object
    ) -> None:
        column = self._at(field) if at is None else at
        self._problems.append(
            Problem(
                file=self._sheet.file,
                line=row,
                column=column,
                field=field,
                code=code,
                params=params,
            )
        )


def _put(root: Node, key: str, value: Any, row: int, column: int) -> None:
    if root.children is None:
        raise TypeError(key)
    if key not in root.children:
        children: dict[Any, Node] | None = {} if isinstance(value, dict) else None
        root.children[key] = Node(line=row, column=column, value=value, children=children)
        root.keys[key] = (row, column)
        root.value[key] = value


def _child(root: Node, key: str) -> Node:
    found = root.child(key)
    if found is None:
        raise KeyError(key)
    return found
