"""The parts of a child server that need no server."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

from ingest_server.embedded import orphan, ports
from ingest_server.embedded.child import BoundedLog, Child, folder_error
from runtime.errors import Reconfigure, RetryLater
from runtime.messages.server_embedded import TEXTS


def _child(tmp_path: Path) -> Child:
    return Child(
        part="PostgreSQL",
        folder=tmp_path,
        log=BoundedLog(tmp_path / "x.log"),
        stop_signals=(),
        parent_death_signal=signal.SIGTERM,
    )


def test_a_log_past_its_limit_is_kept_once_and_goes_on_empty(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "server.log", most_bytes=10)
    with log.opened() as handle:
        os.write(handle, b"0123456789ab")
        log.shorten()
        os.write(handle, b"next")
    assert (tmp_path / "server.log.1").read_bytes() == b"0123456789ab"
    assert log.path.read_bytes() == b"next"
    assert log.tail() == "next"


def test_the_tail_of_a_log_starts_where_asked_and_is_bounded(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "server.log")
    log.path.write_bytes(b"before|after")
    assert log.tail(7) == "after"
    assert log.tail(0, most_bytes=3) == "ter"
    assert log.tail(99) == ""
    assert BoundedLog(tmp_path / "none").tail() == ""


def test_a_full_disk_is_told_apart_from_a_broken_configuration(tmp_path: Path) -> None:
    child = _child(tmp_path)
    full = child.ended_while_starting("FATAL:  could not write: No space left on device")
    assert isinstance(full, RetryLater)
    assert full.code == "LS-5204"
    broken = child.ended_while_starting("LOG: a\nFATAL:  invalid value\nLOG: b", 1)
    assert isinstance(broken, Reconfigure)
    assert broken.params["reason"] == "FATAL:  invalid value"
    assert folder_error(tmp_path, "x", OSError(errno.ENOSPC, "full")).code == "LS-5204"
    assert folder_error(tmp_path, "x", OSError(errno.EACCES, "no")).code == "LS-5208"


def test_a_server_without_a_word_still_gives_an_error(tmp_path: Path) -> None:
    assert _child(tmp_path).ended_while_starting("").params["reason"] == "-"


def test_a_shell_in_the_folder_is_not_taken_for_a_server(tmp_path: Path) -> None:
    ours = Path("/proc/self/comm").read_text("utf-8").strip()
    assert os.getpid() in orphan.processes_in(Path.cwd(), ours)
    assert orphan.processes_in(Path.cwd(), "postgres") == []
    assert os.getpid() not in orphan.processes_in(tmp_path, ours)


def test_a_port_file_that_is_damaged_or_missing_counts_as_none(tmp_path: Path) -> None:
    file = tmp_path / "port"
    assert ports.remembered(file) is None
    file.write_text("what")
    assert ports.remembered(file) is None
    ports.remember(file, 1883)
    assert ports.remembered(file) == 1883


def test_every_code_used_has_a_text_in_both_languages() -> None:
    package = Path(orphan.__file__).parent
    source = "".join(file.read_text("utf-8") for file in package.glob("*.py"))
    for code, text in TEXTS.items():
        assert code in source, f"{code} is never raised"
        assert text.en
        assert text.zh
