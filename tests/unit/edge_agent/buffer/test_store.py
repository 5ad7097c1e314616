"""The buffer file: who may open it, what an opening says, damage, rewinding, the disk."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.buffer.rows import Bounds, Place
from edge_agent.buffer.store import BufferDamaged, Store
from runtime.clock import now_us
from runtime.errors import Reconfigure
from tests.unit.edge_agent.buffer.model import contents, entry, spoil
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.frame import Kind, StreamClass, read_prefix, unpack_body
from wire.ids import EdgeId
from wire.records import Tombstone, decode_record

KEY, BULK = StreamClass.KEY, StreamClass.BULK
ROOMY = Bounds(max_bytes=2**40, min_free_bytes=0, max_age_us=2**60, keep_acked_us=2**60)

Make = Callable[[], Store]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A fresh object for the same file at each call."""
    path = tmp_path / "data" / "buffer.db"
    return lambda: Store(path, EdgeId(plant="p", edge="e"), agent="test", clock=now_us)


def _tombstone(body: bytes) -> Tombstone:
    prefix = read_prefix(body)
    record = decode_record(prefix.kind, unpack_body(body, prefix))
    assert isinstance(record, Tombstone)
    return record


async def _deliver(store: Store, receiver: Receiver) -> None:
    """Everything unacknowledged, in the order in which it is sent."""
    for cls in (KEY, BULK):
        for place in sorted((p for p in store.streams if p.cls is cls), key=lambda p: p.ord):
            state = store.streams[place]
            while state.acked < state.last_seq:
                [stored] = await store.read(place, state.acked + 1, most=1)
                assert receiver.take(stored.body) == []
                store.acknowledged(place, receiver.cursors[(state.epoch, cls)])


async def test_a_second_agent_is_refused_while_the_first_has_the_file(make: Make) -> None:
    async with make():
        with pytest.raises(Reconfigure) as refused:
            await make().__aenter__()
        assert refused.value.code == "LS-4101"
    async with make() as store:
        assert store.ord == 2


async def test_another_process_is_refused_too(make: Make) -> None:
    async with make() as store:
        code = f"""
import asyncio, sys
from pathlib import Path
from edge_agent.buffer.store import BufferDamaged, Store
from runtime.errors import Reconfigure
from wire.ids import EdgeId
store = Store(Path({str(store.path)!r}), EdgeId(plant="p", edge="e"), agent="", clock=lambda: 1)
try:
    asyncio.run(store.__aenter__())
except Reconfigure as error:
    sys.exit(0 if error.code == "LS-4101" else 3)
sys.exit(4)
"""
        assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0


async def test_a_file_of_a_later_release_is_left_alone(make: Make) -> None:
    async with make() as store:
        path = store.path
    with sqlite3.connect(path) as db:
        db.execute("pragma user_version = 99")
    db.close()
    with pytest.raises(Reconfigure) as refused:
        await make().__aenter__()
    assert refused.value.code == "LS-4103"
    assert list(path.parent.glob("*.damaged*")) == []


async def test_a_file_that_is_no_database_is_put_aside_and_replaced(make: Make) -> None:
    async with make() as store:
        path = store.path
    path.write_bytes(b"not a database at all" * 1000)
    async with make() as store:
        assert store.salvaged is not None
        assert store.salvaged.records == 0
        assert Path(store.salvaged.file).read_bytes().startswith(b"not a database")
        assert store.ord == 1


