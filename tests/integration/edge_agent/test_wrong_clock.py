"""The agent as a program on a computer whose clock is set while it runs, or was never right."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from edge_agent.clock.house import FILE
from edge_agent.config import EdgeConfig
from ingest_server.embedded.broker import EmbeddedBroker
from rig.faults import clock
from rig.faults.clock import FakeClock
from runtime.clock import now_us
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, address
from tests.integration.edge_agent.counting import CountingPlc, device
from tests.unit.edge_agent.reference_receiver import Receiver

pytestmark = pytest.mark.skipif(bool(clock.lacking()), reason=clock.lacking())

ROOT = Path(__file__).parents[3]
SIX_HOURS_S = 6 * 3_600
CLOSE_US = 2_000_000
LIMIT_S = 60.0


@asynccontextmanager
async def _agent(file: Path, fake: FakeClock) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program; killed at the end."""
    environment = {**os.environ, **fake.environment(), "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent.cli", "run", str(file), "--lang", "en",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        cwd=ROOT, env=environment,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


def _choices(receiver: Receiver) -> list[object]:
    return [one.detail["choice"] for one in receiver.events if one.kind == "clock_step"]


async def test_a_clock_that_is_set_moves_no_event_times_also_over_a_restart(
    nats: EmbeddedBroker, configure: Callable[..., EdgeConfig], tmp_path: Path, wait_for: WaitFor
) -> None:
    receiver, fake, file = Receiver(), FakeClock(tmp_path), tmp_path / "edge.yaml"
    began_us = now_us()

    def grows(more: int = 30) -> Callable[[], bool]:
        wanted = len(receiver.values("press/count")) + more
        return lambda: len(receiver.values("press/count")) >= wanted

    async with CountingPlc() as plc:
        known = configure(device("press", plc.port), broker=nats.port).data_dir / FILE
        async with Acker(address(nats.port), EDGE, receiver):
            async with _agent(file, fake):
                await wait_for(known.exists, LIMIT_S)
                fake.step(SIX_HOURS_S)
                await wait_for(lambda: _choices(receiver) == ["held"], LIMIT_S)
                await wait_for(grows(), LIMIT_S)
            async with _agent(file, fake):
                await wait_for(grows(), LIMIT_S)
                fake.step(-SIX_HOURS_S)
                await wait_for(grows(100), LIMIT_S)
                fake.step(0)
                await wait_for(lambda: _choices(receiver)[-1] == "agreed", LIMIT_S)
                await wait_for(grows(), LIMIT_S)
    ended_us = now_us()
    times = [at_us for at_us, _, _ in receiver.values("press/count")]
    assert min(times) >= began_us
    assert max(times) <= ended_us + CLOSE_US
    assert times == sorted(times)
    assert all(began_us <= one.at_us <= ended_us + CLOSE_US for one in receiver.events)
    assert set(_choices(receiver)) == {"held", "agreed"}


async def test_a_clock_that_was_never_right_is_left_for_the_servers_time(
    nats: EmbeddedBroker, configure: Callable[..., EdgeConfig], tmp_path: Path, wait_for: WaitFor
) -> None:
    receiver, fake, file = Receiver(), FakeClock(tmp_path), tmp_path / "edge.yaml"
    fake.step(-20 * 365 * 86_400)
    async with CountingPlc() as plc:
        known = configure(device("press", plc.port), broker=nats.port).data_dir / FILE
        async with Acker(address(nats.port), EDGE, receiver), _agent(file, fake):
            await wait_for(lambda: _choices(receiver) == ["server"], LIMIT_S)
            [step] = [one for one in receiver.events if one.kind == "clock_step"]
            assert step.detail["code"] == "LS-4116"
            assert abs(step.at_us - now_us()) < 10 * CLOSE_US
            await wait_for(known.exists, LIMIT_S)
            fresh = len(receiver.values("press/count"))
            await wait_for(lambda: len(receiver.values("press/count")) > fresh + 50, LIMIT_S)
            assert abs(receiver.values("press/count")[-1][0] - now_us()) < CLOSE_US
    assert orjson.loads(known.read_bytes())["source"] == "server"
