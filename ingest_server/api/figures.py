"""The figures of orders: rows of the database through the domain's rules, as answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ingest_server.api.database import Connection
from ingest_server.api.times import in_zone, zone_of
from ingest_server.domain.assignments import Assignment, timelines
from ingest_server.domain.orders import (
    OperationFacts,
    OrderFacts,
    OrderPlan,
    OrderState,
    Progress,
    progress,
)
from ingest_server.domain.quantities import Output
from ingest_server.store import reads
from runtime.clock import from_datetime, to_datetime


class Basis:
    """What the figures of some orders are made of."""

    def __init__(
        self,
        *,
        made: Mapping[str, list[dict[str, Any]]],
        feeds: Sequence[dict[str, Any]],
        running: Mapping[str, list[str]],
    ) -> None:
        self.made = made
        self.feeds = feeds
        self.running = running


async def basis_of(
    connection: Connection, page: Sequence[Mapping[str, Any]], *, now: datetime
) -> Basis:
    numbers = [row["order_no"] for row in page]
    made: dict[str, list[dict[str, Any]]] = {}
    for row in await reads.rows(
        connection, "orders", "made", runs=[f"order:{number}" for number in numbers]
    ):
        made.setdefault(row["order_no"], []).append(row)
    said = await reads.rows(connection, "orders", "running", orders=numbers, now=now)
    running: dict[str, list[str]] = {}
    for equipment, line in timelines(assignment(row) for row in said).items():
        winner = line.said_by[-1] if line.said_by else None
        if winner is not None and winner.order is not None:
            running.setdefault(winner.order, []).append(equipment)
    involved = {row["equipment"] for row in page}
    involved |= {row["equipment"] for rows in made.values() for row in rows}
    involved |= {name for number in numbers for name in running.get(number, [])}
    feeds = await reads.rows(connection, "orders", "feeds", equipment=sorted(involved))
    return Basis(made=made, feeds=feeds, running=running)


def assignment(row: Mapping[str, Any]) -> Assignment:
    """One row of assignments as the domain takes it."""
    return Assignment(
        equipment=row["equipment"],
        at_us=from_datetime(row["at"]),
        order=row["order_no"],
        operation=row["operation"],
        source=row["source"],
        author=row["author"],
        seq=row["assignment_id"],
    )


def figures(row: Mapping[str, Any], basis: Basis) -> dict[str, Any]:
    """The fields of `Order`."""
    number, state = row["order_no"], row["state"]
    zone_name = row["time_zone"] or "UTC"
    zone = zone_of(zone_name)
    running_on = basis.running.get(number, [])
    made = basis.made.get(number, [])
    own = {each["equipment"] for each in made} | {row["equipment"], *running_on}
    found: Progress = progress(
        OrderPlan(order=number, required=row["required"], completes=row["completes"]),
        _outputs(number, made),
        facts=OrderFacts(
            released=state != OrderState.DRAFT,
            held=state == OrderState.HELD,
            closed=state == OrderState.CLOSED,
            cancelled=state in (OrderState.CANCELLED, OrderState.ABORTED),
            operations=(
                OperationFacts(assigned=bool(running_on), completed=state == OrderState.COMPLETED),
            ),
        ),
        complete_to_us=[
            None if feed["complete_to"] is None else from_datetime(feed["complete_to"])
            for feed in basis.feeds
            if feed["equipment"] in own
        ],
    )
    complete_to = found.complete_to_us
    return {
        "order": number,
        "plant": row["plant"],
        "line": row["line"],
        "equipment": row["equipment"],
        "product": row["product"],
        "due": in_zone(row["due"], zone),
        "state": found.state,
        "running_on": running_on,
        "required": found.required,
        "good": found.good,
        "scrap": found.scrap,
        "remaining": found.remaining,
        "over": found.over,
        "percent": found.percent,
        "inconsistent": found.inconsistent,
        "complete_to": None if complete_to is None else to_datetime(complete_to).astimezone(zone),
        "time_zone": zone_name,
    }


def _outputs(order: str, made: Iterable[Mapping[str, Any]]) -> list[Output]:
    return [
        Output(order=order, equipment=row["equipment"], role=row["role"], quantity=row["quantity"])
        for row in made
    ]
