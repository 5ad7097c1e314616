"""Several ingest workers as processes: some are killed, some stopped; everything counts once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.store.migrate import migrate
from rig.server_file import write_server_file
from runtime.mqtt import BrokerAddress
from tests.conftest import WaitFor
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import Epoch, fill, started
from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge
from wire.ids import EdgeId

LEASE_S = 3.0
TAKEN_OVER_S = 30.0
"""A lease and a renewal on a machine that is not busy with something else."""
GIVEN_UP = ("LS-5425", "LS-1103")
"""A worker that was stopped has lost its lease, and after a while its connection to the broker."""
EDGES = [
    EdgeId(plant=plant, edge=f"line-{number}") for plant in ("east", "west") for number in range(6)
]


@dataclass
class Process:
    """A server that only receives, and what it logged."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def read(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self.lines.append(line.decode())

    def send(self, what: signal.Signals) -> None:
        self.process.send_signal(what)


@asynccontextmanager
async def workers(config: Path, count: int) -> AsyncIterator[list[Process]]:
    """So many workers; those that still run at the end must end in order."""
    made: list[Process] = []
    readers: list[asyncio.Task[None]] = []
    try:
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-c", "from ingest_server.cli import main; main()"),
                *("run", str(config), "--role", "ingest"),
                stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "LINESIDE_LANG": "en"},
            )
            made.append(Process(process))
            readers.append(asyncio.create_task(made[-1].read()))
        yield made
        for each in made:
            if each.process.returncode is None:
                each.send(signal.SIGTERM)
                assert await asyncio.wait_for(each.process.wait(), 60) == 0, "".join(each.lines)
    finally:
        for each in made:
            if each.process.returncode is None:
                each.process.kill()
            await each.process.wait()
        await asyncio.gather(*readers)
    assert not [line for each in made for line in each.lines if "Traceback" in line]


def shares(dsn: str) -> list[int]:
    """How many shards each living worker has, by name; shards of the dead are not counted."""
    return [
        int(str(count))
        for (count,) in rows(
            dsn, "SELECT count(*) FROM lease JOIN ingest_worker USING (worker) GROUP BY worker"
        )
    ]


def is_even(dsn: str, count: int) -> bool:
    found = shares(dsn)
    return len(found) == count and sum(found) == 64 and max(found) <= -(-64 // count)


async def send_all(epochs: list[Epoch], address: BrokerAddress, acked: int = 0) -> None:
    edges = [MqttEdge(epoch, address, acked=acked) for epoch in epochs]
    await asyncio.wait_for(asyncio.gather(*(edge.run() for edge in edges)), 90)


def served_by(dsn: str, process: Process) -> int:
    """How many of the edges the shards of this process are."""
    found = rows(
        dsn,
        "SELECT shard FROM lease JOIN ingest_worker USING (worker) WHERE name LIKE %s",
        f"%/{process.process.pid}",
    )
    return sum((edge.shard,) in found for edge in EDGES)


@pytest.mark.timeout(240)
async def test_one_is_killed_one_is_stopped_and_everything_is_applied_once(
    tmp_path: Path, dsn: str, broker: EmbeddedBroker, wait_for: WaitFor
) -> None:
    migrate(dsn)
    config = write_server_file(
        tmp_path, dsn=dsn, host=broker.host, port=broker.port, ingest={"lease_s": LEASE_S}
    )
    address = BrokerAddress(host=broker.host, port=broker.port)
    epochs = [started(edge) for edge in EDGES]

    def more(count: int) -> int:
        """Records are added to every stream; how many were there."""
        before = epochs[0].seq
        for place, epoch in enumerate(epochs):
            fill(epoch, records=count, rows=8, seed=before * 100 + place)
        return before

    def stored_records() -> int:
        [(count,)] = rows(dsn, "SELECT count(*) FROM batch")
        return int(str(count))

    async with workers(config, 3) as found:
        await wait_for(lambda: is_even(dsn, 3), 60)
        found.sort(key=lambda each: served_by(dsn, each))
        assert served_by(dsn, found[1]) > 0
        third, second, first = found
        more(60)
        sending = asyncio.create_task(send_all(epochs, address))
        await wait_for(lambda: stored_records() > 150, 60)
        first.send(signal.SIGKILL)
        await first.process.wait()
        await wait_for(lambda: is_even(dsn, 2), TAKEN_OVER_S)
        await sending
        acked = more(60)
        before = stored_records()
        sending = asyncio.create_task(send_all(epochs, address, acked))
        await wait_for(lambda: stored_records() > before + 150, 60)
        second.send(signal.SIGSTOP)
        try:
            await wait_for(lambda: is_even(dsn, 1), TAKEN_OVER_S)
            await sending
            assert stored(dsn) == wanted(*epochs)
        finally:
            second.send(signal.SIGCONT)
        # What it notices first is by chance: its lease, or the broker that gave it up meanwhile.
        await wait_for(lambda: any(said in line for line in second.lines for said in GIVEN_UP), 60)
        await wait_for(lambda: is_even(dsn, 2), 60)
        acked = more(20)
        await send_all(epochs, address, acked)
    assert stored(dsn) == wanted(*epochs)
    assert rows(dsn, "SELECT count(*) FROM gap") == [(0,)]
    assert rows(dsn, "SELECT count(*) FROM dead_letter") == [(0,)]
    assert rows(dsn, "SELECT bool_and(applied = cursor) FROM stream") == [(True,)]
    assert shares(dsn) == []
    assert third.process.returncode == second.process.returncode == 0


async def test_the_latest_values_are_right_whoever_served_the_tags(
    tmp_path: Path, dsn: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    migrate(dsn)
    config = write_server_file(
        tmp_path, dsn=dsn, host=nats.host, port=nats.port, ingest={"lease_s": LEASE_S}
    )
    address = BrokerAddress(host=nats.host, port=nats.port)
    epochs = [started(edge) for edge in EDGES]
    for place, epoch in enumerate(epochs):
        fill(epoch, records=10, rows=8, seed=place)
    async with workers(config, 2) as found:
        await wait_for(lambda: is_even(dsn, 2), 60)
        await send_all(epochs, address)
        found[0].send(signal.SIGKILL)  # with what it has not written of them yet
        await found[0].process.wait()
        newest = (
            "SELECT count(*) FROM tag_latest AS l JOIN "
            "(SELECT tag_id, max(ts) AS ts FROM reading GROUP BY tag_id) AS r USING (tag_id, ts)"
        )
        tags = rows(dsn, "SELECT count(DISTINCT tag_id) FROM reading")
        await wait_for(lambda: rows(dsn, newest) == tags, 30)