@pytest.mark.parametrize("place", [0.3, 0.5, 0.7, 0.9])
async def test_a_damaged_file_gives_what_can_be_read_and_a_tombstone_for_the_rest(
    make: Make, place: float
) -> None:
    receiver = Receiver()
    async with make() as store:
        path = store.path
        for n in range(200):
            await store.append([entry(KEY, now_us(), filler=3_000), entry(BULK, now_us())])
            if n == 20:
                await _deliver(store, receiver)
    async with make() as store:
        await store.append([entry(KEY, now_us(), filler=3_000) for _ in range(50)])
        last = {p: s.last_seq for p, s in store.streams.items()}
        epochs = {p: s.epoch for p, s in store.streams.items()}
    raw = bytearray(path.read_bytes())
    start = int(len(raw) * place) // 4096 * 4096
    raw[start : start + 8 * 4096] = b"\xa5" * (8 * 4096)
    path.write_bytes(bytes(raw))
    path.with_name("buffer.db.damaged").touch()  # as an agent leaves it that met the damage
    async with make() as store:
        salvaged = store.salvaged
        assert salvaged is not None
        assert salvaged.records > 100
        for p, seq in last.items():
            assert store.streams[p].epoch == epochs[p]
            assert store.streams[p].last_seq == seq
        assert store.ord == 3
        await _deliver(store, receiver)
        for state in store.streams.values():
            assert receiver.cursors[(state.epoch, state.cls)] == state.last_seq
    assert all(tombstone.cause == "corrupt" for _, tombstone in receiver.tombstones)
    lost = sum(tombstone.through - prefix.seq + 1 for prefix, tombstone in receiver.tombstones)
    assert lost == salvaged.lost
    assert 0 < lost < 100
    assert not path.with_name("buffer.db.damaged").exists()


async def test_a_salvage_that_was_cut_off_is_finished_by_the_next_start(make: Make) -> None:
    async with make() as store:
        await store.append([entry(KEY, 1)])
        path = store.path
    good = path.read_bytes()
    path.write_bytes(b"damaged" * 1000)
    path.with_name("buffer.db.salvaged").write_bytes(good)
    async with make() as store:
        assert store.ord == 2
        assert store.streams[Place(ord=1, cls=KEY)].last_seq == 2
    assert [one.read_bytes()[:7] for one in path.parent.glob("buffer.db.damaged-*")] == [b"damaged"]


async def test_a_record_whose_bytes_went_bad_is_sent_as_a_tombstone(make: Make) -> None:
    async with make() as store:
        path = store.path
        await store.append([entry(KEY, 5), entry(KEY, 6), entry(KEY, 7)])
    with sqlite3.connect(path) as db:
        db.execute(
            "update record set body = cast(substr(body, 1, 60) || x'ff' as blob) where seq = 3"
        )
    db.close()
    async with make() as store:
        place = Place(ord=1, cls=KEY)
        held = await contents(store, place)
        assert [(seq, through) for seq, through, _ in held] == [(1, 1), (2, 2), (3, 3), (4, 4)]
        tombstone = _tombstone(held[2][2])
        assert (tombstone.cause, tombstone.samples) == ("corrupt", 3)


async def test_a_server_restored_from_a_backup_gets_again_what_is_kept_and_tombstones_for_the_rest(
    make: Make,
) -> None:
    receiver = Receiver()
    async with make() as store:
        await store.append([entry(KEY, n, filler=2_000) for n in range(1, 30)])
    async with make() as store:
        await store.append([entry(KEY, n, filler=2_000) for n in range(100, 130)])
        await _deliver(store, receiver)
        backup = {k: v for k, v in receiver.cursors.items() if v < 5}
        # Room for one epoch: the older one goes entirely, being acknowledged.
        used = (await store.usage()).used
        await store.evict(replace(ROOMY, max_bytes=used - 24_000))
        old = Place(ord=1, cls=KEY)
        assert store.streams[old].records < 20
        assert store.streams[Place(ord=2, cls=KEY)].records > 20
        restored = Receiver(cursors=dict(backup))
        for place in (old, Place(ord=2, cls=KEY)):
            state = store.streams[place]
            await store.rewind(place, restored.cursors.get((state.epoch, KEY), 0))
        await _deliver(store, restored)
        for place, state in store.streams.items():
            assert restored.cursors[(state.epoch, place.cls)] == state.last_seq
        [(prefix, tombstone)] = restored.tombstones
        assert (tombstone.cause, tombstone.exact) == ("lost_database", False)
        assert prefix.epoch == store.streams[old].epoch
        assert prefix.seq <= 2


