"""A broker of three nodes with two workers and ten edges: its nodes are killed under load."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest_server.store.migrate import migrate
from tests.conftest import WaitFor
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import Epoch, fill, started
from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge
from tests.integration.ingest_server.receive.nats_cluster import NODES, PASSWORDS, NatsCluster
from tests.integration.ingest_server.receive.test_workers import is_even, workers
from wire.ids import EdgeId

EDGES = [EdgeId(plant="north", edge=f"line-{number}") for number in range(1, 11)]
SERVER = "lineside-server"
GOES_ON_S = 120.0
"""The nodes elect leaders within 10 s and close what hangs after as long again; then clients come
back, and a third of their subscriptions wait for one more election."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NatsCluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    nodes = NatsCluster(folder, EDGES)
    nodes.start(*NODES)
    yield nodes
    nodes.stop()


def configured(folder: Path, dsn: str, cluster: NatsCluster) -> Path:
    first, *others = (cluster.mqtt_port(node) for node in NODES)
    config = folder / "server.yaml"
    config.write_text(
        f"""
data_dir: data
database: {{dsn: '{dsn}'}}
broker:
  host: 127.0.0.1
  port: {first}
  others: [{", ".join(f"'127.0.0.1:{port}'" for port in others)}]
  username: {SERVER}
  password: {PASSWORDS["SERVER_PASSWORD"]}
  tls: {{ca_file: '{cluster.ca_file}'}}
ingest: {{lease_s: 5}}
"""
    )
    return config


class Load:
    """Ten edges, each with a record more every now and then until it is told to end."""

    def __init__(self, cluster: NatsCluster) -> None:
        self.epochs: list[Epoch] = [started(edge) for edge in EDGES]
        self.edges = [
            MqttEdge(epoch, cluster.edge_address(epoch.edge), timeout_s=5.0, stays=True)
            for epoch in self.epochs
        ]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for edge in self.edges:
                tasks.create_task(edge.run())
            number = 0
            while any(edge.stays for edge in self.edges):
                for place, epoch in enumerate(self.epochs):
                    fill(epoch, records=1, rows=8, seed=1000 * number + place)
                number += 1
                await asyncio.sleep(0.05)

    def end(self) -> None:
        for edge in self.edges:
            edge.stays = False

    def least_behind(self) -> list[int]:
        """What each edge has acknowledged."""
        return [edge.acked for edge in self.edges]


@pytest.mark.timeout(600)
async def test_a_node_that_dies_under_load_costs_a_moment_and_nothing_else(
    tmp_path: Path, dsn: str, cluster: NatsCluster, wait_for: WaitFor
) -> None:
    migrate(dsn)
    load = Load(cluster)

    async def goes_on() -> None:
        """Every edge has something acknowledged that it had not before."""
        before = [epoch.seq for epoch in load.epochs]
        await wait_for(
            lambda: all(now > then for now, then in zip(load.least_behind(), before, strict=True)),
            GOES_ON_S,
        )

    async with workers(configured(tmp_path, dsn, cluster), 2), asyncio.timeout(540):
        await wait_for(lambda: is_even(dsn, 2), 60)
        sending = asyncio.create_task(load.run())
        await goes_on()
        # The node through which every message goes.
        leader = await wait_for(cluster.leader)
        cluster.kill(leader)
        await goes_on()
        cluster.start(leader)
        await wait_for(cluster.is_whole, 60)
        # The node that a worker is connected to; whatever else the killed one had is there.
        served = await wait_for(lambda: cluster.node_of(SERVER), 30)
        cluster.kill(served)
        await goes_on()
        load.end()
        await sending
    assert stored(dsn) == wanted(*load.epochs)
    assert rows(dsn, "SELECT count(*) FROM gap") == [(0,)]
    assert rows(dsn, "SELECT count(*) FROM dead_letter") == [(0,)]
    assert rows(dsn, "SELECT bool_and(applied = cursor) FROM stream") == [(True,)]
