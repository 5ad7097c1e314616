"""The one place with OS-specific code: durable files, signals, systemd, processes, sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from runtime.readiness import LoopWatcher, SocketWatcher, ThreadWatcher

_REPLACE_TRIES = 20
_REPLACE_PAUSE_S = 0.05

# Windows access list entries by SID, because account names are translated there:
# the file's owner, the system account (services), administrators.
_WINDOWS_OWNERS = ("*S-1-3-4:F", "*S-1-5-18:F", "*S-1-5-32-544:F")
_WINDOWS_STILL_ACTIVE = 259
_WINDOWS_QUERY_LIMITED = 0x1000
_WINDOWS_BOOTS = (
    r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters"
)


def write_private(path: Path, data: bytes) -> None:
    """Replace `path` by `data` in one step, durable, readable by its owner alone (0600).

    A reader sees the old content or the new, never a part, also after a power cut.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    descriptor = os.open(
        part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600
    )
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _only_for_the_owner(part)
        _replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    fsync_dir(path.parent)


def _only_for_the_owner(path: Path) -> None:
    if sys.platform == "win32":
        subprocess.run(
            ["icacls", str(path), "/inheritance:r", "/grant:r", *_WINDOWS_OWNERS],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    else:
        path.chmod(0o600)


def _replace(part: Path, path: Path) -> None:
    """`os.replace`; Windows refuses it while a virus scanner or reader has the old file open."""
    if sys.platform == "win32":
        for _ in range(_REPLACE_TRIES):
            try:
                part.replace(path)
            except PermissionError:
                time.sleep(_REPLACE_PAUSE_S)
            else:
                return
    part.replace(path)


def fsync_dir(path: Path) -> None:
    """Make a created, renamed or deleted directory entry durable; Windows has no such call."""
    if sys.platform != "win32":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def free_bytes(path: Path) -> int:
    """Bytes this user may still write on the volume of `path` (of its nearest existing parent)."""
    place = path.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def on_stop_signals(
    loop: asyncio.AbstractEventLoop, callback: Callable[[], None]
) -> Callable[[], None]:
    """Call `callback` in the loop at Ctrl-C, SIGTERM or a console's end; returns what undoes it."""
    if sys.platform == "win32":
        wanted = (signal.SIGINT, signal.SIGBREAK, signal.SIGTERM)

        def handle(_number: int, _frame: object) -> None:
            loop.call_soon_threadsafe(callback)

        before = {number: signal.signal(number, handle) for number in wanted}

        def undo() -> None:
            for number, old in before.items():
                signal.signal(number, old)

    else:
        wanted = (signal.SIGINT, signal.SIGTERM)
        for number in wanted:
            loop.add_signal_handler(number, callback)

        def undo() -> None:
            for number in wanted:
                loop.remove_signal_handler(number)

    return undo


def on_reload_signal(
    loop: asyncio.AbstractEventLoop, callback: Callable[[], None]
) -> Callable[[], None]:
    """Call `callback` in the loop at SIGHUP; returns what undoes it. Windows has no such signal."""
    if sys.platform != "win32":
        loop.add_signal_handler(signal.SIGHUP, callback)

    def undo() -> None:
        if sys.platform != "win32":
            loop.remove_signal_handler(signal.SIGHUP)

    return undo


def notify_ready() -> None:
    """Tell systemd that the program serves (`Type=notify`); nothing elsewhere."""
    _notify("READY=1")


def notify_stopping() -> None:
    """Tell systemd that the program is on its way out."""
    _notify("STOPPING=1")


def notify_watchdog() -> None:
    """Tell systemd that the program is alive; due every `watchdog_interval_s()`."""
    _notify("WATCHDOG=1")


def notify_status(text: str) -> None:
    """One line for `systemctl status`."""
    _notify("STATUS=" + text.replace("\n", " "))


def watchdog_interval_s(environ: Mapping[str, str] | None = None) -> float | None:
    """Seconds between signs of life that systemd asks for (half its limit); None: it asks none."""
    env = os.environ if environ is None else environ
    if env.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    limit_us = env.get("WATCHDOG_USEC", "")
    return int(limit_us) / 2_000_000 if limit_us.isdecimal() and int(limit_us) else None


def _notify(line: str) -> None:
    """One datagram as sd_notify(3) describes; a systemd that does not listen stops nobody."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if sys.platform != "win32" and address:
        if address.startswith("@"):
            address = "\0" + address[1:]
        kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as sender:
            sender.connect(address)
            sender.send(line.encode())


def process_is_alive(pid: int) -> bool:
    """Whether a process with this id runs; one that ended and was not yet collected does not."""
    return pid > 0 and _runs(pid)


if sys.platform == "win32":

    def _runs(pid: int) -> bool:
        """Asks the kernel: `os.kill(pid, 0)` would end the process here."""
        import ctypes

        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(_WINDOWS_QUERY_LIMITED, 0, pid)
        if not handle:
            return False
        try:
            code = ctypes.c_ulong()
            asked = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
            return bool(asked) and code.value == _WINDOWS_STILL_ACTIVE
        finally:
            kernel.CloseHandle(handle)

else:

    def _runs(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        try:
            status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return True
        # The state follows the name, which may hold blanks and brackets: zombies are not alive.
        return status.rpartition(")")[2].split()[:1] not in (["Z"], ["X"])


def elapsed_us() -> int:
    """Microseconds of a clock that nobody sets, and that counts while the computer sleeps.

    Since the start of the computer; `time.monotonic` stands still on Linux while it sleeps.
    """
    return _elapsed_ns() // 1000


def boot_id() -> str:
    """Names this start of the computer: another one after the next; empty where nobody knows."""
    return _boot_id()


if sys.platform == "linux":

    def _elapsed_ns() -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

else:
    _elapsed_ns = time.monotonic_ns


if sys.platform == "win32":

    def _boot_id() -> str:
        """A counter that Windows raises at each start."""
        import winreg

        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _WINDOWS_BOOTS) as key:
                return f"windows-{winreg.QueryValueEx(key, 'BootId')[0]}"
        except OSError:
            return ""

else:

    def _boot_id() -> str:
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return ""


def socket_watcher(loop: asyncio.AbstractEventLoop) -> SocketWatcher:
    """What tells this loop of a readable or writable socket.

    The loop itself where it can; Windows' Proactor loop cannot, a thread does it there.
    """
    if type(loop).add_reader is asyncio.AbstractEventLoop.add_reader:
        return ThreadWatcher(loop)
    return LoopWatcher(loop)
