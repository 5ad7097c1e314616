"""A process that hands samples in for ever and says what it did; its parent kills it.

Usage: writing_process.py FOLDER [BYTES]; with BYTES no file may grow beyond that (a full disk)
until a line arrives on standard input.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

import numpy as np

from edge_agent.buffer.numbering import Definition
from edge_agent.buffer.rows import Bounds
from edge_agent.buffer.store import Store
from edge_agent.buffer.writer import Writer
from runtime.clock import now_us
from runtime.metrics import Metrics
from wire.frame import StreamClass
from wire.ids import EdgeId
from wire.samples import Samples

AT_ONCE = 50


def samples(first: int) -> Samples:
    """So many samples whose values count on."""
    values = np.arange(first, first + AT_ONCE, dtype=np.int64)
    return Samples(
        tag=np.ones(AT_ONCE, np.int32),
        ts=np.full(AT_ONCE, now_us(), np.int64),
        q=np.zeros(AT_ONCE, np.uint32),
        f=np.zeros(AT_ONCE, np.float64),
        # Hard to pack, so that a small disk is full soon.
        i=values * 2654435761,
    )


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def _work(folder: Path, limit: int | None) -> None:
    bounds = Bounds(max_bytes=2**30, min_free_bytes=0, max_age_us=2**60, keep_acked_us=2**60)
    async with Store(
        folder / "buffer.db", EdgeId(plant="p", edge="e"), agent="", clock=now_us
    ) as store:
        writer = Writer(
            store,
            bounds=bounds,
            commit_every_ms=20,
            max_waiting=2_000,
            clock=now_us,
            metrics=Metrics(),
        )
        await writer.define([Definition(path="n", cls=StreamClass.KEY, dtype="i64")])
        if limit is not None:
            _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
        running = asyncio.create_task(writer.run())
        handing = asyncio.create_task(_hand_in(writer))
        if limit is None:
            await running
            return
        while not (writer.blocked_since_us and writer.full):
            await asyncio.sleep(0.01)
        _say("blocked", writer.waiting)
        await asyncio.to_thread(sys.stdin.readline)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        while writer.blocked_since_us is not None:
            await asyncio.sleep(0.01)
        handing.cancel()
        running.cancel()
        await asyncio.gather(running, handing, return_exceptions=True)
        await writer.commit()
        _say("through")


async def _hand_in(writer: Writer) -> None:
    first = 1
    while True:
        await writer.put(StreamClass.KEY, samples(first))
        first += AT_ONCE
        _say("in", first - 1)
        await asyncio.sleep(0.001)


if __name__ == "__main__":
    asyncio.run(_work(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None))
