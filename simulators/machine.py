"""One simulated machine: a chain of timed steps, so that its state depends on the tick alone.

Invariants:
- between two calls the machine stands at one tick; every step due until then has been taken, in
  the order of their ticks, so that advancing tick by tick or in one leap ends in the same state;
- `good_total` and `scrap_total` count parts really made and never fall; the PLC's counters differ
  from them by start value, width and resets;
- no part is made within the quiet time before or after a change of order or a reset, and an order
  tag changes together with its job-reset counters: whoever polls often enough sees every part.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np

from simulators.config import LineConfig, MachineConfig, OrderConfig, PlantConfig
from simulators.events import Event, Scalar, What
from simulators.limits import LimitWatch
from simulators.noise import key, uniform
from simulators.signals import NEVER, Signals, Window

Phase = Literal[
    "preparing",  # the new order is set, no part yet
    "running",
    "clearing",  # the order's last part is made, its number still shown
    "idle",
    "stopped",  # by a fault
    "going_down",  # before the PLC's restart
    "coming_up",  # after it
    "halted",  # by command
]
Action = Literal["plc_restart", "fault", "halt", "resume"]

_INTERRUPTED = frozenset({"stopped", "going_down", "coming_up", "halted"})


class MachineState(IntEnum):
    """The value of the tag `state`."""

    IDLE = 0
    RUNNING = 1
    SETUP = 2
    DOWN = 3


_SHOWN: dict[Phase, MachineState] = {
    "preparing": MachineState.SETUP,
    "running": MachineState.RUNNING,
    "clearing": MachineState.SETUP,
    "idle": MachineState.IDLE,
    "stopped": MachineState.DOWN,
    "going_down": MachineState.DOWN,
    "coming_up": MachineState.DOWN,
    "halted": MachineState.IDLE,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """The order shown by the PLC; `quantity` 0: none, the machine runs without end."""

    number: str
    quantity: int
    program: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Intervention:
    """Something done to a machine from outside at a tick: part of what the state depends on."""

    tick: int
    machine: str
    do: Action
    bit: int = 0
    on: bool = False


class Machine:
    """A machine at a tick; see the module for what holds."""

    def __init__(self, plant: PlantConfig, line: LineConfig, config: MachineConfig) -> None:
        self.path = f"{line.name}/{config.name}"
        self.signals = Signals(plant, self.path, config)
        self._limit = LimitWatch(plant, self.path, config, self.signals)
        self._config = config
        self._plant = plant
        self._modulus = 1 << (16 if line.protocol == "modbus" else 32)
        self._cycle_key = key(plant.seed, self.path, "cycle")
        self._scrap_key = key(plant.seed, self.path, "scrap")
        self._quiet = plant.ticks(plant.quiet_s)
        self._pulse_high = max(1, plant.ticks(config.pulse.high_s))
        self._faults = [
            (
                Window(
                    start=plant.ticks(f.at_s),
                    length=max(1, plant.ticks(f.for_s)),
                    period=plant.ticks(f.every_s),
                ),
                f.bit,
            )
            for f in config.faults
        ]
        self._stops = [
            window for (window, _), f in zip(self._faults, config.faults, strict=True) if f.stops
        ]
        self._restarts = sorted(plant.ticks(at_s) for at_s in config.plc_restarts_s)
        self._interventions: list[Intervention] = []
        self._forced: dict[int, bool] = {}
        self._stopped_until = [0] * len(self._stops)

        self.tick = 0
        self.good_total = 0
        self.scrap_total = 0
        self.cycles = 0
        self.pulses = 0
        self.order = Order(number="", quantity=0, program="")
        self.fault_word = 0
        self._order_index = 0
        self._order_good = 0
        self._good = config.counters.good_start % self._modulus
        self._scrap = config.counters.scrap_start % self._modulus
        self._cycle_s = 0.0
        self._pulse_off = NEVER
        self._phase: Phase = "preparing"
        self._due = plant.ticks(config.first_setup_s)
        self._held: list[tuple[Phase, int]] = []
        self._number = 0
        self._begun = False
        # The measured values of one refresh, kept because they are asked for at every tick.
        self._measured: tuple[int, float, float, int, list[float | int | bool]] | None = None
        self._told: list[Event] = []

    # -- from outside -----------------------------------------------------------------------

    def intervene(self, intervention: Intervention) -> None:
        """Note what happens to the machine at a tick it has not reached yet."""
        if intervention.tick <= self.tick:
            raise ValueError(f"tick {intervention.tick} is past, the machine stands at {self.tick}")
        self._interventions.append(intervention)
        self._interventions.sort(key=lambda known: known.tick)

    def advance(self, tick: int) -> list[Event]:
        """Take every step due until `tick`; gives what changed, in the order of ticks."""
        self._told = []
        if not self._begun:
            self._begun = True
            self._set_order(0)
            self._tell("state", state=int(self.state))
            self._set_faults(0)
        while (at := self._next()) <= tick:
            self.tick = at
            self._step(at)
        self.tick = tick
        told = self._told + self._limit.crossings(self.refresh)
        told.sort(key=lambda event: event.tick)
        return told

    @property
    def state(self) -> MachineState:
        """What the tag `state` shows."""
        return _SHOWN[self._phase]

    @property
    def refresh(self) -> int:
        """Number of the last analog refresh."""
        return self.tick // self._plant.ticks_per_refresh

    def values(self, plc_time_us: int) -> list[int | float | bool | str]:
        """What the PLC serves at the present tick, in the order of the address map.

        `plc_time_us` is the PLC's clock, served in whole seconds (microseconds since the epoch).
        """
        refresh = self.refresh
        if self._measured is None or self._measured[0] != refresh:
            at = np.array([refresh], dtype=np.int64)
            self._measured = (
                refresh,
                float(self.signals.temperature(at)[0]),
                float(self.signals.pressure(at)[0]),
                int(self.signals.speed(at)[0]),
                self.signals.volume(refresh),
            )
        _, temperature, pressure, speed, extra = self._measured
        running = self._phase == "running"
        energy = self._config.energy_start + 3 * self.cycles + refresh
        return [
            self._good,
            self._scrap,
            int(self.state),
            self.fault_word,
            energy % (1 << 64),
            self.order.number,
            self.order.program,
            plc_time_us - plc_time_us % 1_000_000,
            temperature,
            pressure,
            self._cycle_s,
            speed if running else 0,
            self._pulse_off != NEVER,
            running,
            *extra,
        ]

    # -- steps ------------------------------------------------------------------------------

    def _next(self) -> int:
        at = min(self._due, self._pulse_off, self._next_fault_edge())
        if self._interventions:
            at = min(at, self._interventions[0].tick)
        if self._phase not in _INTERRUPTED:
            at = min(at, max(self._next_interruption(), self.tick))
        return at

    def _step(self, at: int) -> None:
        while self._interventions and self._interventions[0].tick <= at:
            self._do(self._interventions.pop(0))
        self._set_faults(at)
        if self._pulse_off <= at:
            self._pulse_off = NEVER
            self._tell("pulse", on=False, count=self.pulses)
        if self._phase not in _INTERRUPTED and self._next_interruption() <= at:
            self._interrupt(at)
        if self._due <= at:
            self._take_due_step(at)

    def _take_due_step(self, at: int) -> None:
        match self._phase:
            case "preparing":
                # The first part needs a whole cycle.
                self._enter("running", at + self._cycle_length())
            case "running":
                self._make_parts(at)
            case "clearing":
                self._set_order(self._order_index + 1)
                done = self._order_at(self._order_index) is None
                self._enter("idle" if done else "preparing", NEVER if done else at + self._half())
            case "going_down":
                self._reset("plc_restart")
                self._enter("coming_up", at + self._quiet)
            case "stopped" | "coming_up":
                self._go_on(at)
            case "idle" | "halted":
                raise AssertionError(f"{self._phase} has no next step")

    def _make_parts(self, at: int) -> None:
        config = self._config
        first = self.cycles * config.parts_per_cycle
        scrap = sum(
            uniform(self._scrap_key, first + part) < config.scrap_rate
            for part in range(config.parts_per_cycle)
        )
        good = config.parts_per_cycle - scrap
        self.cycles += 1
        pulses = self.good_total // config.pulse.every_parts
        self.good_total += good
        self.scrap_total += scrap
        self._order_good += good
        self._tell(
            "parts",
            order=self.order.number,
            good=good,
            scrap=scrap,
            good_total=self.good_total,
            scrap_total=self.scrap_total,
        )
        self._good = self._count("good", self._good + good)
        self._scrap = self._count("scrap", self._scrap + scrap)
        if self.good_total // config.pulse.every_parts > pulses:
            self.pulses += 1
            self._pulse_off = at + self._pulse_high
            self._tell("pulse", on=True, count=self.pulses)
        if self.order.quantity and self._order_good >= self.order.quantity:
            self._enter("clearing", at + self._half())
        else:
            self._due = at + self._cycle_length()

    def _count(self, counter: str, value: int) -> int:
        if value >= self._modulus:
            self._tell("wrap", counter=counter)
        return value % self._modulus

    def _cycle_length(self) -> int:
        vary = 1 + self._config.jitter * (2 * uniform(self._cycle_key, self.cycles) - 1)
        ticks = max(1, self._plant.ticks(self._config.cycle_s * vary))
        self._cycle_s = float(np.float32(ticks * self._plant.tick_ms / 1000))
        return ticks

    def _half(self) -> int:
        return self._plant.ticks(self._config.setup_s / 2)

    # -- orders and counters ----------------------------------------------------------------

    def _order_at(self, index: int) -> Order | None:
        listed: list[OrderConfig] = self._config.orders
        if not listed:
            return Order(number="", quantity=0, program="")
        turn, place = divmod(index, len(listed))
        if turn and not self._config.repeats:
            return None
        order = listed[place]
        number = f"{order.number}-R{turn + 1}" if turn else order.number
        return Order(number=number, quantity=order.quantity, program=order.program)

    def _set_order(self, index: int) -> None:
        previous = self.order.number
        self._order_index = index
        self._order_good = 0
        self.order = self._order_at(index) or Order(number="", quantity=0, program="")
        self._tell("order", order=self.order.number, program=self.order.program, previous=previous)
        if index and self._config.counters.kind == "job_reset":
            self._reset("job_reset")

    def _reset(self, reason: str) -> None:
        self._tell("reset", reason=reason, good_before=self._good, scrap_before=self._scrap)
        self._good = 0
        self._scrap = 0

    # -- interruptions ----------------------------------------------------------------------

    def _next_interruption(self) -> int:
        at = self._restarts[0] if self._restarts else NEVER
        for window, until in zip(self._stops, self._stopped_until, strict=True):
            at = min(at, window.next_start(until))
        return at

    def _interrupt(self, at: int) -> None:
        if self._restarts and self._restarts[0] <= at:
            self._restarts.pop(0)
            self._hold("going_down", at, at + self._quiet)
            return
        for place, window in enumerate(self._stops):
            start = window.next_start(self._stopped_until[place])
            if start <= at:
                self._stopped_until[place] = start + 1
                # A stop that another one delayed ends with its fault, or does not happen.
                until = start + window.length
                if until > at:
                    self._hold("stopped", at, until)
                return

    def _hold(self, phase: Phase, at: int, until: int) -> None:
        remaining = NEVER if self._due == NEVER else self._due - at
        self._held.append((self._phase, remaining))
        self._enter(phase, until)

    def _go_on(self, at: int) -> None:
        phase, remaining = self._held.pop()
        self._enter(phase, NEVER if remaining == NEVER else at + remaining)

    def _enter(self, phase: Phase, due: int) -> None:
        before = self.state
        self._phase = phase
        self._due = due
        if self.state != before:
            self._tell("state", state=int(self.state))

    def _do(self, asked: Intervention) -> None:
        match asked.do:
            case "plc_restart":
                self._restarts.insert(0, asked.tick)
            case "fault":
                self._forced[asked.bit] = asked.on
            case "halt":
                if self._phase != "halted":
                    self._hold("halted", asked.tick, NEVER)
            case "resume":
                if self._phase == "halted":
                    self._go_on(asked.tick)

    # -- faults and telling ------------------------------------------------------------------

    def _next_fault_edge(self) -> int:
        return min((window.next_edge(self.tick) for window, _ in self._faults), default=NEVER)

    def _set_faults(self, at: int) -> None:
        word = 0
        for window, bit in self._faults:
            if window.holds(at):
                word |= 1 << bit
        for bit, on in self._forced.items():
            word = word | 1 << bit if on else word & ~(1 << bit)
        changed = word ^ self.fault_word
        self.fault_word = word
        for bit in range(16):
            if changed >> bit & 1:
                self._tell("fault", bit=bit, on=bool(word >> bit & 1), word=word)

    def _tell(self, what: What, **data: Scalar) -> None:
        self._number += 1
        self._told.append(
            Event(tick=self.tick, stream=self.path, number=self._number, what=what, data=data)
        )
