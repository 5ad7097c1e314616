"""Orders that the server dispatched to this line, as the newest it said of each.

Invariants: of each (order, equipment) the newest revision is kept, whatever the order of arrival;
at most `MOST_DISPATCHED` are dispatched at a time, and the newest `MOST_WITHDRAWN` withdrawn ones
are remembered, so that an old dispatch that comes late does not revive them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import aiosqlite

from edge_agent.buffer.queries import named

MOST_DISPATCHED: Final = 1_000
MOST_WITHDRAWN: Final = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class DispatchedOrder:
    """What there is to do at one piece of equipment."""

    order: str
    equipment: str
    revision: int
    """A later word of the server has a higher one."""
    state: Literal["dispatched", "withdrawn"]
    product: str = ""
    quantity: float | None = None
    due_us: int | None = None
    """Microseconds since the Unix epoch."""
    rank: int = 0
    """1 is due first at its equipment."""
    note: str = ""
    at_us: int = 0
    """When this edge learned it."""


async def take(db: aiosqlite.Connection, order: DispatchedOrder) -> bool:
    """Keep an order if it is newer than what is known; False: there are too many. In a transaction.

    A withdrawal always has room.
    """
    if order.state == "dispatched":
        values = {"order_no": order.order, "equipment": order.equipment}
        (others,) = await db.execute_fetchall(named()["count_other_orders"], values)
        if others[0] >= MOST_DISPATCHED:
            return False
    await db.execute(
        named()["take_order"],
        {
            "order_no": order.order,
            "equipment": order.equipment,
            "revision": order.revision,
            "state": order.state,
            "product": order.product,
            "quantity": order.quantity,
            "due_us": order.due_us,
            "rank": order.rank,
            "note": order.note,
            "at_us": order.at_us,
        },
    )
    await db.execute(named()["forget_withdrawn"], {"most": MOST_WITHDRAWN})
    return True


async def dispatched(db: aiosqlite.Connection) -> list[DispatchedOrder]:
    """What there is to do, by equipment and rank."""
    return [
        DispatchedOrder(
            order=row[0],
            equipment=row[1],
            revision=row[2],
            state="dispatched",
            product=row[3],
            quantity=row[4],
            due_us=row[5],
            rank=row[6],
            note=row[7],
            at_us=row[8],
        )
        for row in await db.execute_fetchall(named()["dispatched_orders"])
    ]
