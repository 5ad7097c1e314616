"""How far an order is: states of operations and orders derived from facts, and their figures.

States are never stored as a truth of their own, they follow from what happened; what people decide
(release, hold, finish, close, cancel) are facts like any other. ISO 22400-2 terms: good quantity
GQ, scrap quantity SQ, produced quantity PQ = GQ + SQ, planned order quantity POQ.

- Nothing is capped: 105 of 100 is 105 %, remaining 0, over 5.
- Production of an order that nobody released shows it as in progress, never as "not started".
- Three different things are three different facts: suspended (somebody paused it, or the machine
  makes something else), held (quality says no), and an equipment that is down (no fact of the
  order).
- Finished is finished: late data move the figures of a completed order, visibly, and never its
  state; of a closed order not even the figures, they are corrections beside it.
- A quantity below zero does not exist: scrap beyond what was counted shows as `inconsistent`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from ingest_server.domain.quantities import Output, Quantities, summed


class OperationState(StrEnum):
    """Where one operation of an order is."""

    WAITING = "waiting"
    READY = "ready"
    SETUP = "setup"
    RUNNING = "running"
    SUSPENDED = "suspended"
    HELD = "held"
    COMPLETED = "completed"
    CLOSED = "closed"


class OrderState(StrEnum):
    """Where an order is. Aborted is cancelled after something was produced."""

    DRAFT = "draft"
    RELEASED = "released"
    IN_PROGRESS = "in_progress"
    HELD = "held"
    COMPLETED = "completed"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    ABORTED = "aborted"


Fact = Literal[
    "closed",  # somebody closed it: the books are shut
    "finished",  # the required quantity is there, or somebody said it is done; stays once true
    "held",  # quality hold
    "paused",  # somebody paused it
    "assigned",  # it is what the equipment makes now
    "setup",  # the equipment is being set up for it
    "started",  # something was produced or set up before
    "ready",  # the order is released and what comes before has delivered
]

OPERATION_TABLE: Final[tuple[tuple[frozenset[Fact], OperationState], ...]] = (
    (frozenset({"closed"}), OperationState.CLOSED),
    (frozenset({"finished"}), OperationState.COMPLETED),
    (frozenset({"held"}), OperationState.HELD),
    (frozenset({"paused"}), OperationState.SUSPENDED),
    (frozenset({"assigned", "setup"}), OperationState.SETUP),
    (frozenset({"assigned"}), OperationState.RUNNING),
    (frozenset({"started"}), OperationState.SUSPENDED),
    (frozenset({"ready"}), OperationState.READY),
    (frozenset(), OperationState.WAITING),
)
"""The first row whose facts all hold gives the state."""


def operation_state(facts: frozenset[Fact]) -> OperationState:
    """The state that follows from everything that is true of an operation."""
    return next(state for needed, state in OPERATION_TABLE if needed <= facts)


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPlan:
    """What was ordered: `required` good pieces (POQ) by `operations` in this order, the last
    counts.

    `completes`: whether reaching the quantity finishes an operation or only somebody's word.
    """

    order: str
    required: float
    operations: tuple[str, ...] = ("",)
    completes: Literal["quantity", "explicit"] = "quantity"


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationFacts:
    """What people and equipment said about an operation; `completed` stays once recorded."""

    operation: str = ""
    assigned: bool = False
    setup: bool = False
    paused: bool = False
    held: bool = False
    completed: bool = False
    closed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderFacts:
    """What people decided about an order, and about its operations."""

    released: bool = True
    held: bool = False
    closed: bool = False
    cancelled: bool = False
    operations: tuple[OperationFacts, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationProgress:
    """One operation: its state and its own quantities."""

    operation: str
    state: OperationState
    quantities: Quantities


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far an order is, as far as the data reach.

    `good` is what the last operation made, `scrap` what all of them wasted. `remaining` is at least
    0, `over` is what was made beyond the requirement. `percent` = 100 good / required, never
    capped, None where nothing is required. `complete_to_us`: everything before has arrived; None:
    unknown.
    """

    order: str
    state: OrderState
    required: float
    good: float
    scrap: float
    remaining: float
    over: float
    percent: float | None
    complete_to_us: int | None
    inconsistent: bool
    operations: tuple[OperationProgress, ...]


def progress(
    plan: OrderPlan,
    rows: Iterable[Output],
    *,
    facts: OrderFacts,
    complete_to_us: Sequence[int | None] = (),
) -> Progress:
    """The progress of `plan` from the quantities attributed to it.

    `rows` in any order; those of other orders are left out, those of an operation that the plan
    does not have are counted at its last one. `complete_to_us`: of every stream that feeds the
    order.
    """
    made = summed(rows, order=plan.order, operations=plan.operations)
    said = {one.operation: one for one in facts.operations}
    operations: list[OperationProgress] = []
    delivered = facts.released
    for name in plan.operations:
        own = said.get(name, OperationFacts(operation=name))
        state = operation_state(_true_of(plan, own, made[name], ready=delivered))
        operations.append(OperationProgress(operation=name, state=state, quantities=made[name]))
        delivered = delivered and made[name].good > 0
    good = operations[-1].quantities.good
    reach = [at for at in complete_to_us if at is not None]
    return Progress(
        order=plan.order,
        state=order_state(facts, operations),
        required=plan.required,
        good=good,
        scrap=sum(one.quantities.scrap for one in operations),
        remaining=max(plan.required - good, 0.0),
        over=max(good - plan.required, 0.0),
        percent=100.0 * good / plan.required if plan.required > 0 else None,
        complete_to_us=min(reach) if reach and len(reach) == len(complete_to_us) else None,
        inconsistent=any(one.quantities.inconsistent for one in operations),
        operations=tuple(operations),
    )


def _true_of(
    plan: OrderPlan, own: OperationFacts, made: Quantities, *, ready: bool
) -> frozenset[Fact]:
    reached = plan.completes == "quantity" and plan.required > 0 and made.good >= plan.required
    true: dict[Fact, bool] = {
        "closed": own.closed,
        "finished": own.completed or reached,
        "held": own.held,
        "paused": own.paused,
        "assigned": own.assigned,
        "setup": own.setup,
        "started": made.produced > 0,
        "ready": ready,
    }
    return frozenset(fact for fact, holds in true.items() if holds)


def order_state(facts: OrderFacts, operations: Sequence[OperationProgress]) -> OrderState:
    """The order's state, from what people decided and from its operations."""
    states = {one.state for one in operations}
    done = {OperationState.COMPLETED, OperationState.CLOSED}
    untouched = {OperationState.WAITING, OperationState.READY}
    produced = any(one.quantities.produced > 0 for one in operations)
    decisions: tuple[tuple[bool, OrderState], ...] = (
        (facts.cancelled and produced, OrderState.ABORTED),
        (facts.cancelled, OrderState.CANCELLED),
        (facts.closed or states == {OperationState.CLOSED}, OrderState.CLOSED),
        (states <= done, OrderState.COMPLETED),
        (facts.held, OrderState.HELD),
        (
            OperationState.HELD in states and not states & _UNDER_WAY,
            OrderState.HELD,
        ),
        (bool(states - untouched), OrderState.IN_PROGRESS),
        (not facts.released, OrderState.DRAFT),
        (True, OrderState.RELEASED),
    )
    return next(state for applies, state in decisions if applies)


_UNDER_WAY: Final = frozenset({OperationState.RUNNING, OperationState.SETUP})
