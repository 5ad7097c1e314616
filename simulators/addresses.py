"""Where each value of the simulated plant lives: tag paths with OPC UA node or Modbus registers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from simulators.config import STRING_BYTES, LineConfig, MachineConfig, PlantConfig, Protocol
from simulators.errors import SimulatorError

NAMESPACE = "urn:lineside:sim"
NAMESPACE_INDEX = 2

Dtype = Literal["bool", "i32", "u16", "u32", "u64", "f32", "f64", "str", "time"]
Table = Literal["coil", "discrete", "holding", "input"]
WordOrder = Literal["ABCD", "CDAB"]

SPEED_FULL_SCALE = 4095
SPEED_AT_FULL_SCALE = 3000.0
EXTRA_FROM = 100
"""Address of the first further tag in each Modbus table; what lies between does not exist."""

_WORDS: dict[Dtype, int] = {
    "u16": 1,
    "i32": 2,
    "u32": 2,
    "f32": 2,
    "u64": 4,
    "f64": 4,
    "str": STRING_BYTES // 2,
    "time": 2,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TagSpec:
    """A tag every machine has: its type on OPC UA, its type and table on Modbus."""

    name: str
    opcua: Dtype
    modbus: Dtype
    table: Table
    unit: str = ""
    kind: Literal["key", "bulk"] = "bulk"


TAGS: tuple[TagSpec, ...] = (
    TagSpec(name="good", opcua="u32", modbus="u16", table="holding", unit="pcs", kind="key"),
    TagSpec(name="scrap", opcua="u32", modbus="u16", table="holding", unit="pcs", kind="key"),
    TagSpec(name="state", opcua="i32", modbus="u16", table="holding", kind="key"),
    TagSpec(name="fault", opcua="u16", modbus="u16", table="holding", kind="key"),
    TagSpec(name="energy", opcua="u64", modbus="u64", table="holding", unit="Wh"),
    TagSpec(name="order", opcua="str", modbus="str", table="holding", kind="key"),
    TagSpec(name="program", opcua="str", modbus="str", table="holding"),
    TagSpec(name="plc_time", opcua="time", modbus="u32", table="holding", unit="s"),
    TagSpec(name="temperature", opcua="f32", modbus="f32", table="input", unit="°C"),
    TagSpec(name="pressure", opcua="f64", modbus="f32", table="input", unit="bar"),
    TagSpec(name="cycle_time", opcua="f32", modbus="f32", table="input", unit="s"),
    TagSpec(name="speed", opcua="u16", modbus="u16", table="input", unit="rpm"),
    TagSpec(name="pulse", opcua="bool", modbus="bool", table="coil", kind="key"),
    TagSpec(name="running", opcua="bool", modbus="bool", table="discrete", kind="key"),
)
"""In the order of `Machine.values`; Modbus addresses are given in this order from 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TagAddress:
    """One tag of the plant. `length` counts bytes of a string; `raw_max` and `scaled_max` give the
    scaling of a raw value from 0 (both 0: none)."""

    path: str
    line: str
    machine: str
    name: str
    protocol: Protocol
    dtype: Dtype
    unit: str = ""
    kind: Literal["key", "bulk"] = "bulk"
    raw_max: int = 0
    scaled_max: float = 0.0
    node_id: str = ""
    unit_id: int = 0
    table: Table = "holding"
    address: int = 0
    registers: int = 0
    word_order: WordOrder = "ABCD"
    length: int = 0


def extra_tags(machine: MachineConfig) -> list[TagSpec]:
    """The further tags of a machine, in the order of `Machine.values` after `TAGS`."""
    extra = machine.extra
    volume: tuple[tuple[str, int, Dtype, Table], ...] = (
        ("float", extra.floats, "f32", "input"),
        ("scaled", extra.scaled, "u16", "input"),
        ("counter", extra.counters, "u32", "holding"),
        ("bit", extra.bits, "bool", "discrete"),
    )
    return [
        TagSpec(name=f"x-{name}-{place:03d}", opcua=dtype, modbus=dtype, table=table)
        for name, count, dtype, table in volume
        for place in range(1, count + 1)
    ]


def machine_tags(line: LineConfig, machine: MachineConfig) -> list[TagAddress]:
    """The tags of one machine, in the order of `Machine.values`."""
    specs = [*TAGS, *extra_tags(machine)]
    known = {spec.name for spec in specs if _WORDS.get(spec.modbus, 0) > 1}
    for name in machine.swapped_words:
        if line.protocol != "modbus" or name not in known - {"order", "program"}:
            raise SimulatorError("LS-7003", machine=f"{line.name}/{machine.name}", tag=name)
    free: dict[Table, int] = {}
    tags = []
    for place, spec in enumerate(specs):
        tag = _tag(line, machine, spec)
        if line.protocol == "modbus":
            if place >= len(TAGS):
                free[spec.table] = max(EXTRA_FROM, free.get(spec.table, 0))
            address = free.get(spec.table, 0)
            words = _WORDS.get(spec.modbus, 0)
            free[spec.table] = address + max(words, 1)
            if free[spec.table] > 65536:
                raise SimulatorError("LS-7004", machine=f"{line.name}/{machine.name}")
            tag |= {
                "unit_id": line.units[machine.name],
                "table": spec.table,
                "address": address,
                "registers": words,
                "word_order": "CDAB" if spec.name in machine.swapped_words else "ABCD",
                "length": STRING_BYTES if spec.modbus == "str" else 0,
            }
        tags.append(TagAddress(**tag))
    return tags


def line_tags(line: LineConfig) -> list[TagAddress]:
    """The tags of all machines of a line."""
    return [tag for machine in line.machines for tag in machine_tags(line, machine)]


def plant_tags(config: PlantConfig) -> list[TagAddress]:
    """The tags of all lines."""
    return [tag for line in config.lines for tag in line_tags(line)]


def as_json(config: PlantConfig) -> dict[str, Any]:
    """The address map as plain data: lines with their endpoint and their tags."""
    return {
        "namespace": NAMESPACE,
        "lines": [
            {
                "name": line.name,
                "protocol": line.protocol,
                "host": line.host,
                "port": line.port,
                "machines": [f"{line.name}/{machine.name}" for machine in line.machines],
                "tags": [asdict(tag) for tag in line_tags(line)],
            }
            for line in config.lines
        ],
    }


def _tag(line: LineConfig, machine: MachineConfig, spec: TagSpec) -> dict[str, Any]:
    path = f"{line.name}/{machine.name}/{spec.name}"
    scaled = spec.name == "speed" or spec.name.startswith("x-scaled-")
    opcua = line.protocol == "opcua"
    return {
        "path": path,
        "line": line.name,
        "machine": f"{line.name}/{machine.name}",
        "name": spec.name,
        "protocol": line.protocol,
        "dtype": spec.opcua if opcua else spec.modbus,
        "unit": spec.unit,
        "kind": spec.kind,
        "raw_max": SPEED_FULL_SCALE if scaled else 0,
        "scaled_max": SPEED_AT_FULL_SCALE if scaled else 0.0,
        "node_id": f"ns={NAMESPACE_INDEX};s={path}" if opcua else "",
    }
