"""The simulated plant as a child process, and its control socket."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import orjson

from rig.programs import Program
from runtime.errors import RetryLater

_ANSWER_LIMIT_S = 10.0


class SimulatedPlant:
    """The simulators of one run; its truth is in `folder/truth`.

    `first` says whether this folder's plant has never run: it then holds its model time until
    `run()`, so that what is collected begins before the first part.
    """

    def __init__(self, *, config: Path, folder: Path, log: Path) -> None:
        self.folder = folder
        self.truth = folder / "truth"
        self._ready = folder / "ready.json"
        self._state = folder / "state.json"
        self.first = not self._state.exists()
        arguments = [str(config), "--truth", str(self.truth), "--state", str(self._state)]
        arguments += ["--ready", str(self._ready), "--control", "--hold", "--log-json"]
        self._arguments = arguments
        self.program = Program(
            name="simulators", command=[sys.executable, "-m", "simulators", *arguments], log=log
        )
        self.endpoints: dict[str, Any] = {}

    async def start(self, ports: dict[str, int]) -> None:
        """Start on the given ports by variable name; returns when the servers are open."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._ready.unlink(missing_ok=True)
        self.program.environment = {name: str(port) for name, port in ports.items()}
        self.program.start()
        await self.program.wait_until(self._ready.exists, limit_s=60)
        self.endpoints = orjson.loads(self._ready.read_bytes())

    async def command(self, do: str, **arguments: object) -> dict[str, Any]:
        """Send one command. Raises RetryLater where it is refused or not answered."""
        control = self.endpoints["control"]
        reader, writer = await asyncio.open_connection(control["host"], control["port"])
        try:
            writer.write(orjson.dumps({"do": do, **arguments}) + b"\n")
            line = await asyncio.wait_for(reader.readline(), _ANSWER_LIMIT_S)
        finally:
            writer.close()
            await writer.wait_closed()
        answer: dict[str, Any] = orjson.loads(line or b"{}")
        if not answer.get("ok"):
            raise RetryLater("LS-8102", command=do, reason=str(answer.get("message", "-")))
        return answer

    async def run(self) -> None:
        """Let parts be made: from the beginning, or on from where `pause` stopped them."""
        await self.command("run" if self.first else "resume")
        self.first = False

    async def pause(self) -> None:
        """Stop making parts; what has been made is then all there is to find."""
        await self.command("halt")
