"""One device over its life: connected, lost, slow, broken, held back; with a driver by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from drivers.base import DeviceConfig
from edge_agent.buffer.rows import Bounds, Place
from edge_agent.buffer.store import Store
from edge_agent.buffer.writer import Writer
from edge_agent.collect.device import Collector
from edge_agent.collect.points import definitions, points_of
from edge_agent.collect.progress import Progress
from edge_agent.collect.shape import ClockRule, Shaper
from runtime.clock import now_us
from runtime.errors import RetryLater
from runtime.metrics import Metrics
from tests.conftest import WaitFor
from tests.unit.edge_agent.buffer.model import contents
from tests.unit.edge_agent.collect.devices import Plant, columns, device
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality
from wire.frame import StreamClass
from wire.ids import EdgeId

KEY, BULK = StreamClass.KEY, StreamClass.BULK
LOST = quality.BAD_NOT_CONNECTED | quality.NO_VALUE
POLLED = """
  - {every_ms: 20, class: key, tags: [{path: k, address: x, dtype: i32}]}
  - {every_ms: 20, tags: [{path: b, address: x, dtype: i32}]}
"""
REPORTED = """
  - {every_ms: 20, class: key, mode: subscribe, tags: [{path: k, address: x, dtype: i32}]}
"""


@dataclass
class Line:
    """A collector at work, and what it wrote."""

    plant: Plant
    collector: Collector
    writer: Writer
    progress: Progress
    store: Store

    async def received(self) -> Receiver:
        """Everything so far."""
        await self.writer.commit()
        receiver = Receiver()
        for cls in (KEY, BULK):
            for _, _, body in await contents(self.store, Place(ord=1, cls=cls)):
                assert receiver.take(body) == []
        return receiver


@asynccontextmanager
async def _line(
    folder: Path, groups: str, *, plant: Plant | None = None, max_waiting: int = 10_000
) -> AsyncIterator[Line]:
    config: DeviceConfig = device(groups)
    plant = plant or Plant(config)
    edge = EdgeId(plant="p", edge="e")
    async with Store(folder / "buffer.db", edge, agent="", clock=now_us) as store:
        bounds = Bounds(max_bytes=2**40, min_free_bytes=0, max_age_us=2**60, keep_acked_us=2**60)
        metrics = Metrics()
        writer = Writer(
            store,
            bounds=bounds,
            commit_every_ms=20,
            max_waiting=max_waiting,
            clock=now_us,
            metrics=metrics,
        )
        await writer.define(definitions(config))
        progress = Progress(now_us)
        collector = Collector(
            config,
            connect=plant.connect,
            shaper=Shaper(points_of(config, writer.tags), ClockRule(use=True)),
            writer=writer,
            progress=progress,
            clock=now_us,
            metrics=metrics,
        )
        collector.announce()
        writer.watch(progress.complete_to)
        task = asyncio.create_task(collector.run())
        try:
            yield Line(plant, collector, writer, progress, store)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_loss_is_one_bad_sample_for_each_tag_and_an_event_with_its_beginning(
    tmp_path: Path, wait_for: WaitFor
) -> None:
    async with _line(tmp_path, POLLED) as line:
        line.plant.value = 7
        await wait_for(lambda: line.plant.reads > 6)
        heard_us = now_us()
        line.plant.reachable = False
        await wait_for(lambda: line.collector.state == "down")
        await asyncio.sleep(0.7)  # it is tried again, and nothing more is said
        line.plant.value = 8
        line.plant.reachable = True
        await wait_for(lambda: line.collector.state == "up")
        reads = line.plant.reads
        await wait_for(lambda: line.plant.reads > reads + 4)
        receiver = await line.received()
    assert [(v, q) for _, v, q in receiver.values("k")] == [(7, 0), (0, LOST), (8, 0)]
    bulk = [(v, q) for _, v, q in receiver.values("b")]
    assert bulk.count((0, LOST)) == 1
    assert set(bulk[: bulk.index((0, LOST))]) == {(7, 0)}
    assert set(bulk[bulk.index((0, LOST)) + 1 :]) == {(8, 0)}
    down, up = (event for event in receiver.events if event.kind.startswith("device"))
    assert (down.kind, down.device, up.kind, up.device) == (
        "device_down",
        "dev",
        "device_up",
        "dev",
    )
    assert down.from_us is not None
    assert abs(down.from_us - heard_us) < 500_000
    assert down.from_us <= down.at_us < up.at_us
    stamps = [ts for ts, _, q in receiver.values("k") if q == LOST]
    assert stamps == [down.at_us]


async def test_a_device_that_was_never_there_is_told_too_and_holds_no_class_up(
    tmp_path: Path, wait_for: WaitFor
) -> None:
    plant = Plant(device(POLLED))
    plant.reachable = False
    async with _line(tmp_path, POLLED, plant=plant) as line:
        assert line.progress.complete_to(KEY) is None
        await wait_for(lambda: line.collector.state == "down")
        reached_us = line.progress.complete_to(KEY)
        assert reached_us is not None
        assert now_us() - reached_us < 1_000_000
        receiver = await line.received()
    assert [q for _, _, q in receiver.values("k")] == [LOST]
    assert [event.kind for event in receiver.events] == ["device_down"]


async def test_the_time_until_a_device_is_first_there_is_told(
    tmp_path: Path, wait_for: WaitFor
) -> None:
    plant = Plant(device(POLLED))
    plant.connect_s = 1.1
    began_us = now_us()
    async with _line(tmp_path, POLLED, plant=plant) as line:
        await wait_for(lambda: line.collector.state == "up")
        receiver = await line.received()
    (told,) = receiver.events
    assert (told.kind, told.cause, told.device) == ("not_collected", "not_collected", "dev")
    assert told.from_us is not None
    assert told.to_us is not None
    assert abs(told.from_us - began_us) < 500_000
    assert told.to_us - told.from_us >= 1_000_000


async def test_a_first_connection_that_takes_long_to_fail_is_down_from_the_beginning(
    tmp_path: Path, wait_for: WaitFor
) -> None:
    plant = Plant(device(POLLED))
    plant.connect_s, plant.reachable = 0.6, False
    began_us = now_us()
    async with _line(tmp_path, POLLED, plant=plant) as line:
        await wait_for(lambda: line.collector.state == "down")
        receiver = await line.received()
    (down,) = receiver.events
    assert down.from_us is not None
    assert abs(down.from_us - began_us) < 300_000
    assert down.at_us - down.from_us >= 600_000


async def test_polls_that_a_slow_device_swallows_are_counted_and_told_with_their_span(
    tmp_path: Path, wait_for: WaitFor
) -> None:
    async with _line(tmp_path, POLLED) as line:
        await wait_for(lambda: line.plant.reads > 2)
        started_us = now_us()
        line.plant.read_s = 0.3
        await asyncio.sleep(0.45)
        line.plant.read_s = 0.0
        line.plant.reachable = False  # ends the connection, so that the span is told now
        await wait_for(lambda: line.collector.state == "down")
        receiver = await line.received()
    told = [event for event in receiver.events if event.kind == "not_collected"]
    assert {event.detail["group"] for event in told} == {0, 1}
    for event in told:
        assert event.detail["reason"] == "overrun"
        assert event.cause == "not_collected"
        assert int(event.detail["polls"]) >= 10
        assert event.from_us is not None
        assert event.to_us is not None
        assert started_us - 50_000 < event.from_us < event.to_us < now_us()
        assert event.to_us - event.from_us >= 200_000


async def test_a_full_buffer_in_memory_stops_the_polls_instead_of_dropping_values(
    tmp_path: Path, wait_for: WaitFor
) -> None:
    groups = "  - {every_ms: 20, tags: [{path: b, address: x, dtype: i32}]}\n"
    async with _line(tmp_path, groups, max_waiting=5) as line:
        await wait_for(lambda: line.writer.full)
        reads = line.plant.reads
        await asyncio.sleep(0.3)
        assert line.plant.reads <= reads + 2
        await line.writer.commit()
        await wait_for(lambda: line.plant.reads > reads + 2)


async def test_a_broken_driver_is_a_lost_device_and_is_tried_again(
    tmp_path: Path, wait_for: WaitFor
) -> None:
    async with _line(tmp_path, POLLED) as line:
        await wait_for(lambda: line.plant.reads > 2)
        line.plant.refusal = ZeroDivisionError("a defect")
        await wait_for(lambda: line.collector.state == "down")
        assert line.collector.error is not None
        assert line.collector.error.code == "LS-4202"
        line.plant.refusal = None
        await wait_for(lambda: line.collector.state == "up")


@pytest.mark.parametrize("while_doing", ["connecting", "reading"])
async def test_it_ends_although_a_library_swallows_the_cancel(
    while_doing: str, tmp_path: Path, wait_for: WaitFor
) -> None:
    plant = Plant(device(POLLED))
    plant.swallows_cancels = True
    if while_doing == "connecting":
        plant.connect_s = 3600
    async with asyncio.timeout(10):
        async with _line(tmp_path, POLLED, plant=plant) as line:
            if while_doing == "reading":
                await wait_for(lambda: plant.reads > 2)
                plant.read_s = 3600
            await asyncio.sleep(0.1)  # it is within the library now
            reads = plant.reads
        assert line.collector.state == ("up" if while_doing == "reading" else "connecting")
        assert plant.reads <= reads + 2


async def test_reports_are_taken_as_they_come_and_their_end_is_a_loss(
    tmp_path: Path, wait_for: WaitFor
) -> None:
    async with _line(tmp_path, REPORTED) as line:
        await wait_for(lambda: line.collector.state == "up")
        line.plant.reports.put_nowait(columns((0, 1), (0, 2), (0, 2), (0, 3), read_us=now_us()))
        line.plant.reports.put_nowait(RetryLater("LS-3111", device="d", address="a", reason="r"))
        await wait_for(lambda: line.collector.state == "down")
        await wait_for(lambda: line.collector.state == "up")
        line.plant.reports.put_nowait(columns((0, 3), read_us=now_us()))

        async def all_of_it() -> bool:
            return len((await line.received()).values("k")) == 5

        await wait_for(all_of_it)
        receiver = await line.received()
    assert [(v, q) for _, v, q in receiver.values("k")] == [
        (1, 0), (2, 0), (3, 0), (0, LOST), (3, 0),
    ]  # fmt: skip


async def test_silence_of_a_living_connection_means_that_nothing_changed(
    tmp_path: Path, wait_for: WaitFor
) -> None:
    async with _line(tmp_path, REPORTED) as line:
        await wait_for(lambda: line.collector.state == "up")
        first_us = await wait_for(lambda: line.progress.complete_to(KEY))
        await wait_for(
            lambda: (line.progress.complete_to(KEY) or 0) > first_us + 200_000,
            what="complete_to goes on",
        )
        reached_us = line.progress.complete_to(KEY)
        assert reached_us is not None
        assert now_us() - reached_us > 900_000, "a report may be under way"


@pytest.mark.parametrize("polls", [8])
async def test_a_poll_keeps_its_grid(tmp_path: Path, wait_for: WaitFor, polls: int) -> None:
    groups = "  - {every_ms: 100, class: bulk, tags: [{path: b, address: x, dtype: i32}]}\n"
    async with _line(tmp_path, groups) as line:
        line.plant.read_s = 0.03
        await wait_for(lambda: line.plant.reads > polls)
        receiver = await line.received()
    stamps = [ts for ts, _, _ in receiver.values("b")]
    steps = [later - sooner for sooner, later in pairwise(stamps)]
    # With 30 ms added to each period, eight polls would be a quarter of a second late.
    assert abs(stamps[polls - 1] - stamps[0] - 100_000 * (polls - 1)) < 100_000, steps
