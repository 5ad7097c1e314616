"""Which keys a configuration model knows at a place: to tell what a misspelt one may have meant."""

from __future__ import annotations

import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo


def fields_at(model: Any, place: Iterable[int | str]) -> frozenset[str]:
    """The keys that may stand in the mapping at `place` (pydantic's `loc` of that mapping)."""
    here = _plain(model)
    for step in place:
        here = _step(here, step)
    names: set[str] = set()
    for one in here:
        if _is_model(one):
            names.update(_fields(one))
    return frozenset(names)


def _plain(annotation: Any) -> list[Any]:
    """The alternatives of an annotation without `Annotated`, `Optional`, unions and aliases."""
    origin = get_origin(annotation)
    if hasattr(annotation, "__value__"):  # `type X = ...`
        return _plain(annotation.__value__)
    if origin is Annotated:
        return _plain(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [one for part in get_args(annotation) for one in _plain(part)]
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        return _plain(annotation.model_fields["root"].annotation)
    return [annotation]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {info.alias or name: info for name, info in model.model_fields.items()}


def _step(here: list[Any], step: int | str) -> list[Any]:
    found: list[Any] = []
    for one in here:
        found.extend(_into(one, step))
    if found:
        return found
    # Nothing has such a part: the step names an alternative of a union.
    return [one for one in here if _is_tagged(one, step)] or here


def _into(one: Any, step: int | str) -> list[Any]:
    if _is_model(one):
        info = _fields(one).get(str(step))
        return _plain(info.annotation) if info is not None else []
    origin = get_origin(one)
    parts = get_args(one)
    if not isinstance(origin, type) or not parts:
        return []
    if issubclass(origin, Mapping):
        return _plain(parts[-1])
    if isinstance(step, int):
        if origin is tuple and parts[-1] is not Ellipsis:
            return _plain(parts[step]) if step < len(parts) else []
        return _plain(parts[0])
    return []


def _is_tagged(one: Any, tag: int | str) -> bool:
    if not _is_model(one):
        return False
    if one.__name__ == tag:
        return True
    return any(
        get_origin(info.annotation) is Literal and tag in get_args(info.annotation)
        for info in one.model_fields.values()
    )
