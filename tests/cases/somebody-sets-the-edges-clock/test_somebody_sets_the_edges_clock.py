"""Somebody sets the edge's clock."""

from __future__ import annotations

from pathlib import Path

from edge_agent.buffer.rows import Bounds, Place
from edge_agent.buffer.store import Store
from edge_agent.buffer.writer import Writer
from edge_agent.clock import told
from edge_agent.clock.house import HouseClock
from runtime.metrics import Metrics
from tests.unit.edge_agent.buffer.model import contents
from wire.frame import Kind, StreamClass, read_prefix, unpack_body
from wire.ids import EdgeId
from wire.records import Event, Events, decode_record

SECOND = 1_000_000
NOON = 1_700_000_000 * SECOND
SIX_HOURS = 6 * 3_600 * SECOND


class Computer:
    """Its clock shows what somebody made of it; the time since its start goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.elapsed_us = 90 * SECOND
        self.off_us = 0

    def agent_clock(self) -> HouseClock:
        clock = HouseClock(
            wall=lambda: NOON + self.elapsed_us + self.off_us,
            elapsed=lambda: self.elapsed_us,
            boot=lambda: "this start",
        )
        clock.begin(self.folder)
        return clock


async def test_what_is_read_meanwhile_is_filed_when_it_was_read(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    times: list[int] = []
    choices: list[object] = []
    for off_us in (0, SIX_HOURS, -SIX_HOURS):
        clock = computer.agent_clock()  # the agent is started again
        computer.off_us = off_us
        async with Store(
            tmp_path / "b.db", EdgeId(plant="p", edge="e"), agent="", clock=clock
        ) as store:
            writer = _writer(store, clock)
            await writer.define([])
            for _ in range(5):
                computer.elapsed_us += SECOND
                clock.heard(NOON + computer.elapsed_us)
                change = clock.look()
                if change is not None:
                    writer.event(told.event(change))
                if clock.save_due():
                    clock.save()
                writer.event(Event(at_us=clock(), kind="other"))
            await writer.commit()
            events = await _events(store)
        times += [event.at_us for event in events if event.kind == "other"]
        choices += [event.detail["choice"] for event in events if event.kind == "clock_step"]
    assert choices == ["held"], "once, and it is known from then on"
    assert times == [NOON + (91 + second) * SECOND for second in range(15)]


def _writer(store: Store, clock: HouseClock) -> Writer:
    return Writer(
        store,
        bounds=Bounds(max_bytes=2**40, min_free_bytes=0, max_age_us=2**60, keep_acked_us=2**60),
        commit_every_ms=20,
        max_waiting=100,
        clock=clock,
        metrics=Metrics(),
    )


async def _events(store: Store) -> list[Event]:
    found: list[Event] = []
    for _, _, body in await contents(store, Place(ord=store.ord, cls=StreamClass.KEY)):
        prefix = read_prefix(body)
        if prefix.kind is Kind.EVENTS:
            record = decode_record(prefix.kind, unpack_body(body, prefix))
            assert isinstance(record, Events)
            found += record.events
    return found


async def test_a_clock_put_right_by_years_makes_nothing_old_that_waits(tmp_path: Path) -> None:
    computer = Computer(tmp_path)
    computer.off_us = -20 * 365 * 24 * 3_600 * SECOND
    clock = computer.agent_clock()
    id_ = EdgeId(plant="p", edge="e")
    async with Store(tmp_path / "b.db", id_, agent="", clock=clock) as store:
        writer = Writer(
            store,
            bounds=Bounds(
                max_bytes=2**40, min_free_bytes=0, max_age_us=3_600 * SECOND, keep_acked_us=2**60
            ),
            commit_every_ms=20,
            max_waiting=100,
            clock=clock,
            metrics=Metrics(),
            skipped_us=lambda: clock.skipped_us,
        )
        await writer.define([])
        writer.event(Event(at_us=clock(), kind="other"))
        await writer.commit()
        for _ in range(4):
            computer.elapsed_us += SECOND
            clock.heard(NOON + computer.elapsed_us)
            clock.look()
        assert clock() == NOON + computer.elapsed_us
        await writer.sweep(now=True)
        assert len(await _events(store)) == 1, "it is seconds old"
