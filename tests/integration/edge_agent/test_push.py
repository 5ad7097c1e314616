"""Configurations that the server pushes: tried, kept or rolled back, through a real broker."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge_agent.configure import asked
from edge_agent.configure.text import sha256_of
from ingest_server.embedded.broker import EmbeddedBroker
from runtime.clock import now_us
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, address
from tests.integration.edge_agent.counting import (
    CountingPlc,
    counted,
    device,
    running_from,
    text,
)
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.control import CommandAck, ConfigPush

ROOT = Path(__file__).parents[3]


def _push(acker: Acker, version: int, found: str, *, sha256: str | None = None) -> None:
    push = ConfigPush(
        version=version, at_us=now_us(), sha256=sha256 or sha256_of(found), text=found
    )
    acker.command("config", push.encode())


async def _answer(
    acker: Acker, version: int, wait_for: WaitFor, *, limit_s: float = 20.0
) -> CommandAck:
    """The last answer to a version."""

    def last() -> list[CommandAck]:
        return [one for one in acker.answers if one.version == version]

    await wait_for(last, limit_s, what=f"an answer to version {version}")
    return last()[-1]


def _version(acker: Acker) -> int | None:
    return acker.statuses[-1].config_version


async def test_a_push_runs_on_trial_is_answered_once_proved_and_outlives_restarts(
    nats: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor
) -> None:
    receiver, file = Receiver(), tmp_path / "edge.yaml"
    async with CountingPlc() as a, CountingPlc() as b:
        file.write_text(text(device("a", a.port), broker=nats.port), "utf-8")
        both = [device("a", a.port), device("b", b.port)]
        pushed = text(*both, broker=nats.port, edge="${LINESIDE_EDGE}", plant="${LINESIDE_PLANT}")
        async with Acker(address(nats.port), EDGE, receiver) as acker:
            async with running_from(file) as agent:
                await wait_for(lambda: counted(receiver, "a/count"))
                _push(acker, 3, pushed)
                await wait_for(lambda: _version(acker) == 3)
                assert acker.statuses[-1].config_sha256 == sha256_of(pushed)
                assert not acker.answers, "the trial is not over"
                folder = tmp_path / "edge data"
                refused = await asyncio.to_thread(asked.ask, folder, own=False, wait_s=20)
                assert [one.code for one in refused.said] == ["LS-4913"]
                done = await _answer(acker, 3, wait_for)
                assert (done.state, done.code) == ("done", None)
                assert str(done.id).replace("-", "") == sha256_of(pushed)[:32]
                assert counted(receiver, "b/count")
                assert a.connections == 1, "what did not change went on"
                acker.answers.clear()
                _push(acker, 3, pushed)
                assert await _answer(acker, 3, wait_for) == done
                _push(acker, 2, pushed)
                assert (await _answer(acker, 2, wait_for)).code == "LS-4942"
                _push(acker, 3, pushed + "\n")
                await wait_for(lambda: acker.answers[-1].code == "LS-4942")
                assert agent.facts is not None
                assert agent.facts.configuration()["version"] == 3
                unchanged = await asyncio.to_thread(asked.ask, folder, own=False, wait_s=20)
                assert [one.code for one in unchanged.said] == ["LS-4914"]
            acker.statuses.clear()
            async with running_from(file):
                await wait_for(lambda: acker.statuses and _version(acker) == 3)
                seen = len(counted(receiver, "b/count"))
                await wait_for(lambda: len(counted(receiver, "b/count")) > seen)
            # Whoever changes the edge's own file wants it to count.
            file.write_text(file.read_text("utf-8") + "\n# changed on site\n", "utf-8")
            acker.statuses.clear()
            async with running_from(file) as agent:
                await wait_for(lambda: acker.statuses and acker.statuses[-1].state == "online")
                assert _version(acker) is None
                assert [
                    one.config.id for one in (agent.facts and agent.facts.collectors) or ()
                ] == ["a"]
    assert (folder / "configuration.json").stat().st_mode & 0o777 == 0o600


async def test_a_push_that_cannot_reach_the_broker_rolls_back_by_itself_and_loses_nothing(
    nats: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor, free_port: int
) -> None:
    receiver, file = Receiver(), tmp_path / "edge.yaml"
    async with CountingPlc() as a, CountingPlc() as b:
        file.write_text(text(device("a", a.port), broker=nats.port), "utf-8")
        wrong = text(device("a", a.port), device("b", b.port), broker=free_port)
        async with Acker(address(nats.port), EDGE, receiver) as acker, running_from(file) as agent:
            await wait_for(lambda: counted(receiver, "a/count"))
            _push(acker, 1, wrong)
            refused = await _answer(acker, 1, wait_for, limit_s=30.0)
            assert (refused.state, refused.code) == ("refused", "LS-4943")
            assert f"127.0.0.1:{free_port}" in (refused.reason or "")
            assert _version(acker) is None
            assert [one.config.id for one in (agent.facts and agent.facts.collectors) or ()] == [
                "a"
            ]
            seen = len(counted(receiver, "a/count"))
            await wait_for(lambda: len(counted(receiver, "a/count")) > seen + 5)
            acker.answers.clear()
            _push(acker, 1, wrong)
            assert await _answer(acker, 1, wait_for) == refused
        assert a.connections == 1
    got = counted(receiver, "a/count")
    assert got == list(range(1, len(got) + 1)), "collected throughout, and delivered once"
    changed = [one for one in receiver.events if one.kind == "config_changed"]
    assert [one.detail["rolled_back"] for one in changed] == [False, True]


async def test_a_push_under_which_a_device_falls_silent_rolls_back(
    nats: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor, free_port: int
) -> None:
    receiver, file = Receiver(), tmp_path / "edge.yaml"
    async with CountingPlc() as a, CountingPlc() as b:
        before = [device("a", a.port), device("b", b.port)]
        file.write_text(text(*before, broker=nats.port), "utf-8")
        async with Acker(address(nats.port), EDGE, receiver) as acker, running_from(file):
            await wait_for(lambda: counted(receiver, "a/count") and counted(receiver, "b/count"))
            # b is taken away on purpose; a is moved to where nobody is.
            _push(acker, 1, text(device("a", free_port), broker=nats.port))
            refused = await _answer(acker, 1, wait_for)
            assert refused.code == "LS-4943"
            assert " a " in (refused.reason or "")
            seen = len(counted(receiver, "a/count")), len(counted(receiver, "b/count"))
            await wait_for(lambda: len(counted(receiver, "a/count")) > seen[0])
            await wait_for(lambda: len(counted(receiver, "b/count")) > seen[1])


async def test_a_push_that_is_wrong_is_refused_with_the_reason_and_changes_nothing(
    nats: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor
) -> None:
    receiver, file = Receiver(), tmp_path / "edge.yaml"
    async with CountingPlc() as a:
        good = text(device("a", a.port), broker=nats.port)
        file.write_text(good, "utf-8")
        async with Acker(address(nats.port), EDGE, receiver) as acker, running_from(file):
            await wait_for(lambda: counted(receiver, "a/count"))
            for version, found, code, told in (
                (1, good.replace("every_ms", "evry_ms"), "LS-4941", "push-1.yaml:"),
                (2, good.replace("plant: demo", "plant: other"), "LS-4910", "plant"),
                (3, good.replace("edge data", "elsewhere"), "LS-4910", "data_dir"),
                (4, "{", "LS-4941", "push-4.yaml"),
                (5, good.replace('name: ""', "name: ${NOT_SET_HERE}"), "LS-4941", "NOT_SET_HERE"),
            ):
                _push(acker, version, found)
                answer = await _answer(acker, version, wait_for)
                assert (answer.state, answer.code) == ("refused", code), answer
                assert told in (answer.reason or "")
            _push(acker, 6, good, sha256="ab" * 32)
            assert (await _answer(acker, 6, wait_for)).code == "LS-4940"
            # The same as what runs: nothing to try.
            _push(acker, 7, good + "\n# the same\n")
            assert (await _answer(acker, 7, wait_for)).state == "done"
            await wait_for(lambda: _version(acker) == 7)
            outcome = await asyncio.to_thread(
                asked.ask, tmp_path / "edge data", own=True, wait_s=20
            )
            assert outcome.ok
            await wait_for(lambda: _version(acker) is None)
        assert a.connections == 1


@asynccontextmanager
async def _program(file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent.cli", "run", str(file), "--lang", "en",
        stderr=asyncio.subprocess.DEVNULL,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
async def test_a_push_on_trial_outlives_one_kill_but_not_two(
    nats: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor
) -> None:
    receiver, file = Receiver(), tmp_path / "edge.yaml"
    async with CountingPlc() as a, CountingPlc() as b:
        file.write_text(text(device("a", a.port), broker=nats.port, trial_s=4), "utf-8")
        pushed = text(device("a", a.port), device("b", b.port), broker=nats.port)
        async with Acker(address(nats.port), EDGE, receiver) as acker:

            async def killed_on_trial(version: int) -> None:
                async with _program(file) as agent:
                    await wait_for(
                        lambda: acker.statuses and acker.statuses[-1].state == "online", 20.0
                    )
                    if not (acker.statuses and _version(acker) == version):
                        _push(acker, version, pushed)
                    await wait_for(lambda: _version(acker) == version, 20.0)
                    os.kill(agent.pid, signal.SIGKILL)
                    await agent.wait()
                acker.statuses.clear()

            await killed_on_trial(1)
            async with _program(file):
                assert (await _answer(acker, 1, wait_for, limit_s=30.0)).state == "done"
            acker.statuses.clear()
            pushed += "\n# another, and the broker's window\npublish: {window: 20}\n"
            pushed = pushed.replace("publish: {window: 16", "# publish: {window: 16")
            await killed_on_trial(2)
            await killed_on_trial(2)
            async with _program(file):
                refused = await _answer(acker, 2, wait_for, limit_s=30.0)
                assert (refused.state, refused.code) == ("refused", "LS-4948")
                await wait_for(lambda: acker.statuses and _version(acker) == 1, 20.0)
