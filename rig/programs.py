"""One of our own programs as a child process: started, waited for, stopped, killed, frozen.

Invariants:
- at most one process a `Program`; it ends with us, however we end (see the embedded launcher);
- its output goes to a file in the run's folder, never to our terminal;
- `kill` is SIGKILL and waits for the process to be gone, so that its locks and ports are free.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ingest_server.embedded import orphan
from ingest_server.embedded.child import command_for, ended
from runtime.errors import RetryLater

ROOT = Path(__file__).resolve().parent.parent
_POLL_S = 0.05
_STOP_LIMIT_S = 30.0


def python_module_command(module: str, *arguments: str) -> list[str]:
    """The command line that runs `module`'s `main()` in this very environment."""
    program = f"import sys; from {module} import main; sys.exit(main())"
    return [sys.executable, "-X", "faulthandler", "-c", program, *arguments]


class Program:
    """A child process of ours with a name, a log and an environment of its own."""

    def __init__(
        self,
        *,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environment = dict(environment or {})
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id; 0 while nothing runs."""
        return 0 if self._process is None or not self.running else self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Exit code of the last process, None while it runs or before the first."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start the process; does not wait for anything."""
        if self.running:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **self.environment,
        }
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command_for(orphan.User(), self.command, parent_death_signal=signal.SIGTERM),
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        self.starts += 1

    async def wait_until(self, ready: Callable[[], bool], *, limit_s: float) -> None:
        """Wait for `ready()`; raises RetryLater where the program ends first or takes too long."""
        end = time.monotonic() + limit_s
        while not ready():
            if not self.running or time.monotonic() > end:
                raise RetryLater(
                    "LS-8101", program=self.name, log=str(self.log), last=self.last_line()
                )
            await asyncio.sleep(_POLL_S)

    async def end(self, limit_s: float) -> int | None:
        """Wait until it ends by itself; its exit code, None where it still runs after that."""
        if self._process is not None:
            await ended(self._process, limit_s)
        return self.exit_code

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL where that is not obeyed within half a minute."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            if not await ended(self._process, _STOP_LIMIT_S):
                self.kill()

    def kill(self) -> None:
        """SIGKILL, as a power cut would end it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP: it keeps its locks and connections and does nothing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def last_line(self) -> str:
        """The last line of its log, for error messages."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return "-"
        return next((line for line in reversed(lines) if line.strip()), "-")[:500]
