"""A killed process takes all with it: ThingsBoard gateway's default store, measured.

What was collected while the broker was off died with the process. Here it is on disk, all but the
moment of one commit, and the agent that starts next delivers it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.integration.edge_agent.counting import CountingPlc, counted, device
from tests.unit.edge_agent.reference_receiver import Receiver

ROOT = Path(__file__).parents[3]


def _samples(file: Path, copies: Path) -> int:
    """How many readings a killed agent has left on disk; a copy is opened, not its own file."""
    copies.mkdir()
    for one in file.parent.glob(f"{file.name}*"):
        shutil.copy(one, copies)
    reading = sqlite3.connect(copies / file.name)
    try:
        return int(reading.execute("select coalesce(sum(samples), 0) from record").fetchone()[0])
    finally:
        reading.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
async def test_what_was_read_before_a_kill_without_a_broker_arrives_after_it(
    nats: EmbeddedBroker,
    configure: Configure,
    running: Running,
    tmp_path: Path,
    wait_for: WaitFor,
) -> None:
    receiver = Receiver()
    nats.kill()
    async with CountingPlc() as plc:
        config = configure(device("press", plc.port), broker=nats.port)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge_agent.cli", "run", str(tmp_path / "edge.yaml"),
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        try:
            await wait_for(lambda: plc.answered > 60, 30.0, what="readings without a broker")
        finally:
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        killed = plc.answered
        on_disk = _samples(config.data_dir / "buffer.db", tmp_path / "copies")
        assert on_disk > 20
        await nats.start()
        async with Acker(address(nats.port), EDGE, receiver), running(config):
            await wait_for(lambda: counted(receiver, "press/count")[-1:] > [killed], 20.0)
    values = counted(receiver, "press/count")
    before = [value for value in values if value <= killed]
    assert before == list(range(before[0], before[-1] + 1)), "whole up to the last commit"
    assert len(before) >= on_disk
    assert before[0] <= 2
    assert not receiver.tombstones
