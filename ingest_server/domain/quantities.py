"""Quantities of an order's operations: good, scrap and total counters summed to GQ, SQ and PQ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Role = Literal["good", "scrap", "total"]

ROLES: Final[tuple[Role, ...]] = ("good", "scrap", "total")


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """A quantity that a counter of `equipment` attributed to an order; a sum or a part of one."""

    order: str
    operation: str | None = None
    equipment: str
    role: Role
    quantity: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantities:
    """GQ, SQ and PQ by ISO 22400-2. `inconsistent`: more scrap than was made at all."""

    good: float = 0.0
    scrap: float = 0.0
    produced: float = 0.0
    inconsistent: bool = False


def of_equipment(by_role: Mapping[Role, float]) -> Quantities:
    """The quantities that an equipment's counters show.

    A counter of good pieces is believed as it is; without one, good is total minus scrap, never
    below 0. Produced is the larger of the total counter and good plus scrap: both were counted.
    """
    scrap, total = by_role.get("scrap", 0.0), by_role.get("total")
    counted_good = by_role.get("good")
    good = counted_good if counted_good is not None else max((total or 0.0) - scrap, 0.0)
    inconsistent = counted_good is None and total is not None and scrap > total
    return Quantities(
        good=good,
        scrap=scrap,
        produced=max(total or 0.0, good + scrap),
        inconsistent=inconsistent,
    )


def summed(
    rows: Iterable[Output], *, order: str, operations: Sequence[str]
) -> dict[str, Quantities]:
    """For each operation the sum over its equipments; what names no known operation: the last."""
    by_equipment: dict[tuple[str, str], dict[Role, list[float]]] = {}
    for row in rows:
        if row.order != order:
            continue
        operation = row.operation if row.operation in operations else operations[-1]
        roles = by_equipment.setdefault((operation or "", row.equipment), {})
        roles.setdefault(row.role, []).append(row.quantity)
    found: dict[str, Quantities] = {name: Quantities() for name in operations}
    for (operation, _), roles in sorted(by_equipment.items(), key=lambda item: item[0]):
        # Sorted before they are added, so that arrival order does not even move the rounding.
        own = of_equipment({role: sum(sorted(parts)) for role, parts in roles.items()})
        one = found[operation]
        found[operation] = Quantities(
            good=one.good + own.good,
            scrap=one.scrap + own.scrap,
            produced=one.produced + own.produced,
            inconsistent=one.inconsistent or own.inconsistent,
        )
    return found
