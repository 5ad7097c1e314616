"""`lineside-edge reload` and SIGHUP as a person or systemd uses them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ingest_server.embedded.broker import EmbeddedBroker
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, address
from tests.integration.edge_agent.counting import CountingPlc, counted, device, text
from tests.unit.edge_agent.reference_receiver import Receiver

ROOT = Path(__file__).parents[3]


@asynccontextmanager
async def _program(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent.cli", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _said(*arguments: str) -> tuple[int | None, str]:
    async with _program(*arguments) as process:
        said = (await process.communicate())[0].decode()
    return process.returncode, said


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
async def test_a_person_or_a_signal_makes_the_agent_read_its_file_again(
    nats: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor
) -> None:
    receiver, file = Receiver(), tmp_path / "edge.yaml"
    async with CountingPlc() as a, CountingPlc() as b, CountingPlc() as c:
        devices = [device(name, plc.port) for name, plc in (("a", a), ("b", b), ("c", c))]
        file.write_text(text(devices[0], broker=nats.port), "utf-8")
        async with (
            Acker(address(nats.port), EDGE, receiver),
            _program("run", str(file), "--lang", "en") as agent,
        ):
            await wait_for(lambda: counted(receiver, "a/count"), 30.0)
            file.write_text(text(*devices[:2], broker=nats.port), "utf-8")
            code, said = await _said("reload", str(file), "--lang", "en")
            assert code == 0, said
            assert "Devices added: b" in said
            assert "without a break: 1" in said
            await wait_for(lambda: counted(receiver, "b/count"))
            file.write_text(text(*devices[:2], broker=nats.port).replace("dtype", "dtyp"), "utf-8")
            code, said = await _said("reload", str(file), "--lang", "zh")
            # Of a file that is wrong nobody needs to ask the agent.
            assert code == 2, said
            assert f"{file}:" in said
            file.write_text(text(*devices, broker=nats.port), "utf-8")
            os.kill(agent.pid, signal.SIGHUP)
            await wait_for(lambda: counted(receiver, "c/count"))
            code, said = await _said("run", str(file), "--lang", "en")
            assert code == 2
            assert f"process {agent.pid}" in said, "who it is that runs"
            os.kill(agent.pid, signal.SIGTERM)
            assert await asyncio.wait_for(agent.wait(), 15) == 0
            code, said = await _said("reload", str(file), "--lang", "en")
            assert code == 1
            assert "LS-4925" in said
    assert (a.connections, b.connections) == (1, 1)


async def test_an_agent_that_died_is_not_waited_for_long(tmp_path: Path) -> None:
    file, folder = tmp_path / "edge.yaml", tmp_path / "edge data"
    file.write_text(text(device("a", 9), broker=9), "utf-8")
    folder.mkdir()
    note = '{"pid": 999999999, "agent": "x", "started_at": "2026-01-01T00:00:00+00:00", "file": ""}'
    (folder / "agent.json").write_text(note, "utf-8")
    code, said = await _said("reload", str(file), "--wait", "1")
    assert code == 1
    assert "LS-4926" in said
    assert [path.name for path in folder.iterdir()] == ["agent.json"]
