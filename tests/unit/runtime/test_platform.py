"""What depends on the operating system."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import platform

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def test_a_private_file_is_replaced_whole_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    path.chmod(0o644)
    platform.write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path], "no part is left"


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.mkdir()
    (path / "inside").write_text("a folder cannot be replaced by a file")
    with pytest.raises(OSError, match="token"):
        platform.write_private(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        platform.write_private(tmp_path / "absent" / "token", b"x")
    with pytest.raises(FileNotFoundError):
        platform.fsync_dir(tmp_path / "absent")


def test_free_space_is_that_of_the_volume_also_for_what_does_not_exist_yet(tmp_path: Path) -> None:
    here = platform.free_bytes(tmp_path)
    deeper = platform.free_bytes(tmp_path / "a" / "b" / "c.db")
    assert here > 0
    assert abs(here - deeper) < 2**30


@posix
async def test_stop_signals_call_back_in_the_loop_until_undone() -> None:
    got = asyncio.Event()
    undo = platform.on_stop_signals(asyncio.get_running_loop(), got.set)
    for number in (signal.SIGTERM, signal.SIGINT):
        got.clear()
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await got.wait()
    undo()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@posix
@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool
) -> None:
    name = f"lineside-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name if abstract else name)
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name if abstract else name)
        platform.notify_ready()
        platform.notify_status("two\nlines")
        platform.notify_watchdog()
        platform.notify_stopping()
        lines = [listener.recv(100).decode() for _ in range(4)]
    assert lines == ["READY=1", "STATUS=two lines", "WATCHDOG=1", "STOPPING=1"]


@posix
def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    platform.notify_ready()
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
    platform.notify_ready()


def test_the_watchdog_is_due_at_half_its_limit() -> None:
    own = str(os.getpid())
    assert platform.watchdog_interval_s({"WATCHDOG_USEC": "30000000"}) == 15
    assert platform.watchdog_interval_s({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": own}) == 15
    assert platform.watchdog_interval_s({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) is None
    for absent in ({}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}):
        assert platform.watchdog_interval_s(absent) is None


@posix
def test_a_process_is_alive_until_it_ended_even_if_nobody_collected_it() -> None:
    assert platform.process_is_alive(os.getpid())
    assert platform.process_is_alive(1)
    assert not platform.process_is_alive(0)
    assert not platform.process_is_alive(-1)
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        # Waits for its end and leaves it a zombie.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not platform.process_is_alive(child.pid)
    assert not platform.process_is_alive(child.pid)


def test_elapsed_time_goes_on_and_a_start_of_the_computer_has_one_name() -> None:
    before_us = platform.elapsed_us()
    assert before_us <= platform.elapsed_us()
    assert platform.boot_id() == platform.boot_id()
