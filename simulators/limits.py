"""Watches the temperature a machine serves for crossings of its limit: the truth about alarms."""

from __future__ import annotations

import numpy as np

from simulators.config import MachineConfig, PlantConfig
from simulators.events import Event
from simulators.signals import Signals

_CHUNK = 1 << 16


class LimitWatch:
    """Knows the crossings until one analog refresh; asked in any steps it tells the same ones."""

    def __init__(
        self, plant: PlantConfig, path: str, machine: MachineConfig, signals: Signals
    ) -> None:
        self._stream = f"{path}/temperature"
        self._per_refresh = plant.ticks_per_refresh
        self._limit = machine.temperature.limit
        self._signals = signals
        self._refresh = -1
        self._above = False
        self._number = 0

    def crossings(self, until: int) -> list[Event]:
        """The crossings after the last refresh that was asked for, to refresh `until`."""
        told: list[Event] = []
        while self._refresh < until:
            last = min(until, self._refresh + _CHUNK)
            refreshes = np.arange(self._refresh + 1, last + 1, dtype=np.int64)
            values = self._signals.temperature(refreshes)
            above = values > self._limit
            before = np.concatenate(([self._above], above[:-1]))
            for place in np.flatnonzero(above != before).tolist():
                self._number += 1
                told.append(
                    Event(
                        tick=int(refreshes[place]) * self._per_refresh,
                        stream=self._stream,
                        number=self._number,
                        what="limit",
                        data={
                            "above": bool(above[place]),
                            "value": float(values[place]),
                            "limit": self._limit,
                        },
                    )
                )
            self._above = bool(above[-1])
            self._refresh = last
        return told
