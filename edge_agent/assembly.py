"""Puts the parts of an agent together from its configuration, and changes them while they run.

Invariants of a change (`apply`):
- new tags have their numbers on disk before anything else happens; if that fails, nothing did;
- only what differs starts again: the other devices keep their connections, and the epoch goes on;
- a device that stops for it says so in the data, before its successor connects;
- the session with the broker ends in order, with all it could deliver in two seconds, before the
  next begins; the count of sessions goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from drivers.base import Device, DeviceConfig
from drivers.registry import AnyDevice, connect
from edge_agent.buffer.numbering import Definition
from edge_agent.buffer.rows import Bounds
from edge_agent.buffer.store import Store
from edge_agent.buffer.writer import Writer
from edge_agent.clock.house import HouseClock
from edge_agent.collect.device import Collector
from edge_agent.collect.points import definitions, points_of
from edge_agent.collect.progress import Progress
from edge_agent.collect.shape import ClockRule, Shaper
from edge_agent.collect.typed import TypedTexts
from edge_agent.config import EdgeConfig
from edge_agent.configure.changes import Changes, compare
from edge_agent.configure.configurator import Configurator
from edge_agent.configure.trial import Health
from edge_agent.page.facts import Facts
from edge_agent.page.server import Page
from edge_agent.publish.commands import Commands
from edge_agent.publish.live import LiveSource
from edge_agent.publish.rates import Budget, Cap
from edge_agent.publish.report import Runs
from edge_agent.publish.session import Pace, Session
from edge_agent.publish.window import Window
from edge_agent.watch import Watch
from runtime import logs
from runtime.clock import Clock
from runtime.metrics import Metrics
from runtime.supervise import Supervisor
from wire.control import CommandAck
from wire.records import Event

_log = logs.get("edge")

COMMIT = "commit"
PUBLISH = "publish"
PAGE = "page"
_LEAVE_S = 2.0


class Assembly:
    """The parts of one agent on one opened buffer; `build` makes them, `apply` changes them."""

    def __init__(
        self,
        store: Store,
        config: EdgeConfig,
        *,
        agent: str,
        clock: HouseClock,
        metrics: Metrics,
        tasks: Supervisor,
        configurator: Configurator | None = None,
    ) -> None:
        self.config = config
        self.tasks = tasks
        self._store = store
        self._agent = agent
        self._clock = clock
        self._metrics = metrics
        self._runs = Runs if configurator is None else configurator.runs
        self._about = dict if configurator is None else configurator.facts
        self._commands = Commands(
            store, clock, None if configurator is None else configurator.pushed
        )
        self._progress = Progress(clock)
        self._parts: Facts | None = None

    @property
    def parts(self) -> Facts:
        """What `build` has made."""
        if self._parts is None:
            raise ValueError("nothing is built yet")
        return self._parts

    async def build(self) -> Facts:
        """Every part, with the tags numbered; nothing runs yet. Raises BufferBlocked."""
        config = self.config
        window = self._window(config)
        writer = Writer(
            self._store,
            bounds=bounds_of(config),
            commit_every_ms=config.buffer.commit_every_ms,
            max_waiting=config.buffer.max_waiting,
            clock=self._clock,
            metrics=self._metrics,
            # Of the window there is by then.
            sent=lambda: {} if self._parts is None else self._parts.window.sent_up_to(),
            skipped_us=lambda: self._clock.skipped_us,
        )
        await writer.define(_all_definitions(config))
        collectors = [self._collector(device, writer) for device in config.devices]
        self._parts = Facts(
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
            typed=TypedTexts(self._typed_devices, writer),
            configuration=self._about,
        )
        for collector in collectors:
            collector.announce()
        writer.watch(self._progress.complete_to)
        self._tell_beginning(writer)
        return self._parts

    def start(self) -> None:
        """Every part's task."""
        parts = self.parts
        self.tasks.start(COMMIT, parts.writer.run)
        for collector in parts.collectors:
            self.tasks.start(task_of(collector), collector.run)
        self.tasks.start(PUBLISH, parts.session.run)
        self.tasks.start("watch", Watch(parts).run)
        self._start_page()

    # -- another configuration -------------------------------------------------------------------

    async def apply(self, new: EdgeConfig) -> Changes:
        """Run `new` instead; says what that changed. Raises BufferBlocked, with nothing changed.

        Plant, edge and data_dir are the same: see `configure.changes.fixed`.
        """
        changes = compare(self.config, new)
        parts = self.parts
        await parts.writer.define(_all_definitions(new))
        self.config = parts.config = new
        await self._change_devices(changes)
        if changes.clock:
            for collector in parts.collectors:
                collector.shaper.clock = clock_rule(new, collector.config)
        if changes.buffer:
            parts.writer.limit(
                bounds_of(new),
                commit_every_ms=new.buffer.commit_every_ms,
                max_waiting=new.buffer.max_waiting,
            )
        if changes.session:
            await self._change_session()
        elif changes.added or changes.removed or changes.restarted:
            parts.session.show(live_of(parts.collectors))
        if changes.page:
            await self.tasks.stop_one(PAGE)
            self._start_page()
        return changes

    def tell(self, event: Event) -> None:
        """Put an event into the stream."""
        self.parts.writer.event(event)

    def answer(self, ack: CommandAck) -> None:
        """Answer a pushed configuration."""
        self._commands.say(ack)

    def report(self) -> None:
        """Say at once what the status says now."""
        self.parts.session.report_soon()

    def health(self) -> Health:
        """How the agent is, for judging a configuration on trial."""
        parts = self.parts
        session = parts.session
        return Health(
            broker=str(self.config.broker.address()),
            connected=session.connected,
            broker_error=None if session.error is None else str(session.error),
            answers=session.answers,
            devices={
                one.config.id: (one.state, None if one.error is None else str(one.error))
                for one in parts.collectors
            },
            restarts=dict(self.tasks.restarts),
        )

    async def _change_devices(self, changes: Changes) -> None:
        """Stop what is gone or changed, then start what is new or changed."""
        parts = self.parts
        ended = {
            one.config.id: one
            for one in parts.collectors
            if one.config.id in changes.removed or one.config.id in changes.restarted
        }
        await asyncio.gather(*(self.tasks.stop_one(task_of(one)) for one in ended.values()))
        still = {parts.writer.tags.number(one) for one in _all_definitions(self.config)}
        for name, one in ended.items():
            await one.retire(still, removed=name in changes.removed)
        running = {one.config.id: one for one in parts.collectors if one.config.id not in ended}
        begun: list[Collector] = []
        for device in self.config.devices:
            if device.id in running:
                running[device.id].config = device  # its name may have changed
                continue
            collector = running[device.id] = self._collector(device, parts.writer)
            begun.append(collector)
            if device.id in ended:
                await collector.follow(ended[device.id])
            else:
                collector.announce()
        parts.collectors = [running[device.id] for device in self.config.devices]
        for collector in begun:
            self.tasks.start(task_of(collector), collector.run)

    async def _change_session(self) -> None:
        parts = self.parts
        before = parts.session
        before.leave(_LEAVE_S)
        if before.connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LEAVE_S + 1.0):
                    await before.left.wait()
        await self.tasks.stop_one(PUBLISH)
        parts.window = self._window(self.config)
        parts.session = self._session(self.config, parts.writer, parts.window, parts.collectors)
        parts.session.follow(before)
        self.tasks.start(PUBLISH, parts.session.run)

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
            commands=self._commands,
            runs=self._runs,
            budget=budget_of(config),
        )

    def _collector(self, device: AnyDevice, writer: Writer) -> Collector:
        return Collector(
            device,
            connect=_connector(device, self._clock),
            shaper=Shaper(points_of(device, writer.tags), clock_rule(self.config, device)),
            writer=writer,
            progress=self._progress,
            clock=self._clock,
            metrics=self._metrics,
            offset_us=lambda: self._clock.believed_offset_us,
        )

    def _typed_devices(self) -> dict[str, Collector]:
        return {one.config.id: one for one in self.parts.collectors if one.config.is_typed}

    def _start_page(self) -> None:
        if self.config.page.port is not None:
            page = Page(self.parts, port=self.config.page.port, folder=self.config.data_dir)
            self.tasks.start(PAGE, page.run)

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


def _all_definitions(config: EdgeConfig) -> list[Definition]:
    return [one for device in config.devices for one in definitions(device)]


def bounds_of(config: EdgeConfig) -> Bounds:
    """What the buffer may take."""
    return Bounds(
        max_bytes=config.buffer.max_bytes,
        min_free_bytes=config.buffer.min_free_bytes,
        max_age_us=int(config.buffer.max_age_h * 3_600_000_000),
        keep_acked_us=int(config.buffer.keep_acked_h * 3_600_000_000),
    )


def budget_of(config: EdgeConfig) -> Budget:
    """What may be sent at what time of day."""
    caps = [
        Cap(from_min=one.minutes[0], to_min=one.minutes[1], bytes_s=one.kbit_s * 125)
        for one in config.publish.rate_caps
    ]
    return Budget(caps, zone=config.zone)


def clock_rule(config: EdgeConfig, device: DeviceConfig) -> ClockRule:
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
