"""Group commit: what a kill loses, what a full disk does, how the waiting is bounded."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from edge_agent.buffer.numbering import Definition
from edge_agent.buffer.rows import Bounds, Place
from edge_agent.buffer.store import BufferBlocked, Store
from edge_agent.buffer.writer import Writer
from runtime.clock import now_us
from runtime.metrics import Metrics
from tests.conftest import WaitFor
from tests.unit.edge_agent.buffer.model import contents, opening
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.columns import MAX_SAMPLES
from wire.frame import Kind, StreamClass
from wire.ids import EdgeId
from wire.records import Event
from wire.samples import Samples

KEY, BULK = StreamClass.KEY, StreamClass.BULK
SCRIPT = Path(__file__).with_name("writing_process.py")
ROOT = Path(__file__).parents[4]
BOUNDS = Bounds(max_bytes=2**40, min_free_bytes=0, max_age_us=2**60, keep_acked_us=2**60)

if sys.platform == "win32":
    pytest.skip("kills and limits processes the POSIX way", allow_module_level=True)


def _start(folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), *more],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


async def _stored(folder: Path) -> list[int]:
    """Every value on disk, in the order of the stream."""
    receiver = Receiver()
    async with Store(
        folder / "buffer.db", EdgeId(plant="p", edge="e"), agent="", clock=now_us
    ) as store:
        for place in sorted(store.streams, key=lambda one: (one.cls, one.ord)):
            for _, _, body in await contents(store, place):
                assert receiver.take(body) == []
    return [int(value) // 2654435761 for _, value, _ in receiver.values("n")]


async def test_a_kill_loses_only_what_was_handed_in_since_the_last_commit(tmp_path: Path) -> None:
    with _start(tmp_path) as process:
        assert process.stdout is not None
        handed_in, killed_s = 0, 0.0
        times: list[tuple[float, int]] = []
        for line in process.stdout:
            handed_in = int(line.split()[1])
            times.append((time.monotonic(), handed_in))
            if handed_in >= 10_000 and not killed_s:
                killed_s = time.monotonic()
                process.kill()
    values = await _stored(tmp_path)
    assert values == list(range(1, len(values) + 1)), "a hole, or something twice"
    # The window is 20 ms and the commit itself; on a busy machine that takes its time.
    safe = max((count for at_s, count in times if at_s < killed_s - 2.0), default=0)
    assert safe <= len(values) <= handed_in
    assert len(values) > 0


async def test_a_full_disk_holds_the_collectors_back_and_loses_nothing(tmp_path: Path) -> None:
    with _start(tmp_path, "400000") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        handed_in = 0
        for line in process.stdout:
            word, _, count = line.strip().partition(" ")
            if word == "in":
                handed_in = int(count)
            elif word == "blocked":
                assert 2_000 <= int(count) < 2_000 + 50
                process.stdin.write("\n")
                process.stdin.flush()
        assert process.wait(30) == 0
    values = await _stored(tmp_path)
    assert values[:handed_in] == list(range(1, handed_in + 1))
    assert len(values) - handed_in in (0, 50)


# -- in this process -------------------------------------------------------------------------------


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An open buffer."""
    path = tmp_path / "buffer.db"
    async with Store(path, EdgeId(plant="p", edge="e"), agent="", clock=now_us) as opened:
        yield opened


@pytest.fixture
async def writer(store: Store) -> Writer:
    """Two tags, one of each class: 1 is key, 2 is bulk."""
    made = Writer(
        store,
        bounds=BOUNDS,
        commit_every_ms=20,
        max_waiting=100,
        clock=now_us,
        metrics=Metrics(),
    )
    await made.define(
        [
            Definition(path="k", cls=KEY, dtype="i64"),
            Definition(path="b", cls=BULK, dtype="f64"),
        ]
    )
    return made


def _samples(tag: int, count: int) -> Samples:
    return Samples(
        tag=np.full(count, tag, np.int32),
        ts=np.arange(count, dtype=np.int64) + 1_000,
        q=np.zeros(count, np.uint32),
        f=np.random.default_rng(count).random(count),
        i=np.arange(count, dtype=np.int64),
    )


async def _received(store: Store) -> Receiver:
    receiver = Receiver()
    for cls in (KEY, BULK):
        for _, _, body in await contents(store, Place(ord=store.ord, cls=cls)):
            receiver.take(body)
    return receiver


async def test_a_commit_makes_one_record_of_each_class_that_has_something_to_say(
    store: Store, writer: Writer
) -> None:
    for _ in range(3):
        await writer.put(KEY, _samples(1, 5))
    writer.event(Event(at_us=1_500, kind="device_up", device="d"))
    await writer.commit()
    receiver = await _received(store)
    kinds = [(prefix.cls, prefix.kind) for prefix, _ in receiver.applied]
    assert kinds == [
        (KEY, Kind.OPENING),
        (KEY, Kind.TAGS),
        (KEY, Kind.EVENTS),
        (KEY, Kind.SAMPLES),
        (BULK, Kind.OPENING),
        (BULK, Kind.TAGS),
    ]
    assert [value for _, value, _ in receiver.values("k")] == [0, 1, 2, 3, 4] * 3
    await writer.commit()
    assert len((await _received(store)).applied) == len(kinds)


