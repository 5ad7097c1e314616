"""Which columns a tag list has, and how a tag with its group and device becomes a row of it.

The columns follow from the drivers' configuration models: a new driver brings its own by itself.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from drivers.base import Deadband, DeviceConfig, GroupConfig, Scale, TagConfig
from drivers.registry import DRIVERS
from edge_agent.tools.tag_table import Cell

DEVICE: Final = ("device", "driver", "host", "port", "url")
"""`device` is its id; the others are used where a whole configuration is made of the list."""
GROUP: Final = "group"
_PERCENT: Final = "%"


def models_of(driver: str) -> tuple[type[GroupConfig], type[TagConfig]]:
    """The models of a driver's groups and tags."""
    group = _item(DRIVERS[driver].config.model_fields["groups"].annotation)
    return group, _item(group.model_fields["tags"].annotation)


def _item(annotation: Any) -> Any:
    """The model in `tuple[Model, ...]`, whatever is wrapped around it."""
    if get_origin(annotation) is Annotated:
        return _item(get_args(annotation)[0])
    return get_args(annotation)[0]


def group_columns(driver: str) -> dict[str, str]:
    """Column name by field of a group; `group_class` where the tag has such a field as well."""
    group, tag = models_of(driver)
    taken = _keys(tag)
    return {key: f"group_{key}" if key in taken else key for key in _keys(group) if key != "tags"}


def tag_columns(driver: str) -> dict[str, tuple[str, ...]]:
    """Column names by field of a tag; scaling has two."""
    _, tag = models_of(driver)
    return {key: _columns_of(key, tag) for key in _keys(tag)}


def _columns_of(key: str, tag: type[TagConfig]) -> tuple[str, ...]:
    return ("scale_factor", "scale_offset") if _kind(tag, key) is Scale else (key,)


def known(drivers: Iterable[str]) -> tuple[str, ...]:
    """All columns of these drivers in the order they are written."""
    chosen = list(drivers)
    groups = [column for driver in chosen for column in group_columns(driver).values()]
    tags = [column for driver in chosen for part in tag_columns(driver).values() for column in part]
    return tuple(dict.fromkeys((*DEVICE, GROUP, *groups, *tags)))


def row_of(
    device: DeviceConfig, number: int, group: GroupConfig, tag: TagConfig
) -> dict[str, Cell]:
    """The cells of a tag by column; `number` is that of its group, from 1."""
    cells: dict[str, Cell] = {"device": device.id, "driver": device.driver, GROUP: number}
    for name in DEVICE[2:]:
        if (value := getattr(device, name, None)) is not None:
            cells[name] = value
    columns = group_columns(device.driver)
    for key, value in _set_values(group, columns):
        cells[columns[key]] = _cell(value)
    for key, value in _set_values(tag, tag_columns(device.driver)):
        if isinstance(value, Scale):
            cells |= {"scale_factor": value.factor, "scale_offset": value.offset}
        else:
            cells[key] = _cell(value)
    return cells


def _set_values(model: BaseModel, keys: Iterable[str]) -> Iterator[tuple[str, Any]]:
    names = {info.alias or name: name for name, info in type(model).model_fields.items()}
    for key in keys:
        value = getattr(model, names[key])
        if value != type(model).model_fields[names[key]].default:
            yield key, value


def _cell(value: Any) -> Cell:
    if isinstance(value, Deadband):
        return f"{value.percent!r}{_PERCENT}" if value.absolute is None else repr(value.absolute)
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)
    plain = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
    return json.dumps(plain, ensure_ascii=False)


def value_of(model: type[BaseModel], key: str, text: str) -> Any:
    """What a cell says, as the model reads it; may be nonsense, which the model then refuses."""
    kind = _kind(model, key)
    if kind is Deadband:
        plain = text.strip()
        return {"percent": plain[:-1]} if plain.endswith(_PERCENT) else {"absolute": plain}
    if kind is str:
        return text
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text.strip()


def _keys(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(info.alias or name for name, info in model.model_fields.items())


def _kind(model: type[BaseModel], key: str) -> Any:
    """The type of a field without `| None`."""
    fields: Mapping[str, Any] = {
        info.alias or name: info.annotation for name, info in model.model_fields.items()
    }
    annotation = fields[key]
    if get_origin(annotation) in (Union, types.UnionType):
        (annotation,) = [one for one in get_args(annotation) if one is not type(None)][:1]
    return annotation
