"""How many copies of damaged buffer files stay beside the buffer: few, and of bounded size.

Invariants:
- no copy takes the place of another;
- the newest copy stays, whatever its size: nobody has looked at it yet;
- older ones do not take room that is to be left free on the volume;
- while a salvage is unfinished (what it saved is not in the buffer's place) none is removed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime import logs, platform

_log = logs.get("edge.buffer")

MOST_COPIES: Final = 3
MOST_BYTES: Final = 1024**3
_BESIDE: Final = ("-wal", "-shm", "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """One damaged file that was put aside, with what SQLite keeps beside it."""

    path: Path
    at_s: int
    """When it was put aside, in seconds since the Unix epoch."""
    size: int


def complete_of(path: Path) -> Path:
    """What a salvage of `path` made, from its completion until it takes the buffer's place."""
    return path.with_name(path.name + ".salvaged")


def files_of(path: Path) -> tuple[Path, ...]:
    """A database and what SQLite keeps beside it, the database last."""
    return tuple(path.with_name(path.name + end) for end in _BESIDE)


def aside(path: Path, now_us: int) -> Path:
    """Where the damaged `path` is put: no copy of the same second lies there, or a part of one."""
    at_s = now_us // 1_000_000
    while any(map(os.path.lexists, files_of(_copy_of(path, at_s)))):
        at_s += 1
    return _copy_of(path, at_s)


def _copy_of(path: Path, at_s: int) -> Path:
    return path.with_name(f"{path.name}.damaged-{at_s}")


def too_many(
    copies: Iterable[Copy], *, most: int = MOST_COPIES, most_bytes: int = MOST_BYTES
) -> Sequence[Copy]:
    """The copies that go: all but the newest `most`, and what exceeds `most_bytes` of them."""
    ordered = sorted(copies, key=lambda copy: copy.at_s, reverse=True)
    kept, size = 0, 0
    for copy in ordered:
        size += copy.size
        if kept and (kept == most or size > most_bytes):
            break
        kept += 1
    return ordered[kept:]


def room(copies: Iterable[Copy], *, free: int, min_free_bytes: int) -> int:
    """Bytes that copies may take: at most `MOST_BYTES`, less where the volume (`free`) is short."""
    taken = sum(copy.size for copy in copies)
    return max(0, min(MOST_BYTES, taken + free - min_free_bytes))


def forget(path: Path, *, min_free_bytes: int = 0) -> None:
    """Remove the copies of the buffer `path` that are too many; says which in the log."""
    if complete_of(path).exists():
        return
    try:
        copies = _copies(path)
        most_bytes = MOST_BYTES
        if len(copies) > 1:
            free = platform.free_bytes(path.parent)
            most_bytes = room(copies, free=free, min_free_bytes=min_free_bytes)
    except OSError as error:
        _log.warning("LS-4114", file=f"{path}.damaged-*", reason=error.strerror or repr(error))
        return
    for copy in too_many(copies, most_bytes=most_bytes):
        _remove(copy, most_bytes)


def _remove(copy: Copy, most_bytes: int) -> None:
    try:
        # The database first: where that cannot be, the rest of the copy stays whole.
        for file in reversed(files_of(copy.path)):
            file.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("LS-4114", file=str(copy.path), reason=error.strerror or repr(error))
        return
    _log.warning(
        "LS-4113", file=str(copy.path), size=copy.size, copies=MOST_COPIES, most=most_bytes
    )


def _copies(path: Path) -> list[Copy]:
    """The copies beside `path`; a name that is not one of ours is nobody's copy."""
    name = re.compile(re.escape(path.name) + r"\.damaged-([1-9][0-9]{0,17})(?:-wal|-shm)?")
    times = {int(match[1]) for one in path.parent.iterdir() if (match := name.fullmatch(one.name))}
    return [
        Copy(path=copy, at_s=at_s, size=sum(map(_size, files_of(copy))))
        for at_s in times
        for copy in [_copy_of(path, at_s)]
    ]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
