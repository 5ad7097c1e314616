"""What a counter's readings prove: one row for each quantity, reset, baseline or doubtful reading.

Columns of one length n, in stream order. Times are int64 microseconds since the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Cause(IntEnum):
    """Why a row stands; the numbers are stored and never reused."""

    COUNT = 1
    """The counter rose."""
    WRAP = 2
    """The counter passed its modulus and began again."""
    RESET = 3
    """The counter began again from nothing (PLC restart, new job); what it shows was made since."""
    QUARANTINE = 4
    """Not believable in the time passed: nothing is counted; review `before` and `value`."""
    BASELINE = 5
    """The first reading: counting starts here, nothing is counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """n rows; the quantity of a row was made after `from_us` and not after `ts_us`.

    `quantity` is raw steps times the factor (exact while both are whole and below 2^53).
    `from_us > ts_us` says that the device's clock stepped back between the two readings.
    `discontinuous`: readings in between were bad or missing, so the quantity is real and its timing
    is not.
    """

    ts_us: Int64s
    from_us: Int64s
    quantity: NDArray[np.float64]
    cause: NDArray[np.uint8]
    discontinuous: Bools
    before: Int64s
    value: Int64s

    def __len__(self) -> int:
        return len(self.ts_us)

    def take(self, rows: Bools) -> Facts:
        """Those rows where `rows`, of shape (n,), is true; itself where all are."""
        if rows.all():
            return self
        return Facts(
            ts_us=self.ts_us[rows],
            from_us=self.from_us[rows],
            quantity=self.quantity[rows],
            cause=self.cause[rows],
            discontinuous=self.discontinuous[rows],
            before=self.before[rows],
            value=self.value[rows],
        )

    def total(self) -> float:
        """The sum of all quantities."""
        return float(self.quantity.sum())


def no_facts() -> Facts:
    """Zero rows."""
    ints = np.zeros(0, dtype=np.int64)
    return Facts(
        ts_us=ints,
        from_us=ints,
        quantity=np.zeros(0, dtype=np.float64),
        cause=np.zeros(0, dtype=np.uint8),
        discontinuous=np.zeros(0, dtype=np.bool_),
        before=ints,
        value=ints,
    )


def joined(parts: Sequence[Facts]) -> Facts:
    """The rows of all parts, one after the other."""
    if not parts:
        return no_facts()
    return Facts(
        ts_us=np.concatenate([part.ts_us for part in parts]),
        from_us=np.concatenate([part.from_us for part in parts]),
        quantity=np.concatenate([part.quantity for part in parts]),
        cause=np.concatenate([part.cause for part in parts]),
        discontinuous=np.concatenate([part.discontinuous for part in parts]),
        before=np.concatenate([part.before for part in parts]),
        value=np.concatenate([part.value for part in parts]),
    )
