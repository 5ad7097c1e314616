"""Turns pydantic's errors into problems of the catalogue, each at its line of the YAML file."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from runtime.problems import CUSTOM, Problem
from runtime.yaml_fields import fields_at
from runtime.yaml_place import dotted
from runtime.yaml_tree import Node

_KEY = "[key]"
_MOST_SHOWN = 60
_MOST_WAYS = 256
_REQUIRED = "LS-1010"
_MISSPELT = "LS-1012"

_SIMPLE = {
    "bool_parsing": "LS-1024",
    "bool_type": "LS-1024",
    "dataclass_type": "LS-1026",
    "dict_type": "LS-1026",
    "finite_number": "LS-1039",
    "float_parsing": "LS-1022",
    "float_type": "LS-1022",
    "frozen_set_type": "LS-1025",
    "int_from_float": "LS-1021",
    "int_parsing": "LS-1021",
    "int_parsing_size": "LS-1021",
    "int_type": "LS-1021",
    "iterable_type": "LS-1025",
    "list_type": "LS-1025",
    "mapping_type": "LS-1026",
    "missing": _REQUIRED,
    "model_attributes_type": "LS-1026",
    "model_type": "LS-1026",
    "path_type": "LS-1023",
    "set_type": "LS-1025",
    "string_type": "LS-1023",
    "tuple_type": "LS-1025",
}
_MOMENTS = ("date", "time", "datetime", "timezone", "time_delta", "time_zone")
_BOUNDS = {
    "greater_than": ("LS-1028", ">", "gt"),
    "greater_than_equal": ("LS-1028", ">=", "ge"),
    "less_than": ("LS-1028", "<", "lt"),
    "less_than_equal": ("LS-1028", "<=", "le"),
    "multiple_of": ("LS-1046", "", "multiple_of"),
    "string_too_long": ("LS-1032", "<=", "max_length"),
    "string_too_short": ("LS-1032", ">=", "min_length"),
    "too_long": ("LS-1033", "<=", "max_length"),
    "too_short": ("LS-1033", ">=", "min_length"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where an error belongs: the nearest value and the path of real keys to it."""

    node: Node
    parent: Node | None
    path: tuple[int | str, ...]
    branches: tuple[tuple[int, str], ...]
    """(how many real steps before, name) of the elements that name a union's alternative."""
    at_key: bool = False


def problems_of(error: ValidationError, root: Node, model: Any, name: str) -> Iterator[Problem]:
    """One problem for each error that is not already known from reading the file itself.

    A required key that stands there misspelt is one problem, not two.
    """
    located = [(detail, _locate(root, detail)) for detail in error.errors(include_url=False)]
    found = list(_worded(_choose_branches(located), model, name))
    meant = {
        (*path[:-1], problem.params["suggestion"])
        for path, problem in found
        if problem.code == _MISSPELT
    }
    for path, problem in found:
        if problem.code != _REQUIRED or path not in meant:
            yield problem


def _worded(
    chosen: Iterable[tuple[ErrorDetails, _Place]], model: Any, name: str
) -> Iterator[tuple[tuple[int | str, ...], Problem]]:
    """Each problem with its path."""
    for detail, place in chosen:
        if place.node.broken:
            continue
        code, params = _word(detail, model)
        line, column = place.node.line, place.node.column
        key = place.path[-1] if place.path else None
        if place.parent is not None and key in place.parent.keys and _is_about_key(detail, place):
            line, column = place.parent.keys[key]
        path = place.path
        if detail["type"] == "missing":
            path = (*path, detail["loc"][-1])
        yield (
            path,
            Problem(
                file=name, line=line, column=column, field=dotted(path), code=code, params=params
            ),
        )


def _is_about_key(detail: ErrorDetails, place: _Place) -> bool:
    return place.at_key or detail["type"] == "extra_forbidden" or place.node.value is None


def _locate(root: Node, detail: ErrorDetails) -> _Place:
    """Follow `loc` through the tree; elements that are no key name an alternative of a union."""
    given = detail["input"]
    ways = islice(_ways(root, None, detail["loc"], (), ()), _MOST_WAYS)
    return max(ways, key=lambda place: (place.node.value is given, len(place.path)))


def _ways(
    node: Node,
    parent: Node | None,
    rest: tuple[int | str, ...],
    path: tuple[int | str, ...],
    branches: tuple[tuple[int, str], ...],
) -> Iterator[_Place]:
    if not rest or rest == (_KEY,):
        yield _Place(node=node, parent=parent, path=path, branches=branches, at_key=rest == (_KEY,))
        return
    step, left = rest[0], rest[1:]
    child = node.child(step)
    if child is not None:
        yield from _ways(child, node, left, (*path, step), branches)
    yield from _ways(node, parent, left, path, (*branches, (len(path), str(step))))


