"""One simulated plant from configuration to open sockets: puts parts together, drives the clock.

Invariants:
- what happened until a tick is in the truth log before that tick's values are served;
- a command is in the state file before the plant obeys, so that a killed plant starts again as the
  same plant; while it was away its machines went on, as PLCs do.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import orjson

from runtime import logs
from runtime.clock import Clock, now_us
from runtime.platform import write_private
from simulators import addresses
from simulators.answers import Witness
from simulators.config import LineConfig, PlantConfig
from simulators.control import (
    ClockCommand,
    Command,
    ControlServer,
    FaultCommand,
    HaltCommand,
    PlcRestartCommand,
    RunCommand,
    SilenceCommand,
    StatusCommand,
    StopCommand,
)
from simulators.errors import SimulatorError
from simulators.machine import Action, Intervention
from simulators.modbus_server import ModbusLine
from simulators.model import Plant
from simulators.opcua_server import OpcUaLine
from simulators.state import StateFile
from simulators.truth_log import TruthLog

Value = int | float | bool | str

log = logs.get("simulators")


class Line(Protocol):
    """A line's server, whatever it speaks."""

    name: str
    host: str
    port: int

    @property
    def endpoint(self) -> str: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    async def publish(
        self, values: Mapping[str, Sequence[Value] | None], *, scanned_us: int
    ) -> None: ...
    async def hush(self) -> None: ...
    async def speak(self) -> None: ...
    async def mute(self, machine: str, *, on: bool) -> None: ...