async def test_more_than_fits_into_a_record_becomes_several_and_only_the_last_says_complete(
    store: Store, writer: Writer
) -> None:
    until_us = now_us() + 5_000_000
    writer.watch(lambda _: until_us)
    await writer.put(BULK, _samples(2, 2 * MAX_SAMPLES + 1))
    await writer.commit()
    receiver = await _received(store)
    assert [len(samples) for _, samples in receiver.samples if len(samples)] == [5000, 5000, 1]
    reached = receiver.complete_to[BULK]
    assert reached[-1] == until_us
    assert all(one < until_us for one in reached[:-1])


async def test_long_texts_are_split_by_size(store: Store, writer: Writer) -> None:
    await writer.define([Definition(path="t", cls=BULK, dtype="str")])
    rng = np.random.default_rng(1)
    texts = np.array(
        ["".join(map(chr, rng.integers(0x4E00, 0x9FFF, 1_300))) for _ in range(300)], np.object_
    )
    plain = _samples(3, 300)
    await writer.put(
        BULK, Samples(tag=plain.tag, ts=plain.ts, q=plain.q, f=plain.f, i=plain.i, s=texts)
    )
    await writer.commit()
    receiver = await _received(store)
    assert len(receiver.samples) > 2
    assert [value for _, value, _ in receiver.values("t")] == texts.tolist()


async def test_an_idle_class_says_now_and_then_that_nothing_came(
    store: Store, writer: Writer
) -> None:
    started_us = now_us()
    for seconds in (0.5, 1.5, 1.9, 2.8):
        until_us = int(started_us + seconds * 1e6)
        writer.watch(lambda cls, until_us=until_us: until_us if cls is KEY else None)  # type: ignore[misc]
        await writer.commit()
    receiver = await _received(store)
    reached = [round((one - started_us) / 1e6, 1) for one in receiver.complete_to[KEY]]
    assert reached == [1.5, 2.8]
    assert BULK not in receiver.complete_to


async def test_putting_waits_while_too_much_waits_for_the_disk(
    store: Store, writer: Writer
) -> None:
    await writer.put(KEY, _samples(1, 100))
    assert writer.full
    second = asyncio.create_task(writer.put(KEY, _samples(1, 60)))
    third = asyncio.create_task(writer.put(KEY, _samples(1, 7)))
    await asyncio.sleep(0)
    assert writer.waiting == 100
    assert not second.done()
    await writer.commit()
    await asyncio.gather(second, third)
    assert writer.waiting == 67
    await writer.commit()
    assert len((await _received(store)).values("k")) == 167


async def test_half_of_what_may_wait_goes_to_disk_before_its_time(
    store: Store, writer: Writer, wait_for: WaitFor
) -> None:
    writer.limit(BOUNDS, commit_every_ms=3_600_000, max_waiting=100)
    running = asyncio.create_task(writer.run())
    try:
        await writer.put(KEY, _samples(1, 49))
        await asyncio.sleep(0.1)
        assert writer.waiting == 49
        for _ in range(3):
            await writer.put(KEY, _samples(1, 60))
            await wait_for(lambda: not writer.waiting)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert len((await _received(store)).values("k")) == 49 + 180


async def test_events_that_do_not_fit_while_the_disk_is_blocked_are_told_after_it(
    store: Store, writer: Writer
) -> None:
    assert store._db is not None
    # The file may not grow: SQLite answers as on a full disk.
    await store._db.execute("pragma max_page_count = 1")
    for at_us in range(6_000):
        writer.event(Event(at_us=at_us, kind="other", detail={"text": uuid4().hex}))
    with pytest.raises(BufferBlocked):
        await writer.commit()
    for at_us in range(6_000, 12_345):
        writer.event(Event(at_us=at_us, kind="other", detail={"text": uuid4().hex}))
    with pytest.raises(BufferBlocked):
        await writer.commit()
    await store._db.execute("pragma max_page_count = 1000000")
    await writer.commit()
    loss, *kept = (await _received(store)).events
    assert (loss.kind, loss.from_us, loss.to_us) == ("not_collected", 0, 2_344)
    assert loss.detail == {"reason": "disk", "events": 2_345}
    assert [event.at_us for event in kept] == list(range(2_345, 12_345))
    writer.event(Event(at_us=12_345, kind="other"))
    await writer.commit()
    last = (await _received(store)).events[10_001:]
    assert [event.kind for event in last] == ["other"], "told once"


