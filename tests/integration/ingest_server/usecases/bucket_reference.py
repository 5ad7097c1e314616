"""What buckets are by their definition: slow, plain Python, beside the SQL that computes them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

HELD_US: Final = 24 * 3_600_000_000


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Reading:
    """A reading of one tag; `value` None where it is not a good number."""

    ts_us: int
    batch: int
    value: float | None = None
    good: bool = True

    @property
    def place(self) -> tuple[int, int, bool, float]:
        return self.ts_us, self.batch, self.value is None, self.value or 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    """Figures of one bucket."""

    count: int
    good: float
    min: float | None
    max: float | None
    mean: float | None
    first: float | None
    last: float | None
    twa: float | None

    def agrees(self, other: Bucket) -> bool:
        return all(
            close(getattr(self, name), getattr(other, name))
            for name in ("count", "good", "min", "max", "mean", "first", "last", "twa")
        )


def close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-6)


def buckets(readings: Iterable[Reading], width_us: int) -> dict[int, Bucket]:
    """By start; each bucket for itself, from all readings there are."""
    ordered = sorted(readings, key=lambda each: each.place)
    starts = sorted({each.ts_us - each.ts_us % width_us for each in ordered})
    return {start: _bucket(ordered, start, start + width_us) for start in starts}


def _bucket(ordered: list[Reading], start: int, end: int) -> Bucket:
    inside = [each for each in ordered if start <= each.ts_us < end]
    values = [each.value for each in inside if each.value is not None]
    area = known = 0.0
    for index, each in enumerate(ordered):
        until = ordered[index + 1].ts_us if index + 1 < len(ordered) else end
        until = min(until, each.ts_us + HELD_US, end)
        seconds = (until - max(each.ts_us, start)) / 1e6
        if each.value is not None and seconds > 0:
            area += each.value * seconds
            known += seconds
    return Bucket(
        count=len(inside),
        good=sum(each.good for each in inside) / len(inside),
        min=min(values, default=None),
        max=max(values, default=None),
        mean=sum(values) / len(values) if values else None,
        first=values[0] if values else None,
        last=values[-1] if values else None,
        twa=area / known if known else None,
    )
