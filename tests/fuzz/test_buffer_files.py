"""A buffer's file with bytes changed anywhere: it opens, salvaged where need be, and goes on."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from random import Random

from edge_agent.buffer.rows import Place
from edge_agent.buffer.store import Store
from rig.fuzz.mutate import altered
from runtime.errors import LinesideError
from tests.unit.edge_agent.buffer.model import entry
from wire.frame import StreamClass
from wire.ids import EdgeId

EDGE = EdgeId(plant="demo", edge="line-a")
NOW_US = 1_700_000_000_000_000
SEEDS = 40


def _store(path: Path) -> Store:
    return Store(path, EDGE, agent="fuzz", clock=lambda: NOW_US)


async def _write(path: Path) -> None:
    for _ in range(3):
        async with _store(path) as store:
            for number in range(12):
                cls = list(StreamClass)[number % 2]
                await store.append([entry(cls, NOW_US + number, samples=number + 1)])


async def _open(path: Path) -> None:
    async with _store(path) as store:
        await store.append([entry(StreamClass.BULK, NOW_US, samples=1)])
        for place in list(store.streams):
            assert place == Place(ord=place.ord, cls=place.cls)
            for seq in range(1, min(store.streams[place].last_seq, 40) + 1):
                await store.read(place, seq, most=5)


def _flipped(chance: Random, raw: bytes) -> bytes:
    """The file with its length kept: a disk changes what stands there, it does not move it."""
    at = chance.randrange(0, len(raw), 512)
    part = altered(chance, raw[at : at + 512])[:512].ljust(512, b"\0")
    return raw[:at] + part + raw[at + 512 :]


def test_a_file_that_a_disk_changed_is_opened_or_refused_with_a_reason(tmp_path: Path) -> None:
    sound = tmp_path / "sound.db"
    asyncio.run(_write(sound))
    raw = sound.read_bytes()
    refused = 0
    for seed in range(SEEDS):
        chance = Random(seed)
        folder = tmp_path / str(seed)
        folder.mkdir()
        path = folder / "buffer.db"
        path.write_bytes(altered(chance, raw) if seed % 4 == 0 else _flipped(chance, raw))
        try:
            asyncio.run(_open(path))
        except LinesideError:
            refused += 1
        shutil.rmtree(folder)
    assert refused < SEEDS // 4
