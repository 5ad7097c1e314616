"""The life of the edge agent: opens the buffer, lets the parts run, takes them down again.

Order of going down: stop reading, say so in the stream, commit, publish what can be published
within two seconds, say offline, close the buffer in order. What is left is sent by the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from edge_agent.assembly import COMMIT, Assembly, task_of
from edge_agent.buffer.store import BufferBlocked, BufferDamaged, Store
from edge_agent.clock import told
from edge_agent.clock.house import HouseClock
from edge_agent.clock.timeline import Change
from edge_agent.config import EdgeConfig
from edge_agent.configure import presence
from edge_agent.configure.asked import Requests
from edge_agent.configure.configurator import Configurator
from edge_agent.page.facts import Facts
from edge_agent.watch import tell
from runtime import cli, logs, platform
from runtime.errors import LinesideError, Reconfigure, RetryLater
from runtime.metrics import Metrics
from runtime.supervise import Supervisor
from wire.records import Event

_log = logs.get("edge")

BUFFER = "buffer.db"
_LEAVE_S = 2.0
_REOPEN_S = 5.0


def release() -> str:
    """Name and version of this agent, as it stands in openings and statuses."""
    return cli.release()[:64]


class Agent:
    """One edge agent; `run` is its whole life."""

    def __init__(
        self,
        config: EdgeConfig,
        *,
        clock: HouseClock | None = None,
        metrics: Metrics | None = None,
        configurator: Configurator | None = None,
    ) -> None:
        """`configurator` changes what runs while it runs; without one, `config` runs for good.

        `clock`: the same that the configurator has.
        """
        self.config = config
        self.metrics = metrics or Metrics()
        self.serving = asyncio.Event()
        """Set once everything is started."""
        self.facts: Facts | None = None
        """The parts that run, while they do."""
        self.reload = asyncio.Event()
        """Set it to have the configuration file read again."""
        self._clock = clock or HouseClock()
        self._begun: Change | None = None
        self._configurator = configurator

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop`. Raises Reconfigure where a person has to change something first."""
        self._begun = await asyncio.to_thread(self._clock.begin, self.config.data_dir)
        if self._begun is not None:
            tell(self._begun)
        while not stop.is_set():
            try:
                await self._with_buffer(stop)
            except BufferDamaged as error:
                _log.error(error.code, **error.params)
                self._give_up(error)
            except Reconfigure as error:
                raise self._who_runs(error) from error
            except RetryLater as error:
                _log.error("LS-4109", reason=error, pause_s=_REOPEN_S)
                self._give_up(error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _REOPEN_S)

    def _give_up(self, reason: LinesideError) -> None:
        """Count and tell what waits for a buffer that nobody will write to any more."""
        samples, events = (0, 0) if self.facts is None else self.facts.writer.give_up()
        if samples or events:
            _log.error("LS-4111", samples=samples, events=events, reason=reason)

    def _who_runs(self, error: Reconfigure) -> Reconfigure:
        """The error; where another agent has the buffer, with what that one says of itself."""
        there = presence.read(self.config.data_dir)
        if error.code != "LS-4101" or there is None:
            return error
        return Reconfigure(
            "LS-4959", pid=there.pid, agent=there.agent, since=there.started_at,
            config=there.file or "-", **error.params,
        )  # fmt: skip

    async def _with_buffer(self, stop: asyncio.Event) -> None:
        folder, edge = self.config.data_dir, self.config.id
        path = folder / BUFFER
        async with Store(
            path,
            edge,
            agent=release(),
            clock=self._clock,
            min_free_bytes=self.config.buffer.min_free_bytes,
        ) as store:
            # Leaving by an error, the buffer is closed as not in order.
            if self._configurator is not None:
                self.config = (await self._configurator.begin()).config
            async with Supervisor(log=_log) as tasks:
                assembly = Assembly(
                    store,
                    self.config,
                    agent=release(),
                    clock=self._clock,
                    metrics=self.metrics,
                    tasks=tasks,
                    configurator=self._configurator,
                )
                parts = await assembly.build()
                if self._begun is not None:
                    parts.writer.event(told.event(self._begun))
                    self._begun = None
                assembly.start()
                self._start_changes(assembly)
                self.facts = parts
                self.serving.set()
                await asyncio.to_thread(self._say_present, folder)
                platform.notify_ready()
                _log.info(
                    "edge agent runs", edge=str(edge), epoch=str(store.epoch),
                    devices=len(self.config.devices), tags=len(parts.writer.tags),
                )  # fmt: skip
                await _first_of(stop, store.damaged)
                if store.damaged.is_set():
                    raise BufferDamaged("LS-4105", file=str(path), reason="found while in use")
                platform.notify_stopping()
                await self._wind_down(assembly)
                await asyncio.to_thread(presence.take_away, folder)

    def _say_present(self, folder: Path) -> None:
        file = "" if self._configurator is None else str(self._configurator.file.absolute())
        presence.note(folder, agent=release(), at_us=self._clock(), file=file)

    def _start_changes(self, assembly: Assembly) -> None:
        """What makes the agent run another configuration while it runs."""
        configurator = self._configurator
        if configurator is not None:
            requests = Requests(configurator.running.config.data_dir, configurator.reload)
            requests.hangup = self.reload
            assembly.tasks.start("configure", lambda: configurator.run(assembly))
            assembly.tasks.start("requests", requests.run)

    async def _wind_down(self, assembly: Assembly) -> None:
        tasks, parts = assembly.tasks, assembly.parts
        if self._configurator is not None:
            # First: nothing may change any more.
            await tasks.stop_one("requests")
            await tasks.stop_one("configure")
            with contextlib.suppress(RetryLater):
                await self._configurator.stop()
        for collector in parts.collectors:
            await tasks.stop_one(task_of(collector))
        parts.writer.event(Event(at_us=self._clock(), kind="agent_stop"))
        await tasks.stop_one(COMMIT)
        try:
            await parts.writer.commit()
        except BufferBlocked as error:
            self._give_up(error)
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
