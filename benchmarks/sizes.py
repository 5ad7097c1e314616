"""How many bytes a reading takes on the wire and in the buffer file.

The ceiling is what its bare value takes: the batch's values as raw little-endian columns (float32
or the smallest integer differences), packed by the same zstd, without tags, times and qualities.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import zstandard
from numpy.typing import NDArray

from benchmarks.generator import BIT, COUNTER, Generator
from benchmarks.results import Result, value_at_most
from edge_agent.buffer.rows import Entry
from edge_agent.buffer.store import Store
from runtime.clock import now_us
from wire.columns import encode_columns
from wire.frame import PREFIX_SIZE, Kind, StreamClass, pack_body
from wire.ids import EdgeId
from wire.samples import Samples

BATCHES = (10, 100, 1_000, 5_000)
TAGS = 500
_READINGS_IN_FILE = 200_000
_MOST_RECORDS = 1_000
WIRE_GOAL = 6.0
BUFFER_GOAL = 8.0
_FROM = 1_000


def generator_of(batch: int) -> tuple[Generator, int]:
    """The generator for batches of that many readings, and the polls in each."""
    tags = min(batch, TAGS)
    return Generator(tags, start_us=now_us(), every_us=100_000), batch // tags


def record_of(generator: Generator, polls: int) -> Entry:
    """The next record as the edge agent would make it."""
    samples = generator.polls(polls)
    to_us = int(samples.ts[-1])
    plain = encode_columns(samples, generator.families(), complete_to_us=to_us)
    return Entry(
        cls=StreamClass.BULK,
        body=pack_body(Kind.SAMPLES, plain),
        samples=len(samples),
        from_us=int(samples.ts[0]),
        to_us=to_us,
    )


def bare_bytes(kinds_of_a_poll: NDArray[np.int8], samples: Samples) -> int:
    """Bytes of the values alone, column by column, packed."""
    kinds = np.resize(kinds_of_a_poll, len(samples))
    order = np.argsort(samples.tag, kind="stable")
    kinds, f, i = kinds[order], samples.f[order], samples.i[order]
    counts = i[kinds == COUNTER]
    columns = (
        f[kinds < COUNTER].astype("<f4").tobytes(),
        np.diff(counts, prepend=0).astype("<i4").tobytes(),
        np.packbits(i[kinds == BIT].astype(np.uint8)).tobytes(),
    )
    return len(zstandard.ZstdCompressor(level=3).compress(b"".join(columns)))


async def measure(_rounds: int) -> list[Result]:
    """Both figures for every size of batch; deterministic, so there is nothing to repeat."""
    results = []
    for batch in BATCHES:
        generator, polls = generator_of(batch)
        records = min(_MOST_RECORDS, max(20, _READINGS_IN_FILE // batch))
        entries = [record_of(generator, polls) for _ in range(records)]
        readings = sum(entry.samples for entry in entries)
        wire = sum(PREFIX_SIZE + len(entry.body.packed) for entry in entries) / readings
        again, _ = generator_of(batch)
        bare = sum(bare_bytes(again.kinds, again.polls(polls)) for _ in range(20)) / (20 * batch)
        due = batch >= _FROM
        results += [
            Result(
                name=f"edge/wire-bytes/batch-{batch}",
                value=wire,
                unit="bytes/reading",
                ceiling=bare,
                goal=value_at_most(WIRE_GOAL) if due else None,
            ),
            Result(
                name=f"edge/buffer-bytes/batch-{batch}",
                value=await _in_file(entries) / readings,
                unit="bytes/reading",
                ceiling=bare,
                goal=value_at_most(BUFFER_GOAL) if due else None,
            ),
        ]
    return results


async def _in_file(entries: list[Entry]) -> int:
    """Bytes by which a buffer file grows, closed in order (so without its log)."""
    edge = EdgeId(plant="bench", edge="sizes")
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as folder:
        path = Path(folder) / "buffer.db"
        async with Store(path, edge, agent="bench", clock=now_us):
            pass
        empty = path.stat().st_size
        async with Store(path, edge, agent="bench", clock=now_us) as store:
            for start in range(0, len(entries), 10):
                await store.append(entries[start : start + 10])
        return path.stat().st_size - empty
