"""Further tags for a given rate: simulated machines that change more, edges that read it. Pure.

Each machine gets the same number, in the mixture that figures of bytes and rates use: 40 % noisy
floats, 30 % scaled 12-bit values, 20 % counters, 10 % bits. All change at every refresh of the
simulators, and are read once a second: so many tags, so many readings a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from simulators.addresses import TagAddress, line_tags
from simulators.config import LineConfig

EVERY_MS: Final = 1_000
OWN_RATE: Final = 95.0
"""Readings a second of the tags that the machines have anyway."""
_EXTRA: Final = "x-"
_SHARES: Final[Mapping[str, float]] = {"floats": 0.4, "scaled": 0.3, "counters": 0.2, "bits": 0.1}


def with_volume(plant: dict[str, Any], rate: float) -> dict[str, Any]:
    """A plant's configuration with so many further tags that edges collect `rate` a second."""
    machines = [machine for line in plant["lines"] for machine in line["machines"]]
    each = ceil(max(0.0, rate - OWN_RATE) * EVERY_MS / 1_000 / len(machines))
    extra = {name: ceil(each * share) for name, share in _SHARES.items() if each}
    lines = [
        {**line, "machines": [{**machine, "extra": extra} for machine in line["machines"]]}
        for line in plant["lines"]
    ]
    return {**plant, "lines": lines}


def further_groups(line: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The groups in which an edge reads the further tags of a line: one a machine."""
    # What the address map follows from: neither the port nor what the machines make.
    machines = [
        {name: machine[name] for name in ("name", "unit", "extra") if name in machine}
        for machine in line["machines"]
    ]
    told = {"name": line["name"], "protocol": line["protocol"], "machines": machines}
    groups: dict[str, list[dict[str, Any]]] = {}
    for tag in line_tags(LineConfig.model_validate(told)):
        if tag.name.startswith(_EXTRA):
            groups.setdefault(tag.machine, []).append(_edge_tag(tag))
    return [{"every_ms": EVERY_MS, "class": "bulk", "tags": tags} for tags in groups.values()]


def _edge_tag(tag: TagAddress) -> dict[str, Any]:
    told: dict[str, Any] = {"path": tag.path, "dtype": tag.dtype}
    if tag.protocol == "opcua":
        told["address"] = f"nsu=urn:lineside:sim;s={tag.path}"
    else:
        told |= {"address": f"{tag.table}:{tag.address}", "unit_id": tag.unit_id}
    if tag.raw_max:
        told["scale"] = {"factor": tag.scaled_max / tag.raw_max}
    return told
