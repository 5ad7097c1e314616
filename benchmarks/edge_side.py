"""What the edge benchmarks stand on: a broker with an acker, and configurations of the agent."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.children import EdgeProgram, Helper
from benchmarks.generator import BIT, COUNTER, FLOAT, PATTERN, SCALED
from benchmarks.modbus_machine import FLOAT_FACTOR
from benchmarks.opcua_machine import FIRST
from ingest_server.embedded.broker import BrokerKind, EmbeddedBroker

PLANT = "bench"
EDGE = "line"
_OPCUA_TYPES = {FLOAT: "f32", SCALED: "u16", COUNTER: "u32", BIT: "bool"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A folder, a broker, and the acker on it."""

    folder: Path
    broker: EmbeddedBroker
    acker: Helper

    @property
    def broker_port(self) -> int:
        """Where the broker listens."""
        return self.broker.port

    def edge(
        self, name: str, devices: Sequence[Mapping[str, object]], **sections: object
    ) -> EdgeProgram:
        """An agent that reads these devices; `sections`: further ones of its configuration."""
        config = {
            "plant": PLANT,
            "edge": EDGE,
            "broker": {"host": "127.0.0.1", "port": self.broker_port},
            "devices": devices,
            **sections,
        }
        return EdgeProgram(self.folder / name, config)


@asynccontextmanager
async def site(
    *, counted_device: str = "", kind: BrokerKind | Literal["auto"] = "auto"
) -> AsyncIterator[Site]:
    """A broker (Mosquitto where there is one) with an acker; both end with the block."""
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as name:
        folder = Path(name)
        async with EmbeddedBroker(folder / "broker", kind=kind) as broker:
            acker = Helper(
                folder / "acker",
                "acker",
                plant=PLANT,
                edge=EDGE,
                port=broker.port,
                device=counted_device,
            )
            try:
                await acker.start()
                yield Site(folder=folder, broker=broker, acker=acker)
            finally:
                acker.program.kill()


def modbus_device(name: str, port: int, registers: int, *, every_ms: int) -> dict[str, Any]:
    """A Modbus device whose tags have one register each, in the generator's mixture."""
    return {
        "id": name,
        "driver": "modbus-tcp",
        "host": "127.0.0.1",
        "port": port,
        "groups": [
            {
                "every_ms": every_ms,
                "tags": [_modbus_tag(name, number) for number in range(registers)],
            }
        ],
    }


def _modbus_tag(device: str, number: int) -> dict[str, Any]:
    kind = PATTERN[number % len(PATTERN)]
    tag: dict[str, Any] = {"path": f"{device}/{number}", "address": f"holding:{number}"}
    if kind == BIT:
        return {**tag, "address": f"holding:{number}.0", "dtype": "bool"}
    if kind == COUNTER:
        return {**tag, "dtype": "u16"}
    factor = FLOAT_FACTOR if kind == FLOAT else 100 / 4095
    return {**tag, "dtype": "u16", "scale": {"factor": factor}}


def opcua_device(
    name: str, port: int, nodes: int, *, groups: int, every_ms: int, subscribe: bool
) -> dict[str, Any]:
    """An OPC UA device, its nodes divided among so many groups; subscribed ones are counters."""
    each = nodes // groups
    mode = {"mode": "subscribe"} if subscribe else {}
    return {
        "id": name,
        "driver": "opcua",
        "url": f"opc.tcp://127.0.0.1:{port}/bench",
        "security": "none",
        "groups": [
            {
                "every_ms": every_ms,
                **mode,
                "tags": [
                    _opcua_tag(name, number, counter=subscribe)
                    for number in range(group * each, (group + 1) * each)
                ],
            }
            for group in range(groups)
        ],
    }


def _opcua_tag(device: str, number: int, *, counter: bool) -> dict[str, Any]:
    kind = COUNTER if counter else PATTERN[number % len(PATTERN)]
    tag: dict[str, Any] = {
        "path": f"{device}/{number}",
        "address": f"ns=2;i={FIRST + number}",
        "dtype": _OPCUA_TYPES[kind],
    }
    if kind == SCALED:
        tag["scale"] = {"factor": 100 / 4095}
    return tag
