"""The simulated plant: its state is a pure function of configuration, interventions and tick.

There is no clock in here. A tick is `config.tick_ms` of model time; whoever drives the plant says
which tick it is. Two plants with the same configuration and the same interventions tell the same
events and serve the same values at the same tick, however the ticks between were taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from simulators.config import PlantConfig
from simulators.errors import SimulatorError
from simulators.events import Event
from simulators.machine import Intervention, Machine


class Plant:
    """All machines of a plant at one tick."""

    def __init__(self, config: PlantConfig) -> None:
        self.config = config
        self.tick = -1
        self.machines = {
            machine.path: machine
            for line in config.lines
            for machine in (Machine(config, line, m) for m in line.machines)
        }

    def machine(self, path: str) -> Machine:
        """The machine at `line/machine`."""
        try:
            return self.machines[path]
        except KeyError:
            known = ", ".join(self.machines)
            raise SimulatorError("LS-7010", machine=path, known=known) from None

    def intervene(self, interventions: Iterable[Intervention]) -> None:
        """Note what is done to machines at ticks that are still to come."""
        for intervention in interventions:
            self.machine(intervention.machine).intervene(intervention)

    def advance(self, tick: int) -> list[Event]:
        """Go to `tick` (never back); gives what changed, in the order of ticks."""
        if tick < self.tick:
            raise ValueError(f"tick {tick} is past, the plant stands at {self.tick}")
        events = [event for m in self.machines.values() for event in m.advance(tick)]
        events.sort(key=attrgetter("tick"))
        self.tick = tick
        return events
