"""What the model tells about itself: one record a change, numbered without holes in its stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Scalar = int | float | str | bool | None
What = Literal["order", "parts", "pulse", "state", "reset", "wrap", "fault", "limit"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One change. `stream` is the machine's path, or a tag's path for crossings of its limit; the
    same plant gives the same `number` for the same change, however its ticks were taken.

    data by `what`:
    order: order, program, previous; parts: order, good, scrap (this cycle), good_total,
    scrap_total; pulse: on, count; state: state; reset: reason, good_before, scrap_before;
    wrap: counter; fault: bit, on, word; limit: above, value, limit.
    """

    tick: int
    stream: str
    number: int
    what: What
    data: dict[str, Scalar]
