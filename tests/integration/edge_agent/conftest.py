"""A whole edge agent in this process, against a PLC and a broker of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from edge_agent.app import Agent
from edge_agent.config import EdgeConfig, load
from runtime.mqtt import BrokerAddress
from wire.ids import EdgeId

EDGE = EdgeId(plant="demo", edge="line-t")

Running = Callable[[EdgeConfig], AbstractAsyncContextManager[Agent]]


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., EdgeConfig]:
    """An edge's configuration from the YAML of its devices."""

    def make(devices: str, *, broker: int, **buffer: object) -> EdgeConfig:
        settings = {"commit_every_ms": 50, "min_free_bytes": 1, "max_bytes": "64MiB", **buffer}
        file = tmp_path / "edge.yaml"
        file.write_text(
            f"""
plant: {EDGE.plant}
edge: {EDGE.edge}
data_dir: edge data
broker: {{host: 127.0.0.1, port: {broker}}}
buffer: {{{", ".join(f"{name}: {value}" for name, value in settings.items())}}}
publish: {{first_timeout_s: 0.5, last_timeout_s: 2, status_every_s: 1}}
devices:
{devices}
""",
            "utf-8",
        )
        return load(file)

    return make


@pytest.fixture
def running() -> Running:
    """`async with running(config) as agent`: runs it, stops it in order."""

    @asynccontextmanager
    async def run(config: EdgeConfig) -> AsyncIterator[Agent]:
        stop = asyncio.Event()
        agent = Agent(config)
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

    return run


def address(port: int) -> BrokerAddress:
    """The broker of a test."""
    return BrokerAddress(host="127.0.0.1", port=port)
