"""A storm: the broker dies, and hundreds of edges come back in the same moment."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import psutil
import pytest

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.store.migrate import migrate
from rig.server_file import write_server_file
from runtime import logs
from tests.conftest import WaitFor
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import Epoch, fill, started
from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge
from tests.integration.ingest_server.receive.test_session import address_of
from tests.integration.ingest_server.receive.test_workers import Process, is_even, workers
from wire.ids import EdgeId

EDGES = int(os.environ.get("LINESIDE_STORM_EDGES", "100"))
"""500 take a minute or two, most of it for the edges' side; `docs/reliability.md` has a run."""
PATIENCE = max(1.0, EDGES / 100)
"""Limits grow with the number of edges: they all live in this one process."""
RECORDS = 12
MOST_GROWTH = 96 << 20
"""Bytes: what may wait in a server is bounded by rows and messages, not by edges."""


class Memory:
    """The most memory that a server had, looked at while it works."""

    def __init__(self, server: Process) -> None:
        self._process = psutil.Process(server.process.pid)
        self.at_first = self.most = self.now()

    def now(self) -> int:
        return int(self._process.memory_info().rss)

    async def watch(self) -> None:
        while True:
            self.most = max(self.most, self.now())
            await asyncio.sleep(0.05)


def fleet() -> list[Epoch]:
    epochs = [started(EdgeId(plant="demo", edge=f"line-{number}")) for number in range(EDGES)]
    for number, epoch in enumerate(epochs):
        fill(epoch, records=RECORDS, rows=20, seed=number)
    return epochs


@pytest.mark.timeout(600 * PATIENCE)
async def test_hundreds_that_come_back_at_once_lose_and_double_nothing_and_fill_no_memory(
    tmp_path: Path, dsn: str, broker: EmbeddedBroker, wait_for: WaitFor
) -> None:
    migrate(dsn)
    config = write_server_file(tmp_path, dsn=dsn, host=broker.host, port=broker.port)
    epochs = fleet()
    edges = [MqttEdge(each, address_of(broker), timeout_s=10.0, window=4) for each in epochs]

    def done() -> int:
        return sum(edge.acked for edge in edges)

    everything = sum(epoch.seq for epoch in epochs)
    async with workers(config, 1) as [server]:
        await wait_for(lambda: is_even(dsn, 1), 120)
        memory = Memory(server)
        watching = asyncio.create_task(memory.watch())
        began_s = time.monotonic()
        sending = [asyncio.create_task(edge.run()) for edge in edges]
        for part in (0.25, 0.6):
            await wait_for(
                lambda: done() >= part * everything,  # noqa: B023
                240 * PATIENCE,
            )
            broker.kill()
            await broker.start()
        await asyncio.wait_for(asyncio.gather(*sending), 300 * PATIENCE)
        watching.cancel()
        took = memory.most - memory.at_first
        assert took < MOST_GROWTH, f"{took / (1 << 20):.0f} MiB more than before the storm"
        logs.get("test").info(
            "storm",
            edges=EDGES,
            before=memory.at_first,
            most=memory.most,
            took_s=round(time.monotonic() - began_s),
        )
    assert stored(dsn) == wanted(*epochs)
    assert rows(dsn, "SELECT count(*) FROM gap") == [(0,)]
    assert rows(dsn, "SELECT count(*) FROM dead_letter") == [(0,)]
