"""Keeps one device connected and hands in what it says.

Invariants:
- a device has one connection at a time; every loss ends it and all that runs on it;
- from the moment of a loss every point has an explicit bad sample, and the events device_down and
  device_up bound the time without data;
- a poll that could not take place is counted, and told as an event with its span;
- nothing is taken from the device while what was taken before cannot be handed in.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final

import numpy as np

from drivers.base import Columns, Device, DeviceConfig, TakesTyping, Typed
from edge_agent.buffer.reminder import Reminder
from edge_agent.buffer.writer import Writer
from edge_agent.collect.points import CLASSES, Points
from edge_agent.collect.progress import Progress, Source
from edge_agent.collect.schedule import Missed, MissedPolls, missed, next_tick
from edge_agent.collect.shape import Shaper
from runtime import logs, platform
from runtime.clock import Clock
from runtime.errors import LinesideError, Reconfigure, RetryLater
from runtime.metrics import Metrics
from runtime.supervise import Backoff, cancels, end_if_cancelled
from wire.frame import StreamClass
from wire.records import Event
from wire.samples import Samples

Connect = Callable[[], Device]

_log = logs.get("edge.collect")

_RETRY = Backoff(first_s=0.5, most_s=30.0)
_RETRY_CONFIGURED = Backoff(first_s=5.0, most_s=60.0)
_GOOD_RUN_S = 10.0
_JOIN_MISSED_US = 5_000_000
_LONGEST_MISSED_US = 60_000_000
_TOLD_AT_ONCE_US = 1_000_000
REPORTS: Final = -1
"""The source number of what a device reports by itself."""
RECONFIGURED: Final = "LS-4901"
REMOVED: Final = "LS-4902"
"""Why a device is down, or is not waited for any more."""


class Collector:
    """One device; `run` is its task."""

    def __init__(
        self,
        config: DeviceConfig,
        *,
        connect: Connect,
        shaper: Shaper,
        writer: Writer,
        progress: Progress,
        clock: Clock,
        metrics: Metrics,
        offset_us: Callable[[], int] = lambda: 0,
    ) -> None:
        self.config = config
        self.shaper = shaper
        self.state = "connecting"
        """connecting, up, or down."""
        self.since_us = 0
        self.error: LinesideError | None = None
        """Why it is down."""
        self._connect = connect
        self._writer = writer
        self._progress = progress
        self._clock = clock
        self._offset_us = offset_us
        self._reminder = Reminder()
        self._heard_us = 0
        self._handing_in = False
        self._device: Device | None = None
        self._subscribed = [n for n, g in enumerate(config.groups) if g.mode == "subscribe"]
        self._polled = [n for n, g in enumerate(config.groups) if g.mode == "poll"]
        self._collected = metrics.counter(
            "edge_samples_collected_total", "Values read from devices.", ["device"]
        ).labels(config.id)
        self._kept = metrics.counter(
            "edge_samples_kept_total", "Values left after deadband and change.", ["device"]
        ).labels(config.id)
        self._overruns = metrics.counter(
            "edge_polls_missed_total", "Polls that did not take place.", ["device", "reason"]
        )
        self._reconnects = metrics.counter(
            "edge_device_connects_total", "Connections made to devices.", ["device"]
        ).labels(config.id)
        self._up = metrics.gauge("edge_device_up", "Whether the device answers.", ["device"])
        self._read_s = metrics.histogram("edge_read_seconds", "Duration of a reading.", ["device"])
        self._late_s = metrics.histogram(
            "edge_poll_late_seconds", "How long after its due time a poll began.", ["device"]
        )

    @property
    def counts(self) -> dict[str, int]:
        """What happened on the present or last connection, as its driver counts."""
        return {} if self._device is None else dict(self._device.counts)

    def announce(self) -> None:
        """Say which sources there will be, before any class can count as complete."""
        self.since_us = self._heard_us = self._clock()
        for source, classes in _sources(self.config, self.shaper.points):
            self._progress.expect(source, classes)

    def typed(self, text: str) -> tuple[Typed, Mapping[StreamClass, Samples]] | None:
        """What a typed text says, and the samples of it; None while the device is not open."""
        device: object = self._device
        if self.state != "up" or not isinstance(device, TakesTyping):
            return None
        found = device.typed(text)
        if found.columns is None:
            return found, {}
        self._collected.inc(len(found.columns))
        kept = self.shaper.shape(found.columns, polled=False, offset_us=self._offset_us())
        for samples in kept.values():
            self._kept.inc(len(samples))
        self._heard_us = found.columns.read_us
        return found, kept

    async def retire(self, still: Collection[int], *, removed: bool) -> None:
        """Say in the data that `run` has ended, because the configuration changed.

        `still`: numbers of the tags that go on being collected. `removed`: the device is none of
        this edge's any more; otherwise it comes back, and the time without it is told.
        """
        now_us = self._clock()
        if self.state == "up":
            if not removed:
                self._tell_down(now_us, RECONFIGURED)
            retired = ~np.isin(self.shaper.points.tag, list(still))
            for cls, samples in self.shaper.lost(now_us, retired).items():
                await self._writer.put(cls, samples)
            self.state, self.since_us, self.error = "down", now_us, None
        elif self.state == "down" and removed:
            # Nothing is expected of it from here on.
            self._writer.event(
                Event(
                    at_us=now_us,
                    kind="device_up",
                    device=self.config.id,
                    detail={"code": REMOVED},
                )
            )
        self._progress.forget(self.config.id)
        self._up.labels(self.config.id).set(0)
        if removed:
            self._up.remove(self.config.id)

    async def follow(self, before: Collector) -> None:
        """Announce itself as the successor of the same device's collector, which has retired."""
        self.announce()
        if before.state != "down":
            return
        self.state, self.since_us, self.error = "down", before.since_us, before.error
        self._progress.down(self.config.id)
        for cls, samples in self.shaper.lost(self.since_us).items():
            # Of the others it was said already.
            new = samples.take(np.flatnonzero(~np.isin(samples.tag, before.shaper.points.tag)))
            await self._writer.put(cls, new)

    async def run(self) -> None:
        """Connect, collect, connect again, for ever."""
        failures = 0
        while True:
            began_s = time.monotonic()
            try:
                await self._connected()
            except Exception as error:  # noqa: BLE001 - the outermost loop of a device's task
                failures = 1 if time.monotonic() - began_s > _GOOD_RUN_S else failures + 1
                await self._lost(_reason(error, self.config.id))
            retry = _RETRY_CONFIGURED if isinstance(self.error, Reconfigure) else _RETRY
            await asyncio.sleep(retry.pause_s(failures, at=random.random()))  # noqa: S311

    async def _connected(self) -> None:
        """One connection from its beginning to its end, which is always an error."""
        device = self._connect()
        before = cancels()
        async with device, asyncio.TaskGroup() as tasks:
            end_if_cancelled(before)
            self._device = device
            self._arrived()
            for group in self._polled:
                tasks.create_task(self._poll(device, group))
            if self._subscribed:
                tasks.create_task(self._listen(device))
                tasks.create_task(self._follow_reports())

    def _arrived(self) -> None:
        now_us = self._clock()
        if self.state == "down":
            self._writer.event(Event(at_us=now_us, kind="device_up", device=self.config.id))
            _log.info("device answers", device=self.config.id, down_since_us=self.since_us)
        elif now_us - self.since_us >= _TOLD_AT_ONCE_US:
            self._tell_late_beginning(now_us)
        self._progress.up(self.config.id, now_us)
        self._reconnects.inc()
        self._up.labels(self.config.id).set(1)
        self._reminder.over()
        self.state, self.since_us, self.error = "up", now_us, None
        self._heard_us, self._handing_in = now_us, False

    def _tell_late_beginning(self, now_us: int) -> None:
        """The agent was there before its device was: that time is in nobody's gap yet."""
        self._writer.event(
            Event(
                at_us=now_us,
                kind="not_collected",
                device=self.config.id,
                from_us=self.since_us,
                to_us=now_us,
                cause="not_collected",
                detail={"reason": "connecting"},
            )
        )

    async def _lost(self, error: LinesideError) -> None:
        """Say that the device is gone: once in the data, again and again in the log."""
        self.error = error
        now_us = self._clock()
        if self._reminder.is_due(time.monotonic()):
            write = _log.error if isinstance(error, Reconfigure) else _log.warning
            write(error.code, device_id=self.config.id, **error.params)
        if self.state == "down":
            return
        self.state, self.since_us = "down", now_us
        self._up.labels(self.config.id).set(0)
        self._tell_down(now_us, error.code)
        for cls, samples in self.shaper.lost(now_us).items():
            await self._writer.put(cls, samples)
        self._progress.down(self.config.id)

    def _tell_down(self, now_us: int, code: str) -> None:
        self._writer.event(
            Event(
                at_us=now_us,
                kind="device_down",
                device=self.config.id,
                from_us=min(self._heard_us or now_us, now_us),
                cause="device_down",
                detail={"code": code},
            )
        )

    # -- on a connection -------------------------------------------------------------------------

    async def _poll(self, device: Device, group: int) -> None:
        """Read a group on its grid; ticks that pass meanwhile are missed, never made up for."""
        every_us = self.config.groups[group].every_ms * 1000
        source = (self.config.id, group)
        gaps = MissedPolls(
            join_us=_JOIN_MISSED_US, longest_us=_LONGEST_MISSED_US, at_once_us=_TOLD_AT_ONCE_US
        )
        seconds, late_s = self._read_s.labels(self.config.id), self._late_s.labels(self.config.id)
        due_us = start_us = _monotonic_us()
        try:
            while True:
                asked_us = self._clock()
                late_s.observe(max(0, _monotonic_us() - due_us) / 1e6)
                self._progress.asks(source, asked_us)
                with seconds.time():
                    columns = await device.read(group)
                end_if_cancelled(0)
                await self._hand_in(columns, polled=True)
                # Where the device has no times of its own, the next reading is all that can come.
                idle = columns.source_us is None or not self.shaper.clock.use
                self._progress.reached(source, asked_us, idle=idle)
                now_us = _monotonic_us()
                passed = missed(due_us, now_us, every_us)
                if passed:
                    self._tell(gaps.add(self._missed(due_us, every_us, passed)), group)
                self._tell(gaps.due(self._clock()), group)
                due_us = next_tick(now_us, every_us, start_us)
                await asyncio.sleep((due_us - now_us) / 1e6)
        finally:
            self._tell(gaps.due(-1), group)

    def _missed(self, due_us: int, every_us: int, polls: int) -> Missed:
        reason = "disk" if self._writer.blocked_since_us is not None else "overrun"
        self._overruns.labels(self.config.id, reason).inc(polls)
        late_us = _monotonic_us() - due_us
        now_us = self._clock()
        return Missed(
            from_us=min(now_us - late_us + every_us, now_us),
            to_us=now_us,
            polls=polls,
            reason=reason,
        )

    def _tell(self, gap: Missed | None, group: int) -> None:
        if gap is not None:
            self._writer.event(
                Event(
                    at_us=gap.to_us,
                    kind="not_collected",
                    device=self.config.id,
                    from_us=gap.from_us,
                    to_us=gap.to_us,
                    cause="not_collected",
                    detail={"group": group, "polls": gap.polls, "reason": gap.reason},
                )
            )

    async def _listen(self, device: Device) -> None:
        """Hand in what the device reports."""
        async for columns in device.changes():
            self._handing_in = True
            await self._hand_in(columns, polled=False)
            self._handing_in = False
        # It reports nothing more without having lost the connection: there is nothing to wait for.
        await asyncio.Event().wait()

    async def _follow_reports(self) -> None:
        """While the connection lives and nothing is being handed in, silence means no change.

        A report may be under way for one publishing interval; twice that and a second are granted.
        """
        slowest_us = max(self.config.groups[n].every_ms for n in self._subscribed) * 1000
        allowed_us = 2 * slowest_us + 1_000_000
        source = (self.config.id, REPORTS)
        while True:
            if not self._handing_in:
                self._progress.reached(source, self._clock() - allowed_us)
            await asyncio.sleep(0.25)

    async def _hand_in(self, columns: Columns, *, polled: bool) -> None:
        self._collected.inc(len(columns))
        kept = self.shaper.shape(columns, polled=polled, offset_us=self._offset_us())
        for cls, samples in kept.items():
            self._kept.inc(len(samples))
            await self._writer.put(cls, samples)
        self._heard_us = columns.read_us


def _sources(
    config: DeviceConfig, points: Points
) -> Iterator[tuple[Source, frozenset[StreamClass]]]:
    """Every source of the device with the classes of its points."""
    reported: set[StreamClass] = set()
    for number, group in enumerate(config.groups):
        codes = points.cls[config.starts[number] : config.starts[number + 1]]
        classes = frozenset(CLASSES[int(code)] for code in set(codes.tolist()))
        if group.mode == "subscribe":
            reported |= classes
        else:
            yield (config.id, number), classes
    if reported:
        yield (config.id, REPORTS), frozenset(reported)


def _reason(error: Exception, device: str) -> LinesideError:
    """The first of our own errors in it; anything else is a fault of ours, told with its place."""
    inner: BaseException = error
    while isinstance(inner, BaseExceptionGroup):
        ours = inner.subgroup(LinesideError)
        inner = (inner if ours is None else ours).exceptions[0]
    if isinstance(inner, LinesideError):
        return inner
    _log.error("LS-4202", device=device, reason=repr(inner), exc_info=error)
    return RetryLater("LS-4202", device=device, reason=repr(inner))


def _monotonic_us() -> int:
    return platform.elapsed_us()