class Simulation:
    """A running plant: `async with` opens its servers, `wait` returns when it was told to stop.

    `truth`, `state`, `ready`: where to write; None writes nothing. `control`: port of the control
    socket (0: any), None for none. `hold`: model time begins with the command `run`.
    """

    def __init__(
        self,
        config: PlantConfig,
        *,
        truth: Path | None = None,
        state: Path | None = None,
        ready: Path | None = None,
        control: int | None = None,
        hold: bool = False,
        clock: Clock = now_us,
    ) -> None:
        self.config = config
        self.plant = Plant(config)
        self._truth_folder = truth
        self._ready_file = ready
        self._control_port = control
        self._hold = hold
        self._clock = clock
        self._tick_us = config.tick_ms * 1000
        self._state = StateFile(state, config)
        self._lines: dict[str, Line] = {}
        self._served: dict[str, Sequence[Value]] = {}
        self._control: ControlServer | None = None
        self._truth: TruthLog
        self._opened_us = 0
        self._silent: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._failure: BaseException | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self._stack = stack.pop_all()
        self._start(self._drive(), name="simulators/ticks")
        if self._ready_file is not None:
            write_private(self._ready_file, orjson.dumps(self.ready(), option=orjson.OPT_INDENT_2))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._truth.note("stop")
        await self._stack.aclose()

    def stop(self) -> None:
        """Let `wait` return."""
        self._stop.set()

    async def wait(self) -> None:
        """Until told to stop; raises what made a part of the plant fail."""
        await self._stop.wait()
        if self._failure is not None:
            raise self._failure

    def ready(self) -> dict[str, object]:
        """Where to connect: lines with endpoint, host and port; the control socket."""
        control = self._control
        return {
            "pid": os.getpid(),
            "run": self._state.state.run,
            "start_us": self._state.state.start_us,
            "truth": str(self._truth_folder) if self._truth_folder else None,
            "control": {"host": control.host, "port": control.port} if control else None,
            "lines": {
                line.name: {
                    "protocol": self._line_config(line.name).protocol,
                    "host": line.host,
                    "port": line.port,
                    "endpoint": line.endpoint,
                }
                for line in self._lines.values()
            },
        }

    # -- opening ----------------------------------------------------------------------------

    async def _open(self, stack: AsyncExitStack) -> None:
        self._state.load()
        state = self._state.state
        self._opened_us = self._clock()
        tags = addresses.as_json(self.config)
        self._truth = await stack.enter_async_context(
            TruthLog(
                self._truth_folder,
                clock=self._clock,
                answers=self.config.answers,
                run=state.run,
                tags=tags,
            )
        )
        self._truth.note(
            "start",
            run=state.run,
            seed=self.config.seed,
            digest=state.digest,
            tick_us=self._tick_us,
            start_us=state.start_us,
        )
        self.plant.intervene(state.interventions)
        for line in self.config.lines:
            port = line.port or state.ports.get(line.name, 0)
            self._lines[line.name] = _line(line, self._truth, port)
        await self._go_to(state.tick_at(self._opened_us, self._tick_us))
        for opened in self._lines.values():
            await stack.enter_async_context(opened)
        ports = {line.name: line.port for line in self._lines.values()}
        self._state.change(ports=ports)
        if self._control_port is not None:
            self._control = await stack.enter_async_context(
                ControlServer(self._obey, port=self._control_port)
            )
        if not state.running and not self._hold:
            await self._run()
        self._truth.note("ready", ports=ports)
        log.info("plant ready", lines={line.name: line.endpoint for line in self._lines.values()})

    async def _run(self) -> None:
        state = self._state.change(start_us=self._clock())
        self._truth.note("run", start_us=state.start_us)
        await self._publish()

    # -- time -------------------------------------------------------------------------------

    async def _drive(self) -> None:
        while True:
            state = self._state.state
            now = self._clock()
            if state.running:
                tick = state.tick_at(now, self._tick_us)
                if tick > self.plant.tick:
                    await self._go_to(tick)
                due_us = state.start_us + (tick + 1) * self._tick_us
            else:
                await self._publish()
                due_us = now + self._tick_us
            # A clock set back must not stop the plant for as long: look again after a tick.
            pause_us = min(max(due_us - self._clock(), 0), self._tick_us)
            await asyncio.sleep(pause_us / 1e6)

    async def _go_to(self, tick: int) -> None:
        """Advance, write down what happened, serve."""
        hour = max(1, self.config.ticks(3600))
        start_us = self._state.state.start_us or self._opened_us
        while True:
            at = min(tick, self.plant.tick + hour)
            self._truth.tell(self.plant.advance(at), start_us=start_us, tick_us=self._tick_us)
            if at == tick:
                break
        await self._publish()

    async def _publish(self) -> None:
        state = self._state.state
        at_us = self._clock()
        if state.running:
            at_us = state.start_us + self.plant.tick * self._tick_us
        for line in self.config.lines:
            scanned_us = at_us + state.offsets_us.get(line.name, 0)
            values: dict[str, Sequence[Value] | None] = {}
            for config in line.machines:
                path = f"{line.name}/{config.name}"
                new = self.plant.machines[path].values(scanned_us)
                values[path] = new if new != self._served.get(path) else None
                self._served[path] = new
            await self._lines[line.name].publish(values, scanned_us=scanned_us)

    # -- commands ---------------------------------------------------------------------------

    async def _obey(self, command: Command) -> Mapping[str, object]:
        if isinstance(command, StatusCommand):
            return self.status()
        self._truth.note("command", **command.model_dump())
        match command:
            case RunCommand():
                if not self._state.state.running:
                    await self._run()
            case HaltCommand():
                paths = [command.machine] if command.machine else list(self.plant.machines)
                self._intervene(*(self._asked(path, command.do) for path in paths))
            case PlcRestartCommand():
                self._intervene(self._asked(command.machine, command.do))
            case FaultCommand():
                asked = self._asked(command.machine, command.do, bit=command.bit, on=command.on)
                self._intervene(asked)
            case ClockCommand():
                line = self._line_config(command.line).name
                offsets = self._state.state.offsets_us
                self._state.change(offsets_us={**offsets, line: round(command.offset_s * 1e6)})
            case SilenceCommand():
                await self._silence(command)
            case StopCommand():
                self.stop()
        return {"tick": self.plant.tick, "at_us": self._clock()}

    def status(self) -> dict[str, object]:
        """The present truth: totals of parts really made, and what each machine shows."""
        return {
            "run": self._state.state.run,
            "running": self._state.state.running,
            "start_us": self._state.state.start_us,
            "tick": self.plant.tick,
            "at_us": self._clock(),
            "silent": sorted(self._silent),
            "machines": {
                path: {
                    "good": machine.good_total,
                    "scrap": machine.scrap_total,
                    "pulses": machine.pulses,
                    "order": machine.order.number,
                    "state": machine.state.name.lower(),
                    "fault": machine.fault_word,
                }
                for path, machine in self.plant.machines.items()
            },
        }

    def _asked(self, machine: str, do: Action, *, bit: int = 0, on: bool = False) -> Intervention:
        path = self.plant.machine(machine).path
        return Intervention(tick=self.plant.tick + 1, machine=path, do=do, bit=bit, on=on)

    def _intervene(self, *asked: Intervention) -> None:
        self._state.change(interventions=(*self._state.state.interventions, *asked))
        self.plant.intervene(asked)

    async def _silence(self, command: SilenceCommand) -> None:
        if bool(command.line) == bool(command.machine):
            raise SimulatorError("LS-7011", reason="line or machine")
        name = command.line or self.plant.machine(command.machine).path
        line = self._lines[self._line_config(name.partition("/")[0]).name]
        if command.seconds == 0:
            if name in self._silent:
                self._silent[name].set()
            return
        if name in self._silent:
            raise SimulatorError("LS-7012", name=name)
        enough = self._silent[name] = asyncio.Event()
        if command.line:
            await line.hush()
        else:
            await line.mute(name, on=True)
        self._truth.note("silence", name=name, on=True)
        self._start(self._speak_again(line, name, enough, command.seconds), name=f"silence/{name}")

    async def _speak_again(
        self, line: Line, name: str, enough: asyncio.Event, after_s: float
    ) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(enough.wait(), after_s)
        if name == line.name:
            await line.speak()
        else:
            await line.mute(name, on=False)
        del self._silent[name]
        self._truth.note("silence", name=name, on=False)

    def _line_config(self, name: str) -> LineConfig:
        for line in self.config.lines:
            if line.name == name:
                return line
        known = ", ".join(line.name for line in self.config.lines)
        raise SimulatorError("LS-7013", line=name, known=known)

    def _start(self, coroutine: Coroutine[None, None, None], *, name: str) -> None:
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
            self._stop.set()


def _line(line: LineConfig, witness: Witness, port: int) -> Line:
    return (
        OpcUaLine(line, witness, port=port)
        if line.protocol == "opcua"
        else ModbusLine(line, witness, port=port)
    )
