"""Writes parts of an edge's configuration as YAML that people go on editing: a tag a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from drivers.base import GroupConfig, TagConfig

EDITOR_HINT: Final = "# yaml-language-server: $schema=edge.schema.json"
"""First line by which editors find the schema that `check --schema` prints."""
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_VARIABLE: Final = re.compile(r"\$\$?\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\}")


def scalar(value: Any) -> str:
    """One value; texts are quoted where they could be taken for something else."""
    if isinstance(value, str):
        # `$${` stands for `${`: a text from elsewhere asks for no environment variable.
        text = _VARIABLE.sub(lambda found: "$" + found[0], value)
        plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
        return text if plain else f'"{"".join(_escaped(text))}"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {scalar(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(scalar(one) for one in value) + "]"
    return repr(value) if isinstance(value, float) else json.dumps(value)


def _escaped(text: str) -> Iterator[str]:
    for letter in text:
        if letter in '"\\':
            yield "\\" + letter
        else:
            yield letter if letter.isprintable() else f"\\U{ord(letter):08x}"


def tag_values(tag: TagConfig) -> dict[str, Any]:
    """What has to be written of a tag: all that is not the default."""
    return tag.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def group_values(group: GroupConfig) -> dict[str, Any]:
    """The same of a group, with its tags."""
    dumped = group.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"tags"})
    return {**dumped, "tags": [tag_values(tag) for tag in group.tags]}


def group_lines(groups: Iterable[Mapping[str, Any]], indent: int) -> Iterator[str]:
    """The items of a list of groups as block YAML, `indent` blanks in front, without line ends."""
    blank = " " * indent
    for group in groups:
        lead = "- "
        for key, value in group.items():
            if key != "tags":
                yield f"{blank}{lead}{key}: {scalar(value)}"
                lead = "  "
        yield f"{blank}{lead}tags:"
        for tag in group["tags"]:
            yield f"{blank}    - {scalar(tag)}"


def whole(devices: Iterable[Mapping[str, Any]], *, note: str) -> Iterator[str]:
    """A configuration around devices: what is not known stands there to be filled in."""
    yield EDITOR_HINT
    yield f"# {note}"
    yield from ("plant: plant-1", "edge: line-1", "data_dir: var/line-1")
    yield from ("broker: {host: 127.0.0.1, port: 1883}", "devices:")
    for device in devices:
        lead = "- "
        for key, value in device.items():
            if key != "groups":
                yield f"  {lead}{key}: {scalar(value)}"
                lead = "  "
        yield "    groups:"
        yield from group_lines(device["groups"], 6)
