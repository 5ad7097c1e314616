"""Tells lines what there is to do: orders released, changed, ended, as commands to their edges.

Whatever changes an order - a plan, a decision, production - what each edge should know is compared
with what it was told last; the differences become commands in the same transaction. So it may be
done at any time, as often as wanted, and an edge that is heard of later is told then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ingest_server.domain.orders import OperationFacts, OrderFacts, OrderPlan, OrderState, progress
from ingest_server.domain.quantities import Output
from ingest_server.store import dispatch as store
from ingest_server.store.dispatch import Place, Told, WorkOrder
from runtime.clock import from_datetime

if TYPE_CHECKING:
    from ingest_server.store.connection import Connection

_AT_THE_LINE: Final = frozenset({OrderState.RELEASED, OrderState.IN_PROGRESS, OrderState.HELD})
_DECIDED: Final = frozenset({OrderState.CANCELLED, OrderState.ABORTED})

Key = tuple[int, str, str, str]
"""Edge, plant, equipment, order."""


def bring_up(connection: Connection, *, plant: str | None = None, author: str, now_us: int) -> int:
    """Tell edges what is new about a plant's orders (None: all), in the caller's transaction.

    How many messages that makes. Raises StoreError.
    """
    store.take_turn(connection)
    orders = store.orders(connection, plant)
    at_the_line = open_orders(orders, store.made(connection, [one.order for one in orders]))
    wanted = wanted_at(at_the_line, store.edges_of(connection, plant))
    found = news(wanted, store.told(connection, plant), now_us=now_us)
    for one in found:
        store.tell(connection, one, author=author)
    return len(found)


def open_orders(
    orders: Iterable[WorkOrder], made: Sequence[tuple[str, str, Any, float]]
) -> list[WorkOrder]:
    """Those that lines are to know: released and not yet completed, closed or cancelled."""
    outputs: dict[str, list[Output]] = {}
    for order, equipment, role, quantity in made:
        outputs.setdefault(order, []).append(
            Output(order=order, equipment=equipment, role=role, quantity=quantity)
        )
    return [one for one in orders if _state(one, outputs.get(one.order, [])) in _AT_THE_LINE]


def _state(order: WorkOrder, outputs: Sequence[Output]) -> OrderState:
    said = order.state
    facts = OrderFacts(
        released=said != OrderState.DRAFT,
        held=said == OrderState.HELD,
        closed=said == OrderState.CLOSED,
        cancelled=said in _DECIDED,
        operations=(OperationFacts(completed=said == OrderState.COMPLETED),),
    )
    plan = OrderPlan(order=order.order, required=order.required, completes=order.completes)
    return progress(plan, outputs, facts=facts).state


def wanted_at(
    orders: Iterable[WorkOrder], edges: Mapping[Place, Sequence[int]]
) -> dict[Key, dict[str, Any]]:
    """What each edge should know. `rank`: 1 is due first at its equipment."""
    by_place: dict[Place, list[WorkOrder]] = {}
    for order in orders:
        by_place.setdefault((order.plant, order.equipment), []).append(order)
    wanted: dict[Key, dict[str, Any]] = {}
    for place, some in by_place.items():
        for rank, order in enumerate(sorted(some, key=_due_first), start=1):
            for edge_id in edges.get(place, ()):
                wanted[edge_id, *place, order.order] = _body(order, rank)
    return wanted


def _due_first(order: WorkOrder) -> tuple[bool, float, str]:
    due = order.due
    return due is None, 0.0 if due is None else due.timestamp(), order.order


def _body(order: WorkOrder, rank: int) -> dict[str, Any]:
    return {
        "order": order.order,
        "equipment": order.equipment,
        "product": order.product,
        "quantity": order.required,
        "due_us": None if order.due is None else from_datetime(order.due),
        "rank": rank,
        "note": "",
    }


def news(
    wanted: Mapping[Key, Mapping[str, Any]], told: Iterable[Told], *, now_us: int
) -> list[Told]:
    """What edges do not know yet, in the order of ranks; withdrawals first.

    Revisions follow the clock, so that they rise also above what a database that was put back to
    an older state has forgotten.
    """
    last = {(one.edge_id, one.plant, one.equipment, one.order): one for one in told}
    withdrawn = [
        _next(key, one.body, one, state="withdrawn", now_us=now_us)
        for key, one in sorted(last.items())
        if one.state == "dispatched" and key not in wanted
    ]
    dispatched = [
        _next(key, body, last.get(key), state="dispatched", now_us=now_us)
        for key, body in sorted(wanted.items(), key=lambda item: (item[1]["rank"], item[0]))
        if key not in last or not _knows(last[key], body)
    ]
    return withdrawn + dispatched


def _knows(told: Told, body: Mapping[str, Any]) -> bool:
    return told.state == "dispatched" and not told.forgotten and told.body == body


def _next(
    key: Key, body: Mapping[str, Any], before: Told | None, *, state: str, now_us: int
) -> Told:
    edge_id, plant, equipment, order = key
    risen = 1 if before is None else before.revision + 1
    return Told(
        edge_id=edge_id,
        plant=plant,
        order=order,
        equipment=equipment,
        revision=max(risen, now_us // 1_000_000),
        state=state,
        body=body,
    )
