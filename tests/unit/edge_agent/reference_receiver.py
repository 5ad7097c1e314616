"""The server's side of the stream protocol in its shortest form, the measure for the edge's.

It stores what it takes as the contract says it, holds an opening back until its predecessor is
complete, and keeps everything it was told, so that tests can ask what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

import numpy as np

from wire.columns import decode_columns
from wire.control import Ack, Cursor, Rewind
from wire.frame import Kind, Prefix, StreamClass, read_prefix, unpack_body
from wire.records import (
    Event,
    Events,
    Opening,
    TagDef,
    TagTable,
    Tombstone,
    decode_record,
    first_in_stream,
)
from wire.samples import Samples

Stream = tuple[UUID, StreamClass]


@dataclass
class Receiver:
    """What a server would have in its database."""

    worker: UUID = field(default_factory=uuid4)
    cursors: dict[Stream, int] = field(default_factory=dict)
    applied: list[tuple[Prefix, object]] = field(default_factory=list)
    openings: dict[Stream, Opening] = field(default_factory=dict)
    tags: dict[tuple[UUID, int], TagDef] = field(default_factory=dict)
    samples: list[tuple[Prefix, Samples]] = field(default_factory=list)
    complete_to: dict[StreamClass, list[int]] = field(default_factory=dict)
    tombstones: list[tuple[Prefix, Tombstone]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    skipped: int = 0
    dropped: int = 0
    held: int = 0

    def take(self, record: bytes) -> list[Rewind]:
        """One record as it came; what has to be sent again besides the cursors."""
        prefix = read_prefix(record)
        stream = (prefix.epoch, prefix.cls)
        cursor = self.cursors.get(stream, 0)
        plain = unpack_body(record, prefix)
        if prefix.kind is Kind.TOMBSTONE:
            tombstone = decode_record(prefix.kind, plain)
            assert isinstance(tombstone, Tombstone)
            assert tombstone.through >= prefix.seq
            if prefix.seq <= cursor + 1 <= tombstone.through:
                self.cursors[stream] = tombstone.through
                self.tombstones.append((prefix, tombstone))
                self.applied.append((prefix, tombstone))
                return []
        if prefix.seq <= cursor:
            self.skipped += 1
            return []
        if prefix.seq > cursor + 1:
            self.dropped += 1
            return []
        assert first_in_stream(prefix.kind, prefix.seq)
        return self._apply(prefix, plain)

    def _apply(self, prefix: Prefix, plain: bytes) -> list[Rewind]:
        stream = (prefix.epoch, prefix.cls)
        content: object
        if prefix.kind is Kind.SAMPLES:
            content = self._samples(prefix, plain)
        else:
            content = decode_record(prefix.kind, plain)
        if isinstance(content, Opening):
            before = content.predecessor
            if before is not None:
                known = self.cursors.get((before.epoch, prefix.cls), 0)
                if known < before.last_seq:
                    self.held += 1
                    return [
                        Rewind(
                            epoch=before.epoch,
                            cls=prefix.cls,
                            cursor=known,
                            acked=before.last_seq,
                        )
                    ]
            self.openings[stream] = content
        elif isinstance(content, TagTable):
            for tag in content.tags:
                assert (prefix.epoch, tag.n) not in self.tags, "a number was given twice"
                self.tags[(prefix.epoch, tag.n)] = tag
        elif isinstance(content, Events):
            assert prefix.cls is StreamClass.KEY
            self.events += content.events
        self.cursors[stream] = prefix.seq
        self.applied.append((prefix, content))
        return []

    def _samples(self, prefix: Prefix, plain: bytes) -> Samples:
        samples, to_us = decode_columns(plain)
        for number in np.unique(samples.tag).tolist():
            assert (prefix.epoch, number) in self.tags, "used before it was defined"
        reached = self.complete_to.setdefault(prefix.cls, [])
        reached.append(to_us)
        self.samples.append((prefix, samples))
        return samples

    def ack(
        self, at_us: int = 0, rewind: list[Rewind] | None = None, *, hello: bool = False
    ) -> Ack:
        """The answer: every stream's cursor."""
        return Ack(
            kind="hello" if hello else "ack",
            worker=self.worker,
            at_us=at_us,
            streams=[
                Cursor(epoch=epoch, cls=cls, cursor=cursor)
                for (epoch, cls), cursor in self.cursors.items()
            ],
            rewind=rewind or [],
        )

    def values(self, path: str) -> list[tuple[int, float | int | str, int]]:
        """Everything received of a tag, in the order of receiving: (time, value, quality)."""
        found: list[tuple[int, float | int | str, int]] = []
        for prefix, samples in self.samples:
            for row in range(len(samples)):
                tag = self.tags[(prefix.epoch, int(samples.tag[row]))]
                if tag.path != path:
                    continue
                value: float | int | str
                if tag.dtype.family == "i":
                    value = int(samples.i[row])
                elif tag.dtype.family == "s":
                    value = "" if samples.s is None else samples.s[row]
                else:
                    value = float(samples.f[row])
                found.append((int(samples.ts[row]), value, int(samples.q[row])))
        return found
