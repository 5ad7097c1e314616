"""What late data do to an order's figures: update, restatement or correction, never in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ingest_server.domain.orders import OrderState, Progress


class Kind(StrEnum):
    """How a change of figures is shown."""

    NONE = "none"
    UPDATE = "update"
    """Work goes on, figures grow: nothing special."""
    RESTATEMENT = "restatement"
    """Finished work has other figures now; before, after and cause are kept. Its state stays."""
    CORRECTION = "correction"
    """The order is closed: its figures stay as reported, the difference stands beside them."""


KIND: Final[Mapping[OrderState, Kind]] = {
    OrderState.DRAFT: Kind.UPDATE,
    OrderState.RELEASED: Kind.UPDATE,
    OrderState.IN_PROGRESS: Kind.UPDATE,
    OrderState.HELD: Kind.UPDATE,
    OrderState.COMPLETED: Kind.RESTATEMENT,
    OrderState.CLOSED: Kind.CORRECTION,
    OrderState.CANCELLED: Kind.RESTATEMENT,
    OrderState.ABORTED: Kind.RESTATEMENT,
}
"""By the state in which the order was recorded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settlement:
    """What stands from now on, and what is written down about the change.

    `good`, `scrap`: differences after - before. `progress` is what to show and record.
    """

    kind: Kind
    progress: Progress
    before: Progress | None
    good: float = 0.0
    scrap: float = 0.0
    cause: str = ""


def settled(recorded: Progress | None, derived: Progress, *, cause: str) -> Settlement:
    """Holds newly derived progress against what was recorded before.

    Quantities that shrink below the requirement leave a completed order completed. Reopening is a
    person's decision: it clears the fact `completed` and settles against None.
    """
    if recorded is None:
        return Settlement(kind=Kind.UPDATE, progress=derived, before=None, cause=cause)
    if _same(recorded, derived):
        return Settlement(kind=Kind.NONE, progress=derived, before=recorded)
    kind = KIND[recorded.state]
    shown = derived
    if kind is Kind.CORRECTION:
        shown = replace(recorded, complete_to_us=derived.complete_to_us)
    elif kind is Kind.RESTATEMENT and derived.state not in _FINISHED:
        shown = replace(derived, state=recorded.state)
    moved = (derived.good, derived.scrap) != (recorded.good, recorded.scrap)
    if kind is not Kind.UPDATE and not moved:
        kind = Kind.UPDATE if shown.state != recorded.state else Kind.NONE
    return Settlement(
        kind=kind,
        progress=shown,
        before=recorded,
        good=derived.good - recorded.good,
        scrap=derived.scrap - recorded.scrap,
        cause=cause,
    )


_FINISHED: Final = frozenset(
    {OrderState.COMPLETED, OrderState.CLOSED, OrderState.CANCELLED, OrderState.ABORTED}
)


def _same(one: Progress, two: Progress) -> bool:
    return replace(one, complete_to_us=None) == replace(two, complete_to_us=None)
