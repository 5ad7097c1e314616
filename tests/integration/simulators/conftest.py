"""Running plants, and clients of other people's making to talk to them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from asyncua import Client, ua
from pymodbus.client import AsyncModbusTcpClient

from simulators.app import Simulation
from simulators.config import PlantConfig
from simulators.machine import Intervention
from simulators.model import Plant
from simulators.state import StateFile

Machines = list[dict[str, Any]]


def plant_of(
    *, opcua: Machines | None = None, modbus: Machines | None = None, **changes: Any
) -> PlantConfig:
    """A plant with the lines line-a (OPC UA) and line-b (Modbus), any free ports."""
    lines = [
        {"name": name, "protocol": protocol, "machines": machines}
        for name, protocol, machines in (("line-a", "opcua", opcua), ("line-b", "modbus", modbus))
        if machines
    ]
    return PlantConfig.model_validate({"seed": 11, "lines": lines, **changes})


def busy(name: str, **changes: Any) -> dict[str, Any]:
    """A machine on which something happens within seconds."""
    return {
        "name": name,
        "cycle_s": 0.5,
        "first_setup_s": 2.0,
        "orders": [
            {"number": f"WO-{name}-1", "quantity": 8, "program": "程序-7"},
            {"number": f"WO-{name}-2", "quantity": 12, "program": "P2"},
        ],
        "after_orders": "repeat",
        "counters": {"good_start": 65530, "scrap_start": 3},
        "energy_start": 2**63 - 10,
        **changes,
    }


class FastClock:
    """A clock that runs so many times faster than the real one."""

    def __init__(self, times: float) -> None:
        self._times = times
        self._base_us = time.time_ns() // 1000
        self._began = time.monotonic()

    def __call__(self) -> int:
        return self._base_us + round((time.monotonic() - self._began) * 1e6 * self._times)


class Control:
    """A client of the control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def __call__(self, do: str, **told: Any) -> dict[str, Any]:
        self._writer.write(orjson.dumps({"do": do, **told}) + b"\n")
        answer: dict[str, Any] = orjson.loads(await self._reader.readline())
        return answer


@asynccontextmanager
async def control_of(ready: Any) -> AsyncIterator[Control]:
    """A connection to a plant's control socket, by what its ready file says."""
    reader, writer = await asyncio.open_connection(
        ready["control"]["host"], ready["control"]["port"]
    )
    try:
        yield Control(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def modbus_client(ready: Any, line: str = "line-b") -> AsyncIterator[AsyncModbusTcpClient]:
    """A connected pymodbus client that gives up early."""
    place = ready["lines"][line]
    client = AsyncModbusTcpClient(
        place["host"], port=place["port"], timeout=0.5, retries=0, reconnect_delay=0
    )
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


@asynccontextmanager
async def opcua_client(ready: Any, line: str = "line-a") -> AsyncIterator[Client]:
    """A connected asyncua client."""
    async with Client(ready["lines"][line]["endpoint"], timeout=5) as client:
        yield client


async def read_nodes(client: Client, paths: list[str]) -> list[ua.DataValue]:
    """One Read request for the values of several tags."""
    asked = ua.ReadParameters()
    asked.NodesToRead = [
        ua.ReadValueId(ua.NodeId.from_string(f"ns=2;s={path}"), ua.AttributeIds.Value)
        for path in paths
    ]
    values: list[ua.DataValue] = await client.uaclient.read(asked)
    return values


def replay(config: PlantConfig, tick: int, interventions: tuple[Intervention, ...] = ()) -> Plant:
    """The same plant made again, at a tick."""
    plant = Plant(config)
    plant.intervene(interventions)
    plant.advance(tick)
    return plant


def stored(path: Path, config: PlantConfig) -> StateFile:
    """The state a plant left behind."""
    state = StateFile(path, config)
    state.load()
    return state


@pytest.fixture
def simulate(tmp_path: Path) -> Callable[..., Simulation]:
    """Makes a simulation that writes its truth to `tmp_path / "truth"` and has a control socket."""

    def make(config: PlantConfig, **changes: Any) -> Simulation:
        settings = {"truth": tmp_path / "truth", "control": 0, **changes}
        return Simulation(config, **settings)

    return make
