"""A line with many plain registers, for rates that machines with a record of each value miss.

Register `r` of a unit has, the n-th time it is read, the value `(n * A + r * B) mod 65536`; A is
odd, so that each value says which reading of its register it is, as long as there are fewer than
65,536 of them. What was handed out is therefore known from how often each register was read, and
the comparison needs neither the values nor a line for each of them. Pure but for `Handed.load`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

EDGE: Final = "line-w"
PORT_VARIABLE: Final = "LINESIDE_SIM_WIDE_PORT"
UNITS: Final = (1, 2, 3, 4)
EVERY_MS: Final = 1_000
MOST_READINGS: Final = 65_535
"""Of one register in a run: above that two of its readings have the same value."""
_A: Final = 40_503
_B: Final = 30_029
_A_INVERSE: Final = pow(_A, -1, 65_536)

ANSWER: Final = np.dtype([("at_us", "<i8"), ("unit", "<u2"), ("first", "<u2"), ("count", "<u4")])
"""One answer in the file: microseconds since the Unix epoch, `count` registers from `first`."""


def values(readings: NDArray[np.int64], first: int) -> NDArray[np.uint16]:
    """Values of successive registers from `first`; `readings`: the how-manieth each is, from 1."""
    registers = np.arange(first, first + len(readings), dtype=np.int64)
    return ((readings * _A + registers * _B) % 65_536).astype(np.uint16)


def readings_of(register: int, found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which readings of a register these values are, 0 to 65,535."""
    return (found - register * _B) * _A_INVERSE % 65_536


def registers_of(rate: float) -> int:
    """Registers of each unit, so that all of them together are `rate` readings a second."""
    return max(1, round(rate * EVERY_MS / 1_000 / len(UNITS)))


def edge_told(demo: Mapping[str, Any], data_dir: Path, registers: int) -> dict[str, Any]:
    """The configuration of the agent that reads them; `demo`: another edge's, for the rest."""
    return {
        **{name: demo[name] for name in ("plant", "broker", "buffer", "page")},
        "edge": EDGE,
        "name": "Many registers",
        "data_dir": str(data_dir),
        "devices": [
            {
                "id": f"unit-{unit}",
                "driver": "modbus-tcp",
                "host": "127.0.0.1",
                "port": "${" + PORT_VARIABLE + "}",
                "groups": [
                    {
                        "every_ms": EVERY_MS,
                        "class": "bulk",
                        "tags": [_tag(unit, register) for register in range(registers)],
                    }
                ],
            }
            for unit in UNITS
        ],
    }


def path(unit: int, register: int) -> str:
    """The tag of a register."""
    return f"{EDGE}/unit-{unit}/{register}"


def place(tag: str) -> tuple[int, int]:
    """Unit and register of a tag's path."""
    _, unit, register = tag.split("/")
    return int(unit.removeprefix("unit-")), int(register)


@dataclass(frozen=True, kw_only=True, slots=True)
class Handed:
    """The answers of a run in their order, dtype `ANSWER`."""

    answers: NDArray[np.void]

    @classmethod
    def load(cls, file: Path) -> Self:
        """What the file of answers says; a torn last one was never sent."""
        body = file.read_bytes()
        whole = len(body) // ANSWER.itemsize * ANSWER.itemsize
        return cls(answers=np.frombuffer(body[:whole], ANSWER))

    def counts(self, unit: int, registers: int, *, until_us: int) -> NDArray[np.int64]:
        """How often each of the unit's registers was read until then (exclusive)."""
        mine = self.answers[(self.answers["unit"] == unit) & (self.answers["at_us"] < until_us)]
        first, count = mine["first"].astype(np.int64), mine["count"].astype(np.int64)
        steps = np.zeros(65_537 + registers, np.int64)
        np.add.at(steps, first, 1)
        np.add.at(steps, first + count, -1)
        counts: NDArray[np.int64] = np.cumsum(steps)[:registers]
        return counts

    def when(self, unit: int, register: int) -> NDArray[np.int64]:
        """When the readings of a register were handed out, the first of them first."""
        of = self.answers
        first, end = of["first"].astype(np.int64), of["first"] + of["count"].astype(np.int64)
        found = of["at_us"][(of["unit"] == unit) & (first <= register) & (register < end)]
        when: NDArray[np.int64] = found.astype(np.int64)
        return when

    def last_us(self, unit: int) -> int:
        """When the unit answered last; 0: never."""
        return int(self.answers["at_us"][self.answers["unit"] == unit].max(initial=0))


def _tag(unit: int, register: int) -> dict[str, Any]:
    return {
        "path": path(unit, register),
        "address": f"holding:{register}",
        "dtype": "u16",
        "unit_id": unit,
    }
