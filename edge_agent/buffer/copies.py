"""How many copies of damaged buffer files stay beside the buffer: few, and of bounded size.

Invariants:
- the newest copy stays, whatever its size: nobody has looked at it yet;
- while a salvage is unfinished (what it saved is not in the buffer's place) none is removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime import logs

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
    """Where the damaged `path` is put."""
    return path.with_name(f"{path.name}.damaged-{now_us // 1_000_000}")


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


def forget(path: Path) -> None:
    """Remove the copies of the buffer `path` that are too many; says which in the log."""
    if complete_of(path).exists():
        return
    try:
        copies = _copies(path)
    except OSError as error:
        _log.warning("LS-4114", file=f"{path}.damaged-*", reason=error.strerror or repr(error))
        return
    for copy in too_many(copies):
        _remove(copy)


def _remove(copy: Copy) -> None:
    try:
        # The database first: where that cannot be, the rest of the copy stays whole.
        for file in reversed(files_of(copy.path)):
            file.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("LS-4114", file=str(copy.path), reason=error.strerror or repr(error))
        return
    _log.warning(
        "LS-4113", file=str(copy.path), size=copy.size, copies=MOST_COPIES, most=MOST_BYTES
    )


def _copies(path: Path) -> list[Copy]:
    """The copies beside `path`; a name that is not one of ours is nobody's copy."""
    name = re.compile(re.escape(path.name) + r"\.damaged-([1-9][0-9]{0,17})(?:-wal|-shm)?")
    times = {int(match[1]) for one in path.parent.iterdir() if (match := name.fullmatch(one.name))}
    return [
        Copy(path=copy, at_s=at_s, size=sum(map(_size, files_of(copy))))
        for at_s in times
        for copy in [aside(path, at_s * 1_000_000)]
    ]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
