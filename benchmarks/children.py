"""The programs of a benchmark as child processes: settings as JSON, figures through files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from rig.programs import Program, python_module_command

_LIMIT_S = 120.0
_METRIC = re.compile(r"^(\w+)(?:\{[^}]*\})? ([0-9.e+-]+)$", re.MULTILINE)


def write_json(path: Path, value: object) -> None:
    """Whoever waits for the file finds all of it."""
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(value), "utf-8")
    new.replace(path)


class Helper:
    """`benchmarks.<module>` with its settings; it tells when it is ready and what it found.

    The module's first argument is a JSON object; `ready` and `out` in it are files to be written.
    """

    def __init__(self, folder: Path, module: str, **settings: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ready = folder / f"{module}.ready"
        self._out = folder / f"{module}.json"
        settings |= {"ready": str(self._ready), "out": str(self._out)}
        self.program = Program(
            name=module,
            command=[sys.executable, "-m", f"benchmarks.{module}", json.dumps(settings)],
            log=folder / f"{module}.log",
        )

    async def start(self) -> Any:
        """Start; returns what it tells when it is ready."""
        await self.program.stop()  # it may still be on its way out
        for file in (self._ready, self._out):
            file.unlink(missing_ok=True)
        self.program.start()
        await self.program.wait_until(self._ready.exists, limit_s=_LIMIT_S)
        return json.loads(self._ready.read_text("utf-8"))

    async def found(self) -> dict[str, float]:
        """What it found; waits until it tells."""
        await self.program.wait_until(self._out.exists, limit_s=_LIMIT_S)
        found: dict[str, float] = json.loads(self._out.read_text("utf-8"))
        self._out.unlink()
        return found


class EdgeProgram:
    """The edge agent as people run it, with a configuration of the benchmark's."""

    def __init__(self, folder: Path, config: Mapping[str, object]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._data = folder / "data"
        file = folder / "edge.yaml"
        file.write_text(json.dumps({**config, "data_dir": str(self._data)}), "utf-8")
        self.program = Program(
            name="edge",
            command=python_module_command("edge_agent.cli", "run", str(file)),
            log=folder / "edge.log",
        )

    @property
    def buffer(self) -> Path:
        """Where its buffer is, or will be."""
        return self._data / "buffer.db"

    async def start(self) -> None:
        """Start; returns when its page is there and readings become durable."""
        self.program.start()
        await self.program.wait_until((self._data / "page.port").exists, limit_s=_LIMIT_S)
        end = time.monotonic() + _LIMIT_S
        while True:
            with contextlib.suppress(urllib.error.URLError):
                if (await self.metrics()).get("edge_samples_committed_total"):
                    return
            if time.monotonic() > end or not self.program.running:
                raise TimeoutError(self.program.last_line())
            await asyncio.sleep(0.2)

    async def metrics(self) -> dict[str, float]:
        """Every metric by name, summed over its labels."""
        port = (self._data / "page.port").read_text("ascii").strip()

        def get() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                text: str = answer.read().decode()
                return text

        found: dict[str, float] = {}
        for name, value in _METRIC.findall(await asyncio.to_thread(get)):
            found[name] = found.get(name, 0.0) + float(value)
        return found

    async def over(self, seconds: float) -> dict[str, float]:
        """readings (durable), cpu_s and seconds of the next while, unacked records at its end."""
        before, cpu_s, began = await self.metrics(), self.cpu_s(), time.monotonic()
        await asyncio.sleep(seconds)
        after, spent_s, ended = await self.metrics(), self.cpu_s(), time.monotonic()
        name = "edge_samples_committed_total"
        return {
            "readings": after[name] - before[name],
            "cpu_s": spent_s - cpu_s,
            "seconds": ended - began,
            "unacked": after.get("edge_buffer_unacked_records", 0.0),
        }

    def cpu_s(self) -> float:
        """Processor time so far, seconds."""
        times = psutil.Process(self.program.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def memory(self) -> float:
        """Resident memory, MiB."""
        return float(psutil.Process(self.program.pid).memory_info().rss) / 2**20
