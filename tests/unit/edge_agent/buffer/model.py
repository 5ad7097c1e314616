"""A buffer in dictionaries: the measure for the one on disk."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge_agent.buffer.rows import Entry, Place
from edge_agent.buffer.store import Store
from wire.columns import encode_columns
from wire.errors import WireError
from wire.frame import Kind, StreamClass, pack_body, read_prefix, unpack_body
from wire.records import Opening, Tombstone, decode_record
from wire.samples import Samples

MINUTE_US = 60_000_000


def entry(cls: StreamClass, at_us: int, *, samples: int = 3, filler: int = 0) -> Entry:
    """A record of empty samples with a size one can choose."""
    plain = encode_columns(Samples.empty(), np.zeros(1, np.int8), complete_to_us=at_us)
    if filler:
        noise = random.Random(at_us).randbytes(filler // 2).hex()
        plain = plain[:-1] + b',"filler":"' + noise.encode() + b'"}'
    return Entry(
        cls=cls,
        body=pack_body(Kind.SAMPLES, plain),
        samples=samples,
        from_us=at_us,
        to_us=at_us + 1_000,
    )


@dataclass
class Model:
    """What was durable under which number, and what the server has confirmed."""

    written: dict[tuple[Place, int], bytes] = field(default_factory=dict)
    last: dict[Place, int] = field(default_factory=dict)

    def wrote(self, place: Place, seq: int, body: bytes) -> None:
        assert (place, seq) not in self.written, "a number was given twice"
        assert seq == self.last.get(place, 0) + 1, "a number was left out"
        self.written[(place, seq)] = body
        self.last[place] = seq


async def contents(store: Store, place: Place) -> list[tuple[int, int, bytes]]:
    """Everything held of a stream: (seq, through, body)."""
    found: list[tuple[int, int, bytes]] = []
    seq = 1
    while seq <= store.streams[place].last_seq:
        some = await store.read(place, seq, most=64)
        if not some:
            break
        found += [(one.seq, one.through, one.body) for one in some]
        seq = some[-1].through + 1
    return found


async def check(store: Store, model: Model) -> None:
    """Nothing unacknowledged has vanished without a tombstone, and all else is as it was."""
    for place in sorted(store.streams, key=lambda one: (one.cls, one.ord)):
        state = store.streams[place]
        held = await contents(store, place)
        assert state.records == len(held)
        assert state.last_seq == model.last[place]
        covered: set[int] = set()
        for seq, through, body in held:
            numbers = range(seq, through + 1)
            assert not covered & set(numbers), "two records for one number"
            covered |= set(numbers)
            prefix = read_prefix(body)
            assert (prefix.epoch, prefix.cls, prefix.seq) == (state.epoch, place.cls, seq)
            if prefix.kind is Kind.TOMBSTONE:
                tombstone = decode_record(prefix.kind, unpack_body(body, prefix))
                assert isinstance(tombstone, Tombstone)
                assert tombstone.through == through
            else:
                assert body == model.written[(place, seq)], "bytes have changed"
        unacked = set(range(state.acked + 1, state.last_seq + 1))
        assert unacked <= covered, f"vanished: {sorted(unacked - covered)}"
        if place.ord == store.ord:
            needed = {n for (p, n), body in model.written.items() if p == place and _fixed(body)}
            assert needed <= {seq for seq, _, body in held if _fixed(body)}, "a table is gone"


def spoil(path: Path) -> None:
    """Overwrite a stretch in the middle of a buffer file, as a dying disk does."""
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xa5" * min(64 * 4096, size // 8))


def opening(body: bytes) -> Opening:
    """The opening a record is."""
    prefix = read_prefix(body)
    record = decode_record(prefix.kind, unpack_body(body, prefix))
    assert isinstance(record, Opening)
    return record


def _fixed(body: bytes) -> bool:
    try:
        return read_prefix(body).kind in (Kind.OPENING, Kind.TAGS)
    except WireError:
        return False
