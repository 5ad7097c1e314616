"""The agent as a program: stopped, killed, started twice, on a damaged buffer, without anybody."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge_agent.config import EdgeConfig
from ingest_server.embedded.broker import EmbeddedBroker
from tests.conftest import WaitFor
from tests.integration.drivers.modbus_plc import Plc
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.buffer.model import entry, spoil
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality
from wire.frame import StreamClass

ROOT = Path(__file__).parents[3]


def _devices(port: int) -> str:
    return f"""
  - id: press
    driver: modbus-tcp
    host: 127.0.0.1
    port: {port}
    timeout_ms: 300
    groups:
      - {{every_ms: 20, tags: [{{path: press/count, address: "holding:0", dtype: u16}}]}}
"""


@asynccontextmanager
async def _program(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent.cli", *arguments, "--lang", "en",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _count_up(plc: Plc) -> None:
    count = 0
    while True:
        plc.unit().put("holding", 0, [count % 65_536])
        count += 1
        await asyncio.sleep(0.005)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
async def test_a_killed_agent_goes_on_where_it_was_and_a_stopped_one_says_goodbye(
    nats: EmbeddedBroker,
    configure: Callable[..., EdgeConfig],
    tmp_path: Path,
    wait_for: WaitFor,
) -> None:
    receiver = Receiver()
    file = str(tmp_path / "edge.yaml")
    async with Plc() as plc:
        configure(_devices(plc.port), broker=nats.port)
        counting = asyncio.create_task(_count_up(plc))
        for turn in range(2):
            async with _program("run", file) as agent, Acker(address(nats.port), EDGE, receiver):
                await wait_for(lambda turn=turn: len(receiver.openings) == 2 * turn + 2, 20.0)
                before = len(receiver.values("press/count"))
                await wait_for(
                    lambda before=before: len(receiver.values("press/count")) > before + 20, 20.0
                )
                os.kill(agent.pid, signal.SIGKILL)
        async with (
            _program("run", file) as agent,
            Acker(address(nats.port), EDGE, receiver) as acker,
        ):
            await wait_for(lambda: len(receiver.openings) == 6, 20.0)
            async with _program("run", file) as second:
                said = (await second.communicate())[0].decode()
                assert second.returncode == 2, said
                assert "LS-4959" in said
                assert f"process {agent.pid}," in said, "who it is that runs"
            async with _program("status", file, "--json") as asked:
                told = json.loads((await asked.communicate())[0])
                assert told["edge"] == EDGE.edge
                assert told["broker"]["connected"] is True
            os.kill(agent.pid, signal.SIGTERM)
            assert await asyncio.wait_for(agent.wait(), 15) == 0
            await wait_for(lambda: acker.statuses[-1].state == "offline")
            last = acker.statuses[-1]
            assert all(one.acked == one.last_seq for one in last.streams), "all was delivered"
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)
    chain = [one for (_, cls), one in receiver.openings.items() if cls is StreamClass.KEY]
    assert [one.predecessor is None for one in chain] == [True, False, False]
    assert not any(one.predecessor.clean for one in chain if one.predecessor is not None)
    counted = [v for _, v, q in receiver.values("press/count") if q == quality.GOOD]
    assert counted == sorted(counted)
    assert [event.kind for event in receiver.events][-1] == "agent_stop"


async def test_a_buffer_that_breaks_while_in_use_is_salvaged_and_the_agent_goes_on(
    nats: EmbeddedBroker,
    configure: Callable[..., EdgeConfig],
    running: Running,
    wait_for: WaitFor,
) -> None:
    receiver = Receiver()
    async with Plc() as plc:
        config = configure(_devices(plc.port), broker=nats.port)
        async with running(config) as agent:
            assert agent.facts is not None
            await agent.facts.store.append(
                [entry(StreamClass.BULK, n, filler=30_000) for n in range(1, 400)]
            )
            first = agent.facts.store.epoch
            spoil(config.data_dir / "buffer.db")
            async with Acker(address(nats.port), EDGE, receiver):
                await wait_for(
                    lambda: agent.facts is not None and agent.facts.store.epoch != first, 30.0
                )
                await wait_for(
                    lambda: any(event.kind == "salvaged" for event in receiver.events), 30.0
                )
                await wait_for(lambda: receiver.values("press/count"), 30.0)
    assert {tombstone.cause for _, tombstone in receiver.tombstones} == {"corrupt"}
    assert [one.predecessor is None for one in receiver.openings.values()].count(True) == 2
    assert list(config.data_dir.glob("buffer.db.damaged-*"))


async def test_an_agent_whom_nobody_answers_says_so_and_keeps_everything(
    configure: Callable[..., EdgeConfig], tmp_path: Path, free_port: int
) -> None:
    configure(_devices(free_port), broker=free_port)
    async with _program("run", str(tmp_path / "edge.yaml")) as agent:
        assert agent.stdout is not None
        said = ""
        async with asyncio.timeout(20):
            while not ("LS-4301" in said and "LS-31" in said):
                said += (await agent.stdout.readline()).decode()
    assert f"127.0.0.1:{free_port}" in said
    assert "press" in said


async def test_a_wrong_configuration_is_told_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text("plant: p\nedge: E\n", "utf-8")
    async with _program("check", str(file)) as checked:
        said = (await checked.communicate())[0].decode()
        assert checked.returncode == 2
    assert f"{file}:2:" in said
