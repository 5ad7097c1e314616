"""Device templates: devices that are alike, written once; works on the tree of the YAML file.

A device with the keys `template` and `vars` becomes the template's mapping with `${NAME}` replaced
by the variables (and by the environment, where no variable has that name), and its own other keys
laid over it. Every value keeps the place it was written at, so a problem in it is told at the
template's line, with the device's line beside it (`told_for`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from runtime.problems import Problem
from runtime.yaml_tree import VARIABLE, Node

TEMPLATES: Final = "templates"
_TEMPLATE: Final = "template"
_VARS: Final = "vars"
_OWN: Final = (_TEMPLATE, _VARS)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Expansion:
    """Expands the devices of one file; `problems` is what was wrong with that."""

    def __init__(self, file: str, environ: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._environ = environ
        self._of: dict[int, tuple[str, int]] = {}

    def wanted(self, value: object) -> bool:
        """Whether a file of this content has templates, or devices that ask for one."""
        if not isinstance(value, dict):
            return False
        devices = value.get("devices")
        return TEMPLATES in value or any(
            isinstance(one, dict) and any(key in one for key in _OWN)
            for one in (devices if isinstance(devices, list) else ())
        )

    def apply(self, root: Node) -> None:
        """Replace each device that names a template by what it stands for, in the tree."""
        devices = root.child("devices")
        templates = root.child(TEMPLATES)
        if devices is None or not devices.is_list or devices.children is None:
            return
        for number, device in list(devices.children.items()):
            if device.child(_TEMPLATE) is None:
                if device.child(_VARS) is not None:
                    self._report(device.child(_VARS), number, _VARS, "LS-4012")
                continue
            made = self._expanded(device, number, templates)
            if made is None:
                device.broken = True
                made = device
            devices.children[number] = made
            devices.value[number] = made.value

    def told_for(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems, those in a template with the device for which they arose."""
        return [self._told(one) for one in problems]

    def _told(self, problem: Problem) -> Problem:
        match = re.match(r"devices\[(\d+)\]", problem.field)
        if match is None or int(match[1]) not in self._of:
            return problem
        template, line = self._of[int(match[1])]
        params = {
            "problem": problem.phrase, "template": template, "line": line,
        }  # fmt: skip
        return replace(problem, code="LS-4013", params=params)

    def _expanded(self, device: Node, number: int, templates: Node | None) -> Node | None:
        named = device.child(_TEMPLATE)
        assert named is not None  # noqa: S101 - the caller has looked
        name = named.value
        template = None if templates is None else templates.child(name)
        if template is None or template.children is None or template.is_list:
            known = [] if templates is None else list(templates.children or {})
            close = difflib.get_close_matches(str(name), [str(one) for one in known], n=1)
            code = "LS-4010" if template is None else "LS-4014"
            hint = close[0] if close else ", ".join(str(one) for one in known[:10])
            self._report(named, number, _TEMPLATE, code, name=name, known=hint or "-")
            return None
        variables = self._variables(device, number)
        if variables is None:
            return None
        self._of[number] = (str(name), device.line)
        used: set[str] = set()
        before = len(self.problems)
        made = self._filled(template, variables, used, (number, str(name), device.line))
        for unused in sorted(set(variables) - used):
            given = device.child(_VARS)
            place = None if given is None else given.child(unused)
            self._report(place, number, f"{_VARS}.{unused}", "LS-4011", name=unused, template=name)
        if len(self.problems) > before:
            return None
        return _laid_over(made, device)

    def _variables(self, device: Node, number: int) -> dict[str, Any] | None:
        given = device.child(_VARS)
        if given is None or given.value is None:
            return {}
        if given.children is None or given.is_list:
            self._report(given, number, _VARS, "LS-1026")
            return None
        for name, child in given.children.items():
            if child.children is not None or not _NAME.fullmatch(str(name)):
                self._report(child, number, f"{_VARS}.{name}", "LS-4015", name=name)
                return None
        return {str(name): child.value for name, child in given.children.items()}

    def _filled(
        self, node: Node, variables: Mapping[str, Any], used: set[str], where: tuple[int, str, int]
    ) -> Node:
        made = Node(
            line=node.line, column=node.column, keys=dict(node.keys), is_list=node.is_list,
            weight=node.weight, broken=node.broken,
        )  # fmt: skip
        if node.children is None:
            made.value = self._value(node, variables, used, where)
            return made
        made.children = {
            key: self._filled(child, variables, used, where) for key, child in node.children.items()
        }
        if node.is_list:
            made.value = [child.value for child in made.children.values()]
        else:
            made.value = {key: child.value for key, child in made.children.items()}
        return made

    def _value(
        self, node: Node, variables: Mapping[str, Any], used: set[str], where: tuple[int, str, int]
    ) -> Any:
        text = node.value
        if not isinstance(text, str) or "${" not in text:
            return text

        def one(match: re.Match[str]) -> str:
            escaped, name, default = match.groups()
            if escaped:
                return match.group()[1:]
            if name in variables:
                used.add(name)
                value = variables[name]
                return "" if value is None else _text(value)
            value = self._environ.get(name)
            if default is not None:
                return value or str(default)
            if value is None:
                number, template, line = where
                self.problems.append(
                    Problem(
                        file=self._file, line=node.line, column=node.column,
                        field=f"devices[{number}]", code="LS-4016",
                        params={"name": name, "template": template, "line": line},
                    )
                )  # fmt: skip
                return ""
            return value

        whole = VARIABLE.fullmatch(text)
        if whole is not None and not whole[1] and whole[2] in variables:
            used.add(whole[2])
            return variables[whole[2]]  # a number stays a number
        return VARIABLE.sub(one, text)

    def _report(
        self, node: Node | None, number: object, field: str, code: str, **params: object
    ) -> None:
        line, column = (0, 0) if node is None else (node.line, node.column)
        self.problems.append(
            Problem(
                file=self._file, line=line, column=column, field=f"devices[{number}].{field}",
                code=code, params=params,
            )
        )  # fmt: skip


def _laid_over(made: Node, device: Node) -> Node:
    """The template's mapping with the device's own keys over it."""
    assert made.children is not None  # noqa: S101 - a mapping
    for key, child in (device.children or {}).items():
        if key not in _OWN:
            made.children[key] = child
            made.keys[key] = device.keys[key]
    made.value = {key: child.value for key, child in made.children.items()}
    return made


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def names_in(text: str) -> Iterator[tuple[str, bool]]:
    """The variables a text asks for: (name, whether it has a default)."""
    for match in VARIABLE.finditer(text):
        if not match[1]:
            yield match[2], match[3] is not None
