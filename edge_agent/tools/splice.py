"""Puts new groups into an existing configuration and leaves the rest of its text as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from edge_agent.tools.yaml_text import group_lines, scalar
from runtime.errors import Reconfigure
from runtime.yaml_tree import Node, Stop, TreeReader

Groups = Sequence[Mapping[str, Any]]


def splice(text: str, new: Mapping[str, Groups], *, file: str) -> str:
    """`text` with the groups of these devices (by id) replaced.

    Read again, it says what it said before but for these groups; otherwise, as with groups that are
    shared by an alias, it raises Reconfigure (LS-4722).
    """
    cuts = sorted(_cuts(text, new), reverse=True)
    done = text
    for start, end, groups in cuts:
        done = done[:start] + groups + done[end:]
    before, after = _tree(text, file), _tree(done, file)
    ids = [device["id"] for device in before["devices"]]
    for index, name in enumerate(ids):
        if name in new:
            before["devices"][index] = {**before["devices"][index], "groups": list(new[name])}
    if before != after:
        raise Reconfigure("LS-4722", file=file, devices=", ".join(new))
    return done


def _cuts(text: str, new: Mapping[str, Groups]) -> Iterator[tuple[int, int, str]]:
    root: Any = yaml.compose(text, Loader=yaml.CSafeLoader)
    for key, devices in _pairs(root):
        if key.value != "devices" or not isinstance(devices, yaml.SequenceNode):
            continue
        in_flow = root.flow_style or devices.flow_style
        for device in devices.value:
            pairs = {key.value: (key, value) for key, value in _pairs(device)}
            if "id" not in pairs or "groups" not in pairs or pairs["id"][1].value not in new:
                continue
            groups = new[pairs["id"][1].value]
            name, value = pairs["groups"]
            if in_flow or device.flow_style:
                yield value.start_mark.index, value.end_mark.index, scalar(groups)
            else:
                lines = group_lines(groups, name.start_mark.column + 2)
                yield name.end_mark.index, _end(value), ":\n" + "\n".join(lines)


def _pairs(node: Any) -> list[tuple[Any, Any]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _end(node: Any) -> int:
    """Where the last value in a node ends; a block's own end lies behind comments that follow."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(node, yaml.MappingNode) else last)


def _tree(text: str, file: str) -> Any:
    # Variables stay as they are written: only the text is compared.
    reader = TreeReader(file, _AsWritten())
    try:
        root: Node | None = reader.read(text)
    except Stop as stop:
        raise Reconfigure("LS-4722", file=file, devices=stop.problem.text()) from stop
    return None if root is None else root.value


class _AsWritten(Mapping[str, str]):
    """An environment in which every variable stands for its own name."""

    def __getitem__(self, name: str) -> str:
        return name

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
