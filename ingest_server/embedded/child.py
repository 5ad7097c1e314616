"""One server process of ours: started, watched while it starts, stopped in order, its log bounded.

Invariants:
- at most one process, and only while the folder's lock is ours;
- a server left over in the folder by a killed predecessor is ended before ours starts;
- nothing here belongs to an event loop: a server may be started in one and stopped in another.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ingest_server.embedded import orphan
from runtime.errors import Reconfigure, RetryLater
from runtime.platform import free_bytes

_LAUNCHER = Path(__file__).with_name("launch.py")
_LOG_MOST_BYTES = 4 * 1024 * 1024
_LOG_LOOK_EVERY_S = 10.0
_POLL_S = 0.02
_FULL_BELOW_BYTES = 256 * 1024


class BoundedLog:
    """A log that a child appends to; past its limit it is copied to `<name>.1` and emptied."""

    def __init__(self, path: Path, *, most_bytes: int = _LOG_MOST_BYTES) -> None:
        self.path = path
        self._most_bytes = most_bytes
        self._ended = threading.Event()
        self._watch: threading.Thread | None = None

    @contextlib.contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor to hand to a child."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            yield handle
        finally:
            os.close(handle)

    def start(self) -> None:
        """Look at the size now and every few seconds until `stop`."""
        self.shorten()
        self._ended.clear()
        self._watch = threading.Thread(target=self._look, name=f"log {self.path.name}", daemon=True)
        self._watch.start()

    def stop(self) -> None:
        """End the looking."""
        self._ended.set()
        if self._watch is not None:
            self._watch.join()
            self._watch = None

    def shorten(self) -> None:
        """If it is too long, keep it as `<name>.1` and empty it; the child appends on."""
        with contextlib.suppress(OSError):  # a full disk must not end the watching
            if self.path.stat().st_size > self._most_bytes:
                shutil.copyfile(self.path, self.path.with_name(self.path.name + ".1"))
                os.truncate(self.path, 0)

    def tail(self, since: int = 0, *, most_bytes: int = 4096) -> str:
        """What was written from byte `since` on, at most the last `most_bytes`."""
        try:
            with self.path.open("rb") as file:
                end = file.seek(0, os.SEEK_END)
                file.seek(max(min(since, end), end - most_bytes))
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def size(self) -> int:
        """Bytes now."""
        return self.path.stat().st_size if self.path.exists() else 0

    def _look(self) -> None:
        while not self._ended.wait(_LOG_LOOK_EVERY_S):
            self.shorten()


def prepare_folder(folder: Path, part: str) -> None:
    """Make the data folder, readable by us alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise folder_error(folder, part, error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Reconfigure(
            "LS-5208", folder=str(folder), part=part, reason=os.strerror(errno.EACCES)
        )


def folder_error(folder: Path, part: str, error: OSError) -> Reconfigure | RetryLater:
    """The error to raise for a failed file operation in a data folder."""
    if error.errno == errno.ENOSPC:
        return RetryLater("LS-5204", folder=str(folder), part=part)
    return Reconfigure(
        "LS-5208", folder=str(folder), part=part, reason=error.strerror or str(error)
    )


def command_for(
    user: orphan.User, command: Sequence[str], *, parent_death_signal: int
) -> list[str]:
    """`command` behind the launcher that ties it to our life and gives up root."""
    return [
        sys.executable,
        "-I",
        "-S",
        str(_LAUNCHER),
        str(os.getpid()),
        str(int(parent_death_signal)),
        str(user.uid),
        str(user.gid),
        *command,
    ]


def clean_environment() -> dict[str, str]:
    """English messages (they are read for the cause of a failure), no PG* or other settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


class Child:
    """The process of one server; `folder` is its working directory, by which it is found again."""

    def __init__(
        self,
        *,
        part: str,
        folder: Path,
        log: BoundedLog,
        stop_signals: Sequence[tuple[signal.Signals, float]],
        parent_death_signal: signal.Signals,
    ) -> None:
        self.part = part
        self.folder = folder
        self.log = log
        self._stop_signals = tuple(stop_signals)
        self._parent_death_signal = parent_death_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id; 0 while nothing runs."""
        return self._process.pid if self.running and self._process is not None else 0

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    async def run(
        self,
        command: Sequence[str],
        *,
        user: orphan.User,
        ready: Callable[[int], bool],
        limit_s: float,
        environment: Mapping[str, str] | None = None,
    ) -> str | None:
        """Start and wait until `ready(pid)`; None, or what the server wrote if it ended instead.

        Must be called in a thread that lives as long as the server shall: the kernel ties the
        child to the thread that started it.
        """
        since = self.log.size()
        with self.log.opened() as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - only fork and exec; waiting polls
                command_for(user, command, parent_death_signal=self._parent_death_signal),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment or clean_environment()),
                start_new_session=True,  # Ctrl-C is for us; we stop the server in order
            )
        end = time.monotonic() + limit_s
        try:
            while time.monotonic() < end:
                if self._process.poll() is not None:
                    return self.log.tail(since) or "-"
                if await asyncio.to_thread(ready, self._process.pid):
                    self.log.start()
                    return None
                await asyncio.sleep(_POLL_S)
        except BaseException:
            await self.stop()
            raise
        await self.stop()
        raise RetryLater("LS-5207", part=self.part, limit_s=limit_s, log=str(self.log.path))

    def ended_while_starting(
        self, output: str, exit_code: int | None = None
    ) -> Reconfigure | RetryLater:
        """The error for a server (or its tool) that ended, from its last words."""
        # By the space too: where the disk is full, the log line that says so may be cut.
        full = "no space left on device" in output.lower()
        if full or free_bytes(self.log.path.parent) < _FULL_BELOW_BYTES:
            return RetryLater("LS-5204", folder=str(self.folder), part=self.part)
        if exit_code is None and self._process is not None:
            exit_code = self._process.poll()
        reason = next((line for line in reversed(output.splitlines()) if _says_why(line)), "")
        if not reason:
            reason = (output.strip().splitlines() or ["-"])[-1]
        return Reconfigure(
            "LS-5206",
            part=self.part,
            exit_code=exit_code,
            reason=reason.strip(),
            log=str(self.log.path),
        )

    async def stop(self) -> None:
        """Stop in order: each signal with its patience, SIGKILL at last."""
        process = self._process
        if process is not None:
            for number, patience_s in (*self._stop_signals, (signal.Signals(9), 30.0)):
                if await ended(process, 0):
                    break
                process.send_signal(number)
                if await ended(process, patience_s):
                    break
        self._process = None
        self.log.stop()

    def kill(self) -> None:
        """End at once, as a power cut would end it (for tests of recovery)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self.log.stop()

    async def end_left_overs(
        self, program: str, gentle: signal.Signals, *, patience_s: float = 20.0
    ) -> None:
        """End what still runs in the folder. The caller holds the lock, so nobody needs it."""
        number = gentle
        pids = orphan.processes_in(self.folder, program)
        while pids:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            end = time.monotonic() + patience_s
            while pids and time.monotonic() < end:
                await asyncio.sleep(_POLL_S)
                pids = orphan.processes_in(self.folder, program)
            number = signal.Signals(9)


def _says_why(line: str) -> bool:
    return any(mark in line for mark in ("FATAL", "[FTL]", "Error:", "could not", "cannot"))


async def ended(process: subprocess.Popen[bytes], patience_s: float) -> bool:
    """Wait for the end of a process; False if it still runs after `patience_s`."""
    end = time.monotonic() + patience_s
    while process.poll() is None:
        if time.monotonic() >= end:
            return False
        await asyncio.sleep(_POLL_S)
    return True
