"""Fills a buffer in one folder as an agent does, and tells a witness what it was promised.

    python buffer_writer.py FOLDER SEED OPENINGS ROUNDS

The witness is a file of JSON lines, each written whole when it is true:
    {"append": [[epoch, cls, seq, sha256], ...]}    about to be appended, in one transaction
    {"done": true}                                  that append has returned
    {"acked": [epoch, cls, seq]}                    the server has everything up to there
    {"evict": true}                                 about to make room
    {"opened": epoch}                               the buffer is open in this epoch
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
from pathlib import Path
from random import Random
from typing import Any

import orjson

from edge_agent.buffer.rows import Bounds, Entry, Place
from edge_agent.buffer.store import Store
from runtime.clock import now_us
from wire.frame import Kind, StreamClass, frame, pack_body
from wire.ids import EdgeId

EDGE = EdgeId(plant="demo", edge="line-a")
HOUR_US = 3_600_000_000


class Writer:
    """One opening of the buffer after another, with everything that happens in between."""

    def __init__(self, folder: Path, random: Random) -> None:
        self.random = random
        self.file = folder / "buffer.db"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self.witness = os.open(folder / "witness", flags, 0o600)

    def tell(self, **what: Any) -> None:
        os.write(self.witness, orjson.dumps(what) + b"\n")

    async def open_and_fill(self, rounds: int) -> None:
        store = Store(self.file, EDGE, agent="test", clock=now_us)
        in_order = self.random.random() < 0.5
        try:
            async with store:
                self.tell(opened=store.epoch.hex)
                for _ in range(rounds):
                    await self.append(store)
                    if self.random.random() < 0.3:
                        self.acknowledge(store)
                    if self.random.random() < 0.1:
                        self.tell(evict=True)
                        await store.evict(self.bounds())
                if not in_order:
                    raise KeyboardInterrupt  # leaves the buffer not closed in order
        except KeyboardInterrupt:
            return

    async def append(self, store: Store) -> None:
        entries: list[Entry] = []
        told: list[list[Any]] = []
        last = {cls: store.streams[Place(ord=store.ord, cls=cls)].last_seq for cls in StreamClass}
        for _ in range(self.random.choice((1, 1, 2, 5))):
            cls = self.random.choice(list(StreamClass))
            size = self.random.choice((20, 300, 3_000, 60_000))
            body = pack_body(Kind.SAMPLES, self.random.randbytes(self.random.randint(1, size)))
            at_us = now_us()
            entries.append(Entry(cls=cls, body=body, samples=1, from_us=at_us, to_us=at_us))
            last[cls] += 1
            record = frame(epoch=store.epoch, cls=cls, seq=last[cls], body=body)
            told.append([store.epoch.hex, cls, last[cls], hashlib.sha256(record).hexdigest()])
        self.tell(append=told)
        await store.append(entries)
        self.tell(done=True)

    def acknowledge(self, store: Store) -> None:
        state = self.random.choice(list(store.streams.values()))
        seq = self.random.randint(state.acked, state.last_seq)
        self.tell(acked=[state.epoch.hex, state.cls, seq])
        store.acknowledged(state.place, seq)

    def bounds(self) -> Bounds:
        """Mostly too few bytes for what is held, and sometimes too little room on the volume."""
        short = self.random.random() < 0.3
        return Bounds(
            max_bytes=self.random.choice((500_000, 2_000_000)),
            min_free_bytes=2**60 if short else 0,
            max_age_us=1_000 * HOUR_US,
            keep_acked_us=72 * HOUR_US,
        )


async def main() -> None:
    folder, seed, openings, rounds = sys.argv[1:]
    writer = Writer(Path(folder), Random(int(seed)))
    for _ in range(int(openings)):
        await writer.open_and_fill(int(rounds))


if __name__ == "__main__":
    asyncio.run(main())
