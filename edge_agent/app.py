"""Puts the edge agent together and takes it down again; the only place that knows all its parts.

Order of going down: stop reading, say so in the stream, commit, publish what can be published
within two seconds, say offline, close the buffer in order. What is left is sent by the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import time
from collections.abc import Callable

from drivers.base import Device, DeviceConfig
from drivers.registry import AnyDevice, connect
from edge_agent.buffer.rows import Bounds
from edge_agent.buffer.store import BufferBlocked, BufferDamaged, Store
from edge_agent.buffer.writer import Writer
from edge_agent.collect.device import Collector
from edge_agent.collect.points import definitions, points_of
from edge_agent.collect.progress import Progress
from edge_agent.collect.shape import ClockRule, Shaper
from edge_agent.config import EdgeConfig
from edge_agent.page.facts import Facts
from edge_agent.page.server import Page
from edge_agent.publish.live import LiveSource
from edge_agent.publish.session import Pace, Session
from edge_agent.publish.window import Window
from runtime import logs, platform
from runtime.clock import Clock, now_us
from runtime.errors import RetryLater
from runtime.metrics import Metrics
from runtime.supervise import Supervisor
from wire.records import Event

_log = logs.get("edge")

BUFFER = "buffer.db"
_LEAVE_S = 2.0
_REOPEN_S = 5.0
_CLOCK_STEP_US = 2_000_000
_WATCH_EVERY_S = 1.0


def release() -> str:
    """Name and version of this agent, as it stands in openings and statuses."""
    try:
        version = importlib.metadata.version("lineside")
    except importlib.metadata.PackageNotFoundError:
        version = "from source"
    return f"lineside {version}"[:64]


class Agent:
    """One edge agent; `run` is its whole life."""

    def __init__(
        self, config: EdgeConfig, *, clock: Clock = now_us, metrics: Metrics | None = None
    ) -> None:
        self.config = config
        self.metrics = metrics or Metrics()
        self.serving = asyncio.Event()
        """Set once everything is started."""
        self.facts: Facts | None = None
        """The parts that run, while they do."""
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`. Raises Reconfigure where a person has to change something first."""
        while not stop.is_set():
            try:
                await self._with_buffer(stop)
            except BufferDamaged as error:
                _log.error(error.code, **error.params)
            except RetryLater as error:
                _log.error("LS-4109", reason=error, pause_s=_REOPEN_S)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _REOPEN_S)

    async def _with_buffer(self, stop: asyncio.Event) -> None:
        config = self.config
        path = config.data_dir / BUFFER
        async with Store(path, config.id, agent=release(), clock=self._clock) as store:
            # Leaving by an error, the buffer is closed as not in order.
            parts = await self._assemble(store)
            async with Supervisor(log=_log) as tasks:
                self._start(tasks, parts)
                self.facts = parts
                self.serving.set()
                platform.notify_ready()
                _log.info(
                    "edge agent runs", edge=str(config.id), epoch=str(store.epoch),
                    devices=len(config.devices), tags=len(parts.writer.tags),
                )  # fmt: skip
                await _first_of(stop, store.damaged)
                platform.notify_stopping()
                if store.damaged.is_set():
                    raise BufferDamaged("LS-4105", file=str(path), reason="found while in use")
                await self._wind_down(tasks, parts)

    # -- putting together ------------------------------------------------------------------------

    async def _assemble(self, store: Store) -> Facts:
        config, clock = self.config, self._clock
        window = Window(
            store.streams,
            size=config.publish.window,
            first_timeout_s=config.publish.first_timeout_s,
            last_timeout_s=config.publish.last_timeout_s,
        )
        writer = Writer(
            store,
            bounds=_bounds(config),
            commit_every_ms=config.buffer.commit_every_ms,
            max_waiting=config.buffer.max_waiting,
            clock=clock,
            metrics=self.metrics,
            sent=window.sent_up_to,
        )
        await writer.define([one for device in config.devices for one in definitions(device)])
        shapers = [self._shaper(device, writer) for device in config.devices]
        session = Session(
            store,
            window,
            edge=config.id,
            broker=config.broker.address(),
            agent=release(),
            clock=clock,
            metrics=self.metrics,
            tell=writer.event,
            live=[
                LiveSource(tag=one.points.tag, kind=one.points.sent, columns=one) for one in shapers
            ],
            pace=Pace(
                status_every_s=config.publish.status_every_s,
                keepalive_s=config.broker.keepalive_s,
            ),
        )
        progress = Progress(clock)
        collectors = [
            Collector(
                device,
                connect=_connector(device, clock),
                shaper=shaper,
                writer=writer,
                progress=progress,
                clock=clock,
                metrics=self.metrics,
                offset_us=lambda: session.offset.us or 0,
            )
            for device, shaper in zip(config.devices, shapers, strict=True)
        ]
        for collector in collectors:
            collector.announce()
        writer.watch(progress.complete_to)
        self._tell_beginning(store, writer)
        return Facts(
            config=config,
            agent=release(),
            store=store,
            writer=writer,
            window=window,
            session=session,
            collectors=collectors,
            metrics=self.metrics,
            clock=clock,
            started_us=clock(),
        )

    def _shaper(self, device: DeviceConfig, writer: Writer) -> Shaper:
        plausible = self.config.clock
        rule = ClockRule.of(
            device.clock,
            past_us=int(plausible.past_s * 1e6),
            future_us=int(plausible.future_s * 1e6),
        )
        return Shaper(points_of(device, writer.tags), rule)

    def _tell_beginning(self, store: Store, writer: Writer) -> None:
        now_us = self._clock()
        writer.event(Event(at_us=now_us, kind="agent_start", detail={"agent": release()}))
        if (found := store.salvaged) is not None:
            _log.error(
                "LS-4108", file=found.file, reason=found.reason, records=found.records,
                lost=found.lost,
            )  # fmt: skip
            writer.event(
                Event(
                    at_us=now_us,
                    kind="salvaged",
                    detail={
                        "reason": found.reason, "records": found.records, "lost": found.lost
                    },
                )
            )  # fmt: skip

    # -- running ---------------------------------------------------------------------------------

    def _start(self, tasks: Supervisor, parts: Facts) -> None:
        tasks.start("commit", parts.writer.run)
        for collector in parts.collectors:
            tasks.start(_task_of(collector), collector.run)
        tasks.start("publish", parts.session.run)
        tasks.start("watch", lambda: self._watch(parts))
        if self.config.page.port is not None:
            page = Page(parts, port=self.config.page.port, folder=self.config.data_dir)
            tasks.start("page", page.run)

    async def _watch(self, parts: Facts) -> None:
        """Once a second: the gauges, the watchdog, and whether the clock was set."""
        gauge = self.metrics.gauge
        used = gauge("edge_buffer_bytes", "Bytes in use in the buffer.")
        records = gauge("edge_buffer_records", "Records in the buffer.")
        unacked = gauge("edge_buffer_unacked_records", "Records the server has not confirmed.")
        oldest = gauge("edge_buffer_oldest_seconds", "Age of the oldest unconfirmed record.")
        waiting = gauge("edge_samples_waiting", "Samples not yet on disk.")
        watchdog_s = platform.watchdog_interval_s()
        last_watchdog_s = 0.0
        wall_us, steady_us = self._clock(), time.monotonic_ns() // 1000
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            with contextlib.suppress(BufferBlocked):
                depth = await parts.depth()
                used.set(depth.usage.used)
                records.set(depth.records)
                unacked.set(depth.unacked)
                oldest.set(depth.oldest_s)
            waiting.set(parts.writer.waiting)
            if watchdog_s is not None and time.monotonic() - last_watchdog_s >= watchdog_s:
                last_watchdog_s = time.monotonic()
                platform.notify_watchdog()
            passed_us = time.monotonic_ns() // 1000 - steady_us
            step_us = self._clock() - wall_us - passed_us
            if abs(step_us) > _CLOCK_STEP_US:
                expected_us = wall_us + passed_us
                self._tell_clock_step(parts.writer, expected_us, step_us)
            wall_us, steady_us = self._clock(), time.monotonic_ns() // 1000

    def _tell_clock_step(self, writer: Writer, expected_us: int, step_us: int) -> None:
        at_us = expected_us + step_us
        _log.warning("LS-4110", step_s=round(step_us / 1e6, 1))
        writer.event(
            Event(
                at_us=at_us,
                kind="clock_step",
                from_us=expected_us,
                to_us=at_us,
                detail={"step_s": step_us / 1e6},
            )
        )

    # -- going down ------------------------------------------------------------------------------

    async def _wind_down(self, tasks: Supervisor, parts: Facts) -> None:
        for collector in parts.collectors:
            await tasks.stop_one(_task_of(collector))
        parts.writer.event(Event(at_us=self._clock(), kind="agent_stop"))
        await tasks.stop_one("commit")
        try:
            await parts.writer.commit()
        except BufferBlocked as error:
            _log.error("LS-4111", waiting=parts.writer.waiting, reason=error)
        parts.session.leave(_LEAVE_S)
        if parts.session.connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LEAVE_S + 1.0):
                    await parts.session.left.wait()
        self.facts = None
        self.serving.clear()
        _log.info("edge agent stopped in order", edge=str(self.config.id))


def _bounds(config: EdgeConfig) -> Bounds:
    return Bounds(
        max_bytes=config.buffer.max_bytes,
        min_free_bytes=config.buffer.min_free_bytes,
        max_age_us=int(config.buffer.max_age_h * 3_600_000_000),
        keep_acked_us=int(config.buffer.keep_acked_h * 3_600_000_000),
    )


def _connector(device: AnyDevice, clock: Clock) -> Callable[[], Device]:
    return lambda: connect(device, clock)


def _task_of(collector: Collector) -> str:
    return f"collect/{collector.config.id}"


async def _first_of(*events: asyncio.Event) -> None:
    """Return when one of them is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
