"""The life of the edge agent: opens the buffer, lets the parts run, takes them down again.

Order of going down: stop reading, say so in the stream, commit, publish what can be published
within two seconds, say offline, close the buffer in order. What is left is sent by the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata

from edge_agent.assembly import COMMIT, Assembly, task_of
from edge_agent.buffer.store import BufferBlocked, BufferDamaged, Store
from edge_agent.config import EdgeConfig
from edge_agent.page.facts import Facts
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
            assembly = Assembly(
                store, config, agent=release(), clock=self._clock, metrics=self.metrics
            )
            parts = await assembly.build()
            async with Supervisor(log=_log) as tasks:
                assembly.start(tasks, parts)
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

    async def _wind_down(self, tasks: Supervisor, parts: Facts) -> None:
        for collector in parts.collectors:
            await tasks.stop_one(task_of(collector))
        parts.writer.event(Event(at_us=self._clock(), kind="agent_stop"))
        await tasks.stop_one(COMMIT)
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


async def _first_of(*events: asyncio.Event) -> None:
    """Return when one of them is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
