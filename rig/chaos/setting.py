"""The configuration files of a chaos run: the product's own, with time-outs cut short."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from rig.chaos import wide
from rig.chaos.volume import further_groups, with_volume
from rig.programs import ROOT

CONFIGS: Final = ROOT / "configs" / "chaos"
_DEMO: Final = ROOT / "configs" / "demo"
_PUBLISH: Final = {"first_timeout_s": 1.0, "last_timeout_s": 4.0, "status_every_s": 1.0}
_KEEPALIVE_S: Final = 2
_DEVICE: Final[Mapping[str, Mapping[str, Any]]] = {
    "modbus-tcp": {"timeout_ms": 700, "connect_timeout_ms": 1_000},
    "opcua": {"timeout_ms": 1_500},
}
_LEASE_S: Final = 3
PLC_PORTS: Final[Mapping[str, str]] = {
    "plc-a": "LINESIDE_SIM_OPCUA_PORT",
    "plc-b": "LINESIDE_SIM_MODBUS_PORT",
}
_TRIAL_S: Final = 3
MACHINES_MOST: Final = 1_000.0
"""Readings a second; beyond 1,500 the simulated machines, which write each down, miss polls."""


def ports_in_words(ports: Mapping[str, int]) -> dict[str, str]:
    """The ports on which the simulated PLCs listen, by variable."""
    return {variable: str(ports[link]) for link, variable in PLC_PORTS.items()}


def rates(rate: float) -> tuple[float, float]:
    """How much of a rate the simulated machines give, and how much the line with many registers."""
    return min(rate, MACHINES_MOST), max(0.0, rate - MACHINES_MOST)


def plant_file(folder: Path, rate: float) -> Path:
    """Write the file of a simulated plant that gives `rate` readings a second."""
    told: dict[str, Any] = yaml.safe_load((CONFIGS / "plant.yaml").read_text("utf-8"))
    return _write(folder / "plant.yaml", with_volume(told, rate))


def wide_file(folder: Path, data_dir: Path, rate: float) -> Path:
    """Write the file of the edge that reads `rate` registers a second."""
    told: dict[str, Any] = yaml.safe_load((_DEMO / "line-b.yaml").read_text("utf-8"))
    registers = wide.registers_of(rate)
    return _write(folder / f"{wide.EDGE}.yaml", wide.edge_told(told, data_dir, registers))


def edge_file(folder: Path, edge: str, data_dir: Path, *, plant: Path, hasty: bool = True) -> Path:
    """Write the file of an edge; ports stay variables, to be given in its environment.

    `plant`: the file of the simulated plant, whose further tags are read, too. `hasty`: with its
    time-outs cut short.
    """
    told: dict[str, Any] = yaml.safe_load((_DEMO / f"{edge}.yaml").read_text("utf-8"))
    told["data_dir"] = str(data_dir)
    if hasty:
        told["broker"]["keepalive_s"] = _KEEPALIVE_S
        told["publish"] = dict(_PUBLISH)
        told["push"] = {"trial_s": _TRIAL_S}
        for device in told["devices"]:
            device.update(_DEVICE[device["driver"]])
    told["buffer"]["min_free_bytes"] = "1MiB"
    lines = yaml.safe_load(plant.read_text("utf-8"))["lines"]
    for line in lines:
        if line["name"] == edge:
            told["devices"][0]["groups"] += further_groups(line)
    return _write(folder / f"{edge}.yaml", told)


def twin_file(file: Path, name: str, data_dir: Path) -> Path:
    """Write a second file beside an edge's own, with another folder and nothing else changed."""
    told: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    told["data_dir"] = str(data_dir)
    return _write(file.with_name(f"{name}.yaml"), told)


def server_file(folder: Path, name: str, data_dir: Path, *, hasty: bool = True) -> Path:
    """Write the file of one process of the server; `hasty`: as of an edge."""
    told: dict[str, Any] = yaml.safe_load((_DEMO / "server.yaml").read_text("utf-8"))
    told["data_dir"] = str(data_dir)
    if hasty:
        told["broker"]["keepalive_s"] = _KEEPALIVE_S
        told["ingest"] = {"lease_s": _LEASE_S}
    return _write(folder / f"{name}.yaml", told)


def _write(file: Path, told: Mapping[str, Any]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(dict(told), allow_unicode=True, sort_keys=False, width=200)
    file.write_text(text, "utf-8")
    return file
