"""A child's wall clock steps both ways while it runs; what waits by the monotonic clock goes on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from rig.faults import clock
from rig.faults.clock import FakeClock

pytestmark = pytest.mark.skipif(bool(clock.lacking()), reason=clock.lacking())

CHILD = """
import asyncio, json, os, subprocess, sys, threading, time
from datetime import datetime, timezone

def told():
    open("touched", "w").close()
    return {
        "time": time.time(),
        "utc": datetime.now(timezone.utc).timestamp(),
        "monotonic": time.monotonic(),
        "file": os.stat("touched").st_mtime,
    }

def waited():
    threading.Event().wait(0.2)
    asyncio.run(asyncio.sleep(0.2))
    time.sleep(0.2)
    return {}

def child():
    program = "import time; print(time.time())"
    return {"time": float(subprocess.run([sys.executable, "-c", program],
            stdout=subprocess.PIPE, check=True).stdout)}

for line in sys.stdin:
    print(json.dumps({"told": told, "waited": waited, "child": child}[line.strip()]()), flush=True)
"""
CLOSE_S = 5.0
HOUR_S = 3600.0


class Child:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def send(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        answer: dict[str, float] = orjson.loads(self.process.stdout.readline())
        return answer

    def ask(self, command: str) -> dict[str, float]:
        self.send(command)
        return self.answer()


@pytest.fixture
def fake_clock(tmp_path: Path) -> FakeClock:
    folder = tmp_path / "a whole system"
    folder.mkdir()
    return FakeClock(folder)


@pytest.fixture
def start(fake_clock: FakeClock, tmp_path: Path) -> Iterator[Callable[[], Child]]:
    started: list[Child] = []

    def one() -> Child:
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD],
            cwd=tmp_path,
            env={**os.environ, **fake_clock.environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(Child(process))
        return started[-1]

    yield one
    for child in started:
        child.process.kill()
        child.process.communicate()


@pytest.fixture
def child(start: Callable[[], Child]) -> Child:
    return start()


def test_the_wall_clock_steps_both_ways_and_the_monotonic_one_does_not(
    child: Child, fake_clock: FakeClock
) -> None:
    for offset_s in (0.0, HOUR_S, -HOUR_S, 0.5 * HOUR_S, -20 * 365 * 24 * HOUR_S, 0.0):
        fake_clock.step(offset_s)
        told = child.ask("told")
        assert abs(told["time"] - time.time() - offset_s) < CLOSE_S
        assert abs(told["utc"] - time.time() - offset_s) < CLOSE_S
        assert abs(told["monotonic"] - time.monotonic()) < CLOSE_S
        assert abs(told["file"] - time.time()) < CLOSE_S


@pytest.mark.parametrize("offset_s", [HOUR_S, -HOUR_S])
def test_waiting_takes_as_long_as_ever_while_the_clock_steps(
    offset_s: float, child: Child, fake_clock: FakeClock
) -> None:
    child.ask("told")
    began_s = time.monotonic()
    child.send("waited")
    for step in range(6):
        fake_clock.step(offset_s * (step + 1))
        time.sleep(0.1)  # spread over its waits
    child.answer()
    assert 0.6 <= time.monotonic() - began_s < 0.6 + CLOSE_S


def test_children_of_the_child_and_later_ones_have_the_same_clock(
    child: Child, fake_clock: FakeClock, start: Callable[[], Child]
) -> None:
    fake_clock.step(-HOUR_S)
    assert abs(child.ask("child")["time"] - time.time() + HOUR_S) < CLOSE_S
    assert abs(start().ask("told")["time"] - time.time() + HOUR_S) < CLOSE_S
