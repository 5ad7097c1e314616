"""A PLC that numbers its own answers, and an agent that runs from a file, for changing it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from edge_agent.app import Agent
from edge_agent.configure.configurator import Configurator
from edge_agent.configure.text import own
from runtime.clock import now_us
from tests.integration.drivers.modbus_plc import Plc, Unit
from tests.integration.edge_agent.conftest import EDGE
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality


class CountingPlc(Plc):
    """Register 0 holds how many answers it has given: a reading lost or doubled shows."""

    def __init__(self) -> None:
        super().__init__()
        self.unit()
        self.answered = 0

    def _answer(self, known: Unit, function: int, start: int, count: int) -> bytes:
        self.answered += 1
        known.put("holding", 0, [self.answered % 65_536, 7])
        return super()._answer(known, function, start, count)


def device(name: str, port: int, *, every_ms: int = 20, more: str = "") -> str:
    """The YAML of a device with the tag `name/count`."""
    return f"""
  - id: {name}
    driver: modbus-tcp
    host: 127.0.0.1
    port: {port}
    timeout_ms: 2000
    groups:
      - every_ms: {every_ms}
        tags:
          - {{path: {name}/count, address: "holding:0", dtype: u16}}
{more}"""


def text(
    *devices: str,
    broker: int,
    edge: str = EDGE.edge,
    plant: str = EDGE.plant,
    data_dir: str = "edge data",
    trial_s: float = 2.5,
    window: int = 16,
    name: str = "",
    broker_host: str = "127.0.0.1",
) -> str:
    """A whole configuration."""
    return f"""
plant: {plant}
edge: {edge}
name: "{name}"
data_dir: {data_dir}
broker: {{host: {broker_host}, port: {broker}}}
buffer: {{commit_every_ms: 50, min_free_bytes: 1, max_bytes: 64MiB}}
publish: {{window: {window}, first_timeout_s: 0.5, last_timeout_s: 2, status_every_s: 1}}
push: {{trial_s: {trial_s}}}
devices:
{"".join(devices)}
"""


@asynccontextmanager
async def running_from(file: Path) -> AsyncIterator[Agent]:
    """The agent of this file, in this process; stopped in order at the end."""
    stop = asyncio.Event()
    found = own(file)
    agent = Agent(found.config, configurator=Configurator(found, file, clock=now_us))
    task = asyncio.create_task(agent.run(stop))
    serving = asyncio.create_task(agent.serving.wait())
    await asyncio.wait([task, serving], timeout=20, return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()
    try:
        assert agent.serving.is_set(), task
        yield agent
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


def counted(receiver: Receiver, path: str) -> list[int]:
    """The good values of a tag, in the order of receiving."""
    return [int(value) for _, value, q in receiver.values(path) if q == quality.GOOD]
