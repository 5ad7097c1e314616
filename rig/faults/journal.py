"""What a process did to the files of a folder, recorded by the preloaded `powercut.c`.

    recorder = Recorder(folder, journal=elsewhere / "journal", shim=build("powercut", elsewhere))
    subprocess.run(writer, env={**os.environ, **recorder.environment()})
    before, events = recorder.before, recorder.events()

Linux with a C compiler; no root. The process may be killed at any time: the journal ends with its
last whole step.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from rig.faults.preload import preloaded

Op: TypeAlias = Literal["create", "write", "truncate", "sync", "sync_names", "unlink", "rename"]

_HEADER: Final = struct.Struct("<IIQQQ")
_MAGIC: Final = 0x31435750
_OPS: Final[Mapping[int, Op]] = {
    ord("C"): "create",
    ord("W"): "write",
    ord("T"): "truncate",
    ord("S"): "sync",
    ord("D"): "sync_names",
    ord("U"): "unlink",
    ord("R"): "rename",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One step: `file` is the inode, `offset` bytes; names are paths within the folder."""

    op: Op
    file: int = 0
    offset: int = 0
    data: bytes = b""
    name: str = ""
    to: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A file that was there, whole and on disk, before the first event."""

    file: int
    data: bytes


class IncompleteJournal(Exception):
    """The files are not what the journal says: the process changed them in a way not recorded."""


class Recorder:
    """Records what processes do in `folder`, from what is in it now; `journal` lies elsewhere."""

    def __init__(self, folder: Path, *, journal: Path, shim: Path) -> None:
        self.folder = folder.resolve()
        self.before = known(self.folder)
        """The folder as it is now, by name."""
        self._journal = journal
        self._shim = shim

    def environment(self) -> dict[str, str]:
        """What the process to be recorded needs in its environment."""
        return {
            **preloaded(self._shim),
            "POWERCUT_FOLDER": str(self.folder),
            "POWERCUT_JOURNAL": str(self._journal),
        }

    def events(self) -> list[Event]:
        """Everything recorded so far, in order; nothing yet where no process has come so far."""
        if not self._journal.exists():
            return []
        return parse(self._journal.read_bytes(), folder=self.folder)


def known(folder: Path) -> dict[str, Known]:
    """The files of a folder by their path in it."""
    return {
        str(path.relative_to(folder)): Known(file=path.stat().st_ino, data=path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def parse(journal: bytes, *, folder: Path) -> list[Event]:
    """The events of a journal; a last one that is not whole has not happened."""
    events = []
    at = 0
    while at + _HEADER.size <= len(journal):
        magic, op, file, offset, length = _HEADER.unpack_from(journal, at)
        if magic != _MAGIC or op not in _OPS:
            raise ValueError(f"no event at byte {at} of the journal")
        body = journal[at + _HEADER.size : at + _HEADER.size + length]
        if len(body) < length:
            break
        at += _HEADER.size + length
        events.append(_event(op, file, offset, body, folder))
    return events


def _event(op: int, file: int, offset: int, body: bytes, folder: Path) -> Event:
    name = _OPS[op]
    if name in ("write", "truncate", "sync"):
        return Event(op=name, file=file, offset=offset, data=body)
    first, _, second = body.partition(b"\0")

    def inside(path: bytes) -> str:
        return str(Path(os.fsdecode(path)).relative_to(folder)) if path else ""

    return Event(op=name, file=file, name=inside(first), to=inside(second))
