"""The measured values of a machine: pure functions of its key and the number of the refresh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.addresses import SPEED_FULL_SCALE
from simulators.config import ExtraConfig, MachineConfig, PlantConfig
from simulators.noise import key, triangle, uniforms

Refreshes = NDArray[np.int64]

NEVER = 1 << 62
"""A tick that does not come."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """A stretch of ticks from `start` for `length`, again every `period` (0: only once)."""

    start: int
    length: int
    period: int

    def covers(self, ticks: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of `ticks` lie inside."""
        since = ticks - self.start
        if self.period:
            inside: NDArray[np.bool_] = (since >= 0) & (since % self.period < self.length)
            return inside
        return (since >= 0) & (since < self.length)

    def holds(self, tick: int) -> bool:
        """Whether one tick lies inside."""
        since = tick - self.start
        return since >= 0 and (since % self.period if self.period else since) < self.length

    def next_start(self, since: int) -> int:
        """The first start at tick `since` or later; NEVER if there is none."""
        if since <= self.start:
            return self.start
        if not self.period:
            return NEVER
        return self.start + -(-(since - self.start) // self.period) * self.period

    def next_edge(self, after: int) -> int:
        """The first start or end later than tick `after`; NEVER if there is none."""
        if after < self.start:
            return self.start
        turn = (after - self.start) // self.period if self.period else 0
        start = self.start + turn * self.period
        if after < start + self.length:
            return start + self.length
        return start + self.period if self.period else NEVER


class Signals:
    """Noisy values of one machine. Refresh `r` is taken at tick `r * ticks_per_refresh`."""

    def __init__(self, plant: PlantConfig, path: str, machine: MachineConfig) -> None:
        self._per_refresh = plant.ticks_per_refresh
        self._minute = max(1, 60_000 // plant.analogs_every_ms)
        self._temperature = machine.temperature
        self._excursions = [
            (
                Window(
                    start=plant.ticks(e.at_s),
                    length=plant.ticks(e.for_s),
                    period=plant.ticks(e.every_s),
                ),
                e.rise,
            )
            for e in machine.temperature.excursions
        ]
        self._keys = {
            name: key(plant.seed, path, name) for name in ("temperature", "pressure", "speed", "x")
        }
        self._extra = machine.extra

    def temperature(self, refreshes: Refreshes) -> NDArray[np.float32]:
        """Degrees Celsius at each refresh, as served."""
        t = self._temperature
        noise = 2.0 * uniforms(self._keys["temperature"], refreshes) - 1.0
        value = t.base + t.drift * triangle(refreshes, self._minute) + t.noise * noise
        for window, rise in self._excursions:
            value = value + rise * window.covers(refreshes * self._per_refresh)
        return value.astype(np.float32)

    def pressure(self, refreshes: Refreshes) -> NDArray[np.float64]:
        """Bar at each refresh."""
        noise = uniforms(self._keys["pressure"], refreshes) - 0.5
        value: NDArray[np.float64] = 5.6 + 0.3 * triangle(refreshes, 2 * self._minute) + 0.1 * noise
        return value

    def speed(self, refreshes: Refreshes) -> NDArray[np.int64]:
        """Raw 12-bit speed at each refresh of a machine that runs."""
        return (2600 + 200 * uniforms(self._keys["speed"], refreshes)).astype(np.int64)

    def volume(self, refresh: int) -> list[float | int | bool]:
        """The further tags at one refresh, in the order of the address map: floats, scaled values,
        counters, bits; each differs from the refresh before (floats but for a rare chance)."""
        x: ExtraConfig = self._extra
        total = x.floats + x.scaled + x.counters + x.bits
        if not total:
            return []
        channels = np.arange(total, dtype=np.int64)
        drawn = uniforms(self._keys["x"], refresh * total + channels)
        floats = (20.0 + channels[: x.floats] + drawn[: x.floats]).astype(np.float32)
        # The lowest bit is the refresh's own, so that no scaled value repeats itself by chance.
        parity = refresh % 2
        scaled = (drawn[x.floats : x.floats + x.scaled] * (SPEED_FULL_SCALE // 2)).astype(np.int64)
        counters = (np.arange(x.counters, dtype=np.int64) * 1000 + refresh) % (1 << 32)
        bits = (np.arange(x.bits) + refresh) % 2 == 1
        values: list[float | int | bool] = floats.tolist()
        values += (scaled * 2 + parity).tolist()
        values += counters.tolist()
        values += bits.tolist()
        return values