def _choose_branches(
    located: list[tuple[ErrorDetails, _Place]],
) -> Iterator[tuple[ErrorDetails, _Place]]:
    """Of a union's alternatives report the one that got furthest: it is the one that was meant."""
    unions: dict[tuple[int | str, ...], dict[str, list[tuple[ErrorDetails, _Place]]]] = {}
    for detail, place in located:
        branch = _branch(detail, place)
        if branch is None:
            yield detail, place
        else:
            depth, name = branch
            unions.setdefault(place.path[:depth], {}).setdefault(name, []).append((detail, place))
    for at, alternatives in unions.items():
        deepest = max(
            alternatives.values(),
            key=lambda errors: (max(len(place.path) for _, place in errors), -len(errors)),
        )
        if len(alternatives) > 1 and all(place.path == at for _, place in deepest):
            entered = [errors for errors in alternatives.values() if _entered(errors)]
            if not entered:
                detail, place = deepest[0]
                expected = ", ".join(alternatives)
                none = {**detail, "type": "no_alternative", "ctx": {"expected": expected}}
                yield none, place  # type: ignore[misc]
                continue
            deepest = min(entered, key=len)
        yield from deepest


def _entered(errors: Iterable[tuple[ErrorDetails, _Place]]) -> bool:
    """Whether this alternative took the value for its own kind, and only its fields are wrong."""
    return all(detail["type"] in ("missing", "extra_forbidden") for detail, _ in errors)


def _branch(detail: ErrorDetails, place: _Place) -> tuple[int, str] | None:
    branches = place.branches
    if detail["type"] == "missing":
        branches = branches[:-1]  # the last element is the missing key itself
    return branches[0] if branches else None


def _word(detail: ErrorDetails, model: Any) -> tuple[str, dict[str, object]]:
    kind = detail["type"]
    context = detail.get("ctx", {})
    value = _shown(detail["input"])
    if kind == CUSTOM:
        return str(context["code"]), dict(context["params"])
    if kind == "extra_forbidden":
        return _unknown_key(detail, model)
    if detail["input"] is None and kind != "missing":
        return "LS-1027", {}
    if kind in _SIMPLE:
        return _SIMPLE[kind], {} if kind == "missing" else {"value": value}
    if kind in _BOUNDS:
        code, relation, limit = _BOUNDS[kind]
        params: dict[str, object] = {"limit": context[limit], "value": value}
        if relation:
            params["relation"] = relation
        if code == "LS-1033":
            params["value"] = context.get("actual_length", value)
        return code, params
    return _word_rest(detail, value)


def _word_rest(detail: ErrorDetails, value: str) -> tuple[str, dict[str, object]]:
    kind = detail["type"]
    context = detail.get("ctx", {})
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        expected = str(context.get("expected", context.get("expected_tags", "")))
        if kind == "union_tag_invalid":
            field = str(context.get("discriminator", "")).strip("'")
            given = str(context.get("tag", ""))
            return _one_of(given, expected, {"field": field})
        return _one_of(value, expected, {})
    if kind == "union_tag_not_found":
        return "LS-1036", {"field": str(context.get("discriminator", "")).strip("'")}
    if kind == "no_alternative":
        return "LS-1035", {"value": value, "expected": context["expected"]}
    if kind == "string_pattern_mismatch":
        return "LS-1034", {"value": value, "pattern": context["pattern"]}
    if kind.startswith(_MOMENTS):
        return "LS-1031", {"value": value}
    if kind in ("value_error", "assertion_error"):
        return "LS-1037", {"reason": str(context.get("error", detail["msg"]))}
    return "LS-1038", {"value": value, "reason": detail["msg"]}


def _one_of(given: str, expected: str, params: dict[str, object]) -> tuple[str, dict[str, object]]:
    options = [part.strip().strip("'") for part in expected.replace(" or ", ",").split(",")]
    shown: dict[str, object] = {"value": given, "expected": ", ".join(options)}
    if params:
        shown |= params
        return "LS-1047", shown
    close = difflib.get_close_matches(given, options, n=1)
    if close:
        return "LS-1030", {**shown, "suggestion": close[0]}
    return "LS-1029", shown


def _unknown_key(detail: ErrorDetails, model: Any) -> tuple[str, dict[str, object]]:
    *place, key = detail["loc"]
    known = fields_at(model, place)
    close = difflib.get_close_matches(str(key), known, n=1, cutoff=0.6)
    if close:
        return "LS-1012", {"suggestion": close[0]}
    if known:
        return "LS-1011", {"known": ", ".join(sorted(known))}
    return "LS-1048", {}


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "{...}" if isinstance(value, dict) else "[...]"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 3] + "..."