async def test_what_waits_for_a_disk_that_is_not_asked_again_is_counted_and_forgotten(
    store: Store, tmp_path: Path
) -> None:
    metrics = Metrics()
    writer = Writer(
        store, bounds=BOUNDS, commit_every_ms=20, max_waiting=100, clock=now_us, metrics=metrics
    )
    await writer.define([Definition(path="k", cls=KEY, dtype="i64")])
    assert store._db is not None
    await store._db.execute("pragma max_page_count = 1")
    await writer.put(KEY, _samples(1, 60))
    for at_us in range(10_002):
        writer.event(Event(at_us=at_us, kind="other", detail={"text": uuid4().hex}))
    writer.event(Event(at_us=1, kind="device_down", device="press"))
    with pytest.raises(BufferBlocked):
        await writer.commit()
    assert writer.give_up() == (60, 10_000)
    assert writer.give_up() == (0, 0)
    told = metrics.render().decode()
    assert 'edge_samples_dropped_total{cause="stopped"} 60.0' in told
    assert "edge_events_dropped_total 10003.0" in told, "three had been given up before"
    await store._db.execute("pragma max_page_count = 1000000")
    await writer.commit()
    assert (await _received(store)).values("k") == []


async def test_a_commit_whose_caller_is_cancelled_is_neither_lost_nor_repeated(
    store: Store, writer: Writer
) -> None:
    for turn in range(30):
        await writer.put(KEY, _samples(1, 1 + turn))
        commit = asyncio.create_task(writer.commit())
        for _ in range(turn % 10):
            await asyncio.sleep(0)
        commit.cancel()
        await asyncio.gather(commit, return_exceptions=True)
    await writer.commit()
    values = [value for _, value, _ in (await _received(store)).values("k")]
    assert values == [value for turn in range(30) for value in range(1 + turn)]


async def test_the_agent_says_on_disk_that_it_is_alive_even_when_it_has_nothing_to_say(
    tmp_path: Path, wait_for: WaitFor
) -> None:
    path = tmp_path / "other.db"
    edge = EdgeId(plant="p", edge="e")
    async with Store(path, edge, agent="", clock=now_us) as first:
        writer = Writer(
            first,
            bounds=BOUNDS,
            commit_every_ms=20,
            max_waiting=100,
            clock=now_us,
            metrics=Metrics(),
        )
        await writer.define([])
        running = asyncio.create_task(writer.run())
        started_us = now_us()
        await asyncio.sleep(1.3)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        copy = tmp_path / "copy.db"
        for file in tmp_path.glob("other.db*"):
            copy.with_name(file.name.replace("other", "copy")).write_bytes(file.read_bytes())
    async with Store(copy, edge, agent="", clock=now_us) as second:
        [(_, _, body)] = await contents(second, Place(ord=2, cls=KEY))
        before = opening(body).predecessor
        assert before is not None
        assert not before.clean
        assert before.alive_us >= started_us + 900_000


async def test_tags_that_come_later_get_later_numbers_and_say_nothing_about_the_others(
    store: Store, writer: Writer
) -> None:
    writer.watch(lambda _: None)
    await writer.put(BULK, _samples(2, 1))
    await writer.commit()
    later = Definition(path="later", cls=BULK, dtype="i64")
    await writer.define([Definition(path="b", cls=BULK, dtype="f64"), later])
    assert (len(writer.tags), writer.tags.number(later)) == (3, 3)
    await writer.put(BULK, _samples(3, 1))
    await writer.commit()
    receiver = await _received(store)
    first, last = receiver.complete_to[BULK]
    assert last == first, "what was not said before the tag is not said by it"


async def test_tags_whose_table_is_not_on_disk_have_no_number(tmp_path: Path) -> None:
    edge = EdgeId(plant="p", edge="e")
    async with Store(tmp_path / "buffer.db", edge, agent="", clock=now_us) as store:
        made = Writer(
            store,
            bounds=BOUNDS,
            commit_every_ms=20,
            max_waiting=100,
            clock=now_us,
            metrics=Metrics(),
        )
        await made.define([Definition(path="k", cls=KEY, dtype="i64")])
    with pytest.raises(ValueError, match="not open"):
        await made.define([Definition(path="b", cls=BULK, dtype="f64")])
    assert len(made.tags) == 1


async def test_an_agent_that_takes_long_to_leave_was_alive_until_its_last_commit(
    tmp_path: Path,
) -> None:
    path = tmp_path / "other.db"
    edge = EdgeId(plant="p", edge="e")
    times = [now_us()]
    async with Store(path, edge, agent="", clock=lambda: times[-1]) as first:
        writer = Writer(
            first,
            bounds=BOUNDS,
            commit_every_ms=20,
            max_waiting=100,
            clock=lambda: times[-1],
            metrics=Metrics(),
        )
        await writer.define([])
        writer.event(Event(at_us=times[-1], kind="agent_stop"))
        await writer.commit()
        times.append(times[-1] + 2_500_000)  # it waits for the broker
    async with Store(path, edge, agent="", clock=lambda: times[-1]) as second:
        [(_, _, body)] = await contents(second, Place(ord=2, cls=KEY))
        before = opening(body).predecessor
    assert before is not None
    assert before.clean
    assert before.alive_us == times[0]
