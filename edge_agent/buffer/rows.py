"""The values the buffer's parts hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from wire.frame import Body, StreamClass
from wire.records import Cause


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A record that has no number yet. Times are event times, microseconds since the epoch."""

    cls: StreamClass
    body: Body
    samples: int = 0
    from_us: int
    to_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A record as it is sent; it covers `seq` to `through`."""

    seq: int
    through: int
    body: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A stream by its epoch's place in the chain."""

    ord: int
    cls: StreamClass


@dataclass(kw_only=True, slots=True)
class StreamState:
    """Where a stream stands; `acked` may run ahead of what the file says."""

    ord: int
    epoch: UUID
    cls: StreamClass
    last_seq: int = 0
    acked: int = 0
    from_us: int | None = None
    to_us: int | None = None
    records: int = 0
    fixed: int = 0
    """How many of the records are openings and tag tables."""

    @property
    def place(self) -> Place:
        """The stream's key."""
        return Place(ord=self.ord, cls=self.cls)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What retention knows of a record."""

    id: int
    ord: int
    cls: StreamClass
    seq: int
    through: int
    tombstone: Cause | None
    exact: bool
    samples: int
    from_us: int
    to_us: int
    at_us: int
    size: int
    acked: bool
    kept_enough: bool = False
    """Acknowledged so long ago that nobody will ask for it again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Unacknowledged records that one tombstone replaces; none is missing between them."""

    ord: int
    cls: StreamClass
    seq: int
    through: int
    ids: tuple[int, ...]
    samples: int
    from_us: int
    to_us: int
    exact: bool
    cause: Cause


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Bytes of the disk: pages with content, the whole file, what the volume has left."""

    used: int
    file: int
    free: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What the buffer may take; times in microseconds."""

    max_bytes: int
    min_free_bytes: int
    max_age_us: int
    keep_acked_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Eviction:
    """What goes: acknowledged records without a trace, others by tombstone."""

    delete: tuple[int, ...] = ()
    bury: tuple[Run, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.delete or self.bury)


@dataclass(frozen=True, kw_only=True, slots=True)
class Salvage:
    """What became of a file that could not be read."""

    file: str
    """Where the old file was put."""
    reason: str
    records: int
    """How many records could be taken over."""
    lost: int
    """How many numbers of known streams had to be given up."""
