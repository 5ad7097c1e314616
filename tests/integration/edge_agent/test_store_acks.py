"""An acknowledgement that comes while a commit is under way is not forgotten on disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

from edge_agent.buffer.rows import Entry, Place
from edge_agent.buffer.store import Store
from runtime.clock import now_us
from wire.frame import StreamClass
from wire.ids import EdgeId
from wire.records import Event, Events, encode_record

EDGE = EdgeId(plant="demo", edge="line-a")
AT_US = 1_767_225_600_000_000


def _entry() -> Entry:
    record = Events(events=[Event(at_us=AT_US, kind="agent_start")], to=AT_US)
    return Entry(cls=StreamClass.KEY, body=encode_record(record), from_us=AT_US, to_us=AT_US)


async def test_whenever_it_comes_an_acknowledgement_reaches_the_disk(tmp_path: Path) -> None:
    file = tmp_path / "buffer.db"
    count = 40
    async with Store(file, EDGE, agent="test", clock=now_us) as store:
        place = Place(ord=store.ord, cls=StreamClass.KEY)
        await store.append([_entry() for _ in range(2 * count)])
    for turn in range(1, count + 1):
        async with Store(file, EDGE, agent="test", clock=now_us) as store:
            assert store.streams[place].acked == 2 * (turn - 1)
            store.acknowledged(place, 2 * turn - 1)
            commit = asyncio.create_task(store.append(()))
            # Each time a little later on its way through the commit.
            for _ in range(turn):
                await asyncio.sleep(0)
            store.acknowledged(place, 2 * turn)
            await commit
            await store.append(())
