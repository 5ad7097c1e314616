"""What the metrics say of a group that is polled faster than its device answers."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from pathlib import Path

from drivers.modbus.config import ModbusDevice
from drivers.registry import connect
from edge_agent.buffer.rows import Bounds
from edge_agent.buffer.store import Store
from edge_agent.buffer.writer import Writer
from edge_agent.collect.device import Collector
from edge_agent.collect.points import definitions, points_of
from edge_agent.collect.progress import Progress
from edge_agent.collect.shape import ClockRule, Shaper
from runtime.clock import now_us
from runtime.metrics import Metrics
from wire.ids import EdgeId

EVERY_S, ANSWER_S, POLLS = 0.05, 0.12, 8


class SlowServer:
    """A Modbus server whose answers are long in coming; every register holds 7."""

    def __init__(self) -> None:
        self._handlers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> int:
        """The port."""
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await asyncio.gather(*self._handlers)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        try:
            while True:
                number, _, _, unit, function, _, count = struct.unpack(
                    ">HHHBBHH", await reader.readexactly(12)
                )
                await asyncio.sleep(ANSWER_S)
                body = struct.pack(">BBB", unit, function, 2 * count) + b"\x00\x07" * count
                writer.write(struct.pack(">HHH", number, 0, len(body)) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def test_polls_of_a_slow_server_keep_the_grid_and_every_missed_one_is_counted(
    tmp_path: Path,
) -> None:
    group = {"every_ms": int(EVERY_S * 1000), "tags": [
        {"path": "a", "address": "holding:0", "dtype": "u16"}
    ]}  # fmt: skip
    metrics = Metrics()

    def said(name: str, **more: str) -> float:
        return metrics.registry.get_sample_value(name, {"device": "slow", **more}) or 0.0

    edge = EdgeId(plant="p", edge="e")
    async with (
        SlowServer() as port,
        Store(tmp_path / "buffer.db", edge, agent="", clock=now_us) as db,
    ):
        config = ModbusDevice.model_validate(
            {
                "id": "slow", "driver": "modbus-tcp", "host": "127.0.0.1", "port": port,
                "groups": [group],
            }
        )  # fmt: skip
        bounds = Bounds(max_bytes=2**40, min_free_bytes=0, max_age_us=2**60, keep_acked_us=2**60)
        writer = Writer(
            db, bounds=bounds, commit_every_ms=20, max_waiting=1_000, clock=now_us, metrics=metrics
        )
        await writer.define(definitions(config))
        collector = Collector(
            config,
            connect=lambda: connect(config, now_us),
            shaper=Shaper(points_of(config, writer.tags), ClockRule(use=True)),
            writer=writer,
            progress=Progress(now_us),
            clock=now_us,
            metrics=metrics,
        )
        collector.announce()
        task = asyncio.create_task(collector.run())
        try:
            async with asyncio.timeout(60.0):
                while said("edge_poll_late_seconds_count") < 1:
                    await asyncio.sleep(0.001)
                began_s = time.monotonic()
                while said("edge_poll_late_seconds_count") < 1 + POLLS:
                    await asyncio.sleep(0.001)
                ticks = (time.monotonic() - began_s) / EVERY_S
                missed = said("edge_polls_missed_total", reason="overrun")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    # Every tick of the grid was either a poll or is counted as missed: none twice, none not.
    assert missed >= 2 * POLLS
    assert abs(POLLS + missed - ticks) <= 2
    assert said("edge_read_seconds_sum") >= POLLS * ANSWER_S
    # A poll begins on the grid: however slow the last one was, it is not late by a whole period.
    late_s = said("edge_poll_late_seconds_sum") / said("edge_poll_late_seconds_count")
    assert late_s < EVERY_S
