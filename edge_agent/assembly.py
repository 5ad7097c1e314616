"""Puts the parts of a running agent together from its configuration, and starts them.

Every part is made here and nowhere else, so that one that is made again later is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drivers.base import Device
from drivers.registry import AnyDevice, connect
from edge_agent.buffer.rows import Bounds, Place
from edge_agent.buffer.store import Store
from edge_agent.buffer.writer import Writer
from edge_agent.collect.device import Collector
from edge_agent.collect.points import definitions, points_of
from edge_agent.collect.progress import Progress
from edge_agent.collect.shape import ClockRule, Shaper
from edge_agent.collect.typed import TypedTexts
from edge_agent.config import EdgeConfig
from edge_agent.page.facts import Facts
from edge_agent.page.server import Page
from edge_agent.publish.live import LiveSource
from edge_agent.publish.session import Pace, Session
from edge_agent.publish.window import Window
from edge_agent.watch import Watch
from runtime import logs
from runtime.clock import Clock
from runtime.metrics import Metrics
from runtime.supervise import Supervisor
from wire.records import Event

_log = logs.get("edge")

COMMIT = "commit"
PUBLISH = "publish"
PAGE = "page"


class Assembly:
    """The parts of one agent on one opened buffer."""

    def __init__(
        self, store: Store, config: EdgeConfig, *, agent: str, clock: Clock, metrics: Metrics
    ) -> None:
        self.config = config
        self._store = store
        self._agent = agent
        self._clock = clock
        self._metrics = metrics
        self._progress = Progress(clock)

    async def build(self) -> Facts:
        """Every part, with the tags numbered; nothing runs yet. Raises BufferBlocked."""
        config = self.config
        window = self._window(config)

        def sent() -> dict[Place, int]:
            return parts.window.sent_up_to()  # of the window there is by then

        writer = Writer(
            self._store,
            bounds=bounds_of(config),
            commit_every_ms=config.buffer.commit_every_ms,
            max_waiting=config.buffer.max_waiting,
            clock=self._clock,
            metrics=self._metrics,
            sent=sent,
        )
        await writer.define([one for device in config.devices for one in definitions(device)])
        collectors = [
            self._collector(device, writer, lambda: parts.session.offset.us or 0)
            for device in config.devices
        ]
        parts = Facts(
            config=config,
            agent=self._agent,
            store=self._store,
            writer=writer,
            window=window,
            session=self._session(config, writer, window, collectors),
            collectors=collectors,
            metrics=self._metrics,
            clock=self._clock,
            started_us=self._clock(),
            typed=TypedTexts(
                lambda: {one.config.id: one for one in parts.collectors if one.config.is_typed},
                writer,
            ),
        )
        for collector in collectors:
            collector.announce()
        writer.watch(self._progress.complete_to)
        self._tell_beginning(writer)
        return parts

    def start(self, tasks: Supervisor, parts: Facts) -> None:
        """Every part's task."""
        tasks.start(COMMIT, parts.writer.run)
        for collector in parts.collectors:
            tasks.start(task_of(collector), collector.run)
        tasks.start(PUBLISH, parts.session.run)
        tasks.start("watch", Watch(parts).run)
        self._start_page(tasks, parts)

    # -- the parts -------------------------------------------------------------------------------

    def _window(self, config: EdgeConfig) -> Window:
        return Window(
            self._store.streams,
            size=config.publish.window,
            first_timeout_s=config.publish.first_timeout_s,
            last_timeout_s=config.publish.last_timeout_s,
        )

    def _session(
        self, config: EdgeConfig, writer: Writer, window: Window, collectors: Sequence[Collector]
    ) -> Session:
        return Session(
            self._store,
            window,
            edge=config.id,
            broker=config.broker.address(),
            agent=self._agent,
            clock=self._clock,
            metrics=self._metrics,
            tell=writer.event,
            live=live_of(collectors),
            pace=Pace(
                status_every_s=config.publish.status_every_s,
                keepalive_s=config.broker.keepalive_s,
            ),
        )

    def _collector(
        self, device: AnyDevice, writer: Writer, offset_us: Callable[[], int]
    ) -> Collector:
        return Collector(
            device,
            connect=_connector(device, self._clock),
            shaper=Shaper(points_of(device, writer.tags), clock_rule(self.config, device)),
            writer=writer,
            progress=self._progress,
            clock=self._clock,
            metrics=self._metrics,
            offset_us=offset_us,
        )

    def _start_page(self, tasks: Supervisor, parts: Facts) -> None:
        if self.config.page.port is not None:
            page = Page(parts, port=self.config.page.port, folder=self.config.data_dir)
            tasks.start(PAGE, page.run)

    def _tell_beginning(self, writer: Writer) -> None:
        now_us = self._clock()
        writer.event(Event(at_us=now_us, kind="agent_start", detail={"agent": self._agent}))
        if (found := self._store.salvaged) is not None:
            _log.error(
                "LS-4108", file=found.file, reason=found.reason, records=found.records,
                lost=found.lost,
            )  # fmt: skip
            detail: dict[str, str | int | float | bool] = {
                "reason": found.reason,
                "records": found.records,
                "lost": found.lost,
            }
            writer.event(Event(at_us=now_us, kind="salvaged", detail=detail))


def bounds_of(config: EdgeConfig) -> Bounds:
    """What the buffer may take."""
    return Bounds(
        max_bytes=config.buffer.max_bytes,
        min_free_bytes=config.buffer.min_free_bytes,
        max_age_us=int(config.buffer.max_age_h * 3_600_000_000),
        keep_acked_us=int(config.buffer.keep_acked_h * 3_600_000_000),
    )


def clock_rule(config: EdgeConfig, device: AnyDevice) -> ClockRule:
    """How far the device's own times are believed."""
    return ClockRule.of(
        device.clock,
        past_us=int(config.clock.past_s * 1e6),
        future_us=int(config.clock.future_s * 1e6),
    )


def live_of(collectors: Sequence[Collector]) -> list[LiveSource]:
    """What is shown live: the latest values of every device."""
    shapers = [collector.shaper for collector in collectors]
    return [LiveSource(tag=one.points.tag, kind=one.points.sent, columns=one) for one in shapers]


def task_of(collector: Collector) -> str:
    """The name of a device's task."""
    return f"collect/{collector.config.id}"


def _connector(device: AnyDevice, clock: Clock) -> Callable[[], Device]:
    return lambda: connect(device, clock)
