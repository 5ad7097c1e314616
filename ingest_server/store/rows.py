"""What is stored about senders and streams, as plain values: no I/O, no clock.

Times are microseconds since the Unix epoch (`*_us`); None where nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from wire.records import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from numpy.typing import NDArray

    from wire.dtypes import DType
    from wire.frame import StreamClass
    from wire.ids import EdgeId
    from wire.records import TagDef

GapCause = Literal[Cause, "late_after_retention", "implausible_time"]
"""Why time or readings are missing: what edges tell, and what the server itself does not store."""
StreamKey = tuple["UUID", "StreamClass"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamRow:
    """One stream of an edge: how far it is stored and how it is linked to the others."""

    epoch: UUID
    cls: StreamClass
    cursor: int
    ord: int
    """Order of acceptance within the edge and class, from 1: the latest is the highest."""
    applied: int = 0
    predecessor: UUID | None = None
    predecessor_seq: int | None = None
    clean: bool | None = None
    forked: bool = False
    opened_us: int | None = None
    last_to_us: int | None = None
    """Everything taken up to then is stored or stands in a gap."""
    rows: int = 0
    version: str = ""

    @property
    def key(self) -> StreamKey:
        """Its place among the streams of the edge."""
        return self.epoch, self.cls


class Shape:
    """The column of `reading` that carries a tag's values; numbers used in arrays.

    `num`: FROM_FLOAT; `big`: BIG; `txt`: TEXT. Records kept to be folded later hold these numbers;
    2 stands there for small integers of earlier releases.
    """

    UNKNOWN = 0
    FROM_FLOAT = 1
    BIG = 3
    TEXT = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class TagMap:
    """The tag numbers of one epoch: arrays indexed by number, 0 where a number is not defined."""

    tag_id: NDArray[np.int32] = field(default_factory=lambda: np.zeros(1, np.int32))
    shape: NDArray[np.int8] = field(default_factory=lambda: np.zeros(1, np.int8))

    def undefined(self, numbers: NDArray[np.int32]) -> int | None:
        """A number among these that has no definition, None where all have one."""
        if not numbers.size:
            return None
        size = self.tag_id.shape[0]
        within = np.minimum(numbers, size - 1)
        missing = (numbers >= size) | (self.tag_id[within] == 0)
        return int(numbers[np.argmax(missing)]) if missing.any() else None

    def with_tags(self, tags: Iterable[tuple[int, int, int]]) -> TagMap:
        """A new map with (number, tag id, shape) added."""
        added = list(tags)
        if not added:
            return self
        size = max(self.tag_id.shape[0], 1 + max(number for number, _, _ in added))
        tag_id = np.zeros(size, np.int32)
        shape = np.zeros(size, np.int8)
        tag_id[: self.tag_id.shape[0]] = self.tag_id
        shape[: self.shape.shape[0]] = self.shape
        for number, identity, kind in added:
            tag_id[number] = identity
            shape[number] = kind
        return TagMap(tag_id=tag_id, shape=shape)


def shape_of(definition: TagDef) -> int:
    """The shape of a tag's values."""
    return shape_of_dtype(definition.dtype)


def shape_of_dtype(dtype: DType) -> int:
    """The shape of a data type: bool to 0/1; integers of any size as such, which pack best."""
    if dtype.family == "i":
        return Shape.BIG
    return Shape.TEXT if dtype.family == "s" else Shape.FROM_FLOAT


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgeRow:
    """An edge and all its streams: what decisions about its records stand on.

    `next_batch` rises with every record applied; a transaction that finds another number there
    works on stale knowledge and is undone.
    """

    edge: EdgeId
    edge_id: int
    next_batch: int
    streams: Mapping[StreamKey, StreamRow]

    def cursor(self, epoch: UUID, cls: StreamClass) -> int:
        """How far a stream is stored, 0 where it is unknown."""
        row = self.streams.get((epoch, cls))
        return 0 if row is None else row.cursor

    def of_class(self, cls: StreamClass) -> list[StreamRow]:
        """The streams of a class in the order in which they were accepted."""
        rows = [row for row in self.streams.values() if row.cls is cls]
        return sorted(rows, key=lambda row: row.ord)

    def latest(self, cls: StreamClass) -> StreamRow | None:
        """The stream of a class accepted last."""
        rows = [row for row in self.streams.values() if row.cls is cls]
        return max(rows, key=lambda row: row.ord, default=None)

    def with_stream(self, row: StreamRow) -> EdgeRow:
        """The edge after one record of that stream was applied."""
        streams = {**self.streams, row.key: row}
        return replace(self, streams=streams, next_batch=self.next_batch + 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class GapRow:
    """A time without data and why; `cls` and `device` None: all of them; `to_us` None: open."""

    epoch: UUID | None
    cls: StreamClass | None
    from_us: int
    to_us: int | None
    cause: str
    device: str | None = None
    samples: int | None = None
    exact: bool = False
    detail: Mapping[str, object] = field(default_factory=dict)
    merge_within_us: int | None = None
    """Widen a gap of the same stream and cause that is so near; None: always another one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outage:
    """A device stopped answering (opens a gap) or answers again (closes it); None: all devices."""

    device: str | None
    at_us: int
    up: bool
    epoch: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeRow:
    """Something people should know about an edge; `code` is in the message catalogue."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetterRow:
    """Bytes that could not be used, kept for people; unique by their hash and topic."""

    sha256: bytes
    topic: str
    code: str
    reason: str
    size: int
    kept: bytes
    params: Mapping[str, object] = field(default_factory=dict)
    """What the text of the code is worded with: JSON values."""
    edge_id: int | None = None
    epoch: UUID | None = None
    cls: StreamClass | None = None
    seq: int | None = None