async def test_what_is_under_way_is_not_buried(make: Make) -> None:
    async with make() as store:
        await store.append([entry(BULK, n, filler=2_000) for n in range(1, 60)])
        place = Place(ord=1, cls=BULK)
        plan, _ = await store.evict(replace(ROOMY, max_bytes=100_000), sent={place: 11})
        assert [run.seq for run in plan.bury] == [12]
        [stored] = await store.read(place, 11, most=1)
        assert read_prefix(stored.body).kind is Kind.SAMPLES
        [stored] = await store.read(place, 14, most=1)
        assert (stored.seq, read_prefix(stored.body).kind) == (12, Kind.TOMBSTONE)


async def test_acknowledged_records_are_kept_so_long_after_their_acknowledgement(
    tmp_path: Path,
) -> None:
    hour_us = 3_600_000_000
    now = 1_700_000_000_000_000

    store = Store(tmp_path / "b.db", EdgeId(plant="p", edge="e"), agent="", clock=lambda: now)
    bounds = replace(ROOMY, keep_acked_us=72 * hour_us)
    async with store:
        place = Place(ord=1, cls=KEY)
        await store.append([entry(KEY, now) for _ in range(3)])
        now += 200 * hour_us  # a long outage: it is the acknowledgement that counts
        store.acknowledged(place, 3)
        await store.evict(bounds)
        assert store.streams[place].records == 4
        now += 71 * hour_us
        await store.evict(bounds)
        assert store.streams[place].records == 4
        now += 2 * hour_us
        await store.evict(bounds)
        held = [seq for seq, _, _ in await contents_from(store, place)]
        assert held == [1, 4]


async def contents_from(store: Store, place: Place) -> list[tuple[int, int, bytes]]:
    """Everything held, holes or not."""
    found = await store.read(place, 1, most=100)
    return [(one.seq, one.through, one.body) for one in found]


async def test_an_old_epoch_leaves_nothing_behind_once_delivered_and_kept_enough(
    make: Make,
) -> None:
    receiver = Receiver()
    async with make() as store:
        await store.append([entry(KEY, 1)])
    async with make() as store:
        await _deliver(store, receiver)
        for _ in range(3):
            await store.evict(replace(ROOMY, max_bytes=1))
        assert store.streams[Place(ord=1, cls=KEY)].records == 0
        assert store.streams[Place(ord=1, cls=KEY)].last_seq == 2
        assert [s for s, _, _ in await contents_from(store, Place(ord=2, cls=KEY))] == [1]


async def test_a_shortage_of_disk_gives_space_back(make: Make) -> None:
    async with make() as store:
        await store.append([entry(BULK, n, filler=100_000) for n in range(1, 200)])
        place = Place(ord=1, cls=BULK)
        store.acknowledged(place, 200)
        before = await store.usage()
        bounds = replace(ROOMY, max_bytes=2**24, min_free_bytes=before.free * 2)
        await store.evict(bounds)
        after = await store.usage()
        assert before.file - after.file > 5_000_000
        assert store.streams[place].records < 5


async def test_damage_met_while_reading_is_said_and_the_next_opening_salvages(make: Make) -> None:
    async with make() as store:
        path = store.path
        await store.append([entry(KEY, n, filler=30_000) for n in range(1, 200)])
    store = make()
    await store.__aenter__()
    spoil(path)
    with pytest.raises(BufferDamaged):
        await contents(store, Place(ord=1, cls=KEY))
    assert store.damaged.is_set()
    await store.__aexit__(BufferDamaged, None, None)
    async with make() as again:
        assert again.salvaged is not None
        assert again.ord == 3
        assert again.salvaged.records > 50
    async with make() as once_more:
        assert once_more.salvaged is None
