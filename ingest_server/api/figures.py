"""The figures of orders: rows of the database through the domain's rules, as answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ingest_server.api.database import Connection
from ingest_server.api.times import in_zone, zone_of
from ingest_server.domain.assignments import Assignment, Timeline, timeline
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

Place = tuple[str, str]
"""Plant and equipment."""


class Basis:
    """What the figures of some orders are made of."""

    def __init__(
        self,
        *,
        made: Mapping[str, list[dict[str, Any]]],
        feeds: Sequence[dict[str, Any]],
        now: datetime,
        running: Mapping[str, list[Place]],
    ) -> None:
        self.made = made
        self.feeds = feeds
        self.now = now
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
    running: dict[str, list[Place]] = {}
    for place, line in timelines_of(said).items():
        winner = line.said_by[-1] if line.said_by else None
        if winner is not None and winner.order is not None:
            running.setdefault(winner.order, []).append(place)
    involved = {place_of(row) for row in page}
    involved |= {place_of(row) for rows in made.values() for row in rows}
    involved |= {place for number in numbers for place in running.get(number, [])}
    feeds = await reads.rows(connection, "orders", "feeds", **columns_of(involved))
    return Basis(made=made, feeds=feeds, running=running, now=now)


def place_of(row: Mapping[str, Any]) -> Place:
    """The equipment a row is about; ids of equipment are unique in a plant only."""
    return row["plant"], row["equipment"]


def columns_of(places: Iterable[Place]) -> dict[str, list[str]]:
    """Some equipment as the parameters of a query."""
    ordered = sorted(places)
    return {
        "plant": [plant for plant, _ in ordered],
        "equipment": [equipment for _, equipment in ordered],
    }


def timelines_of(rows: Iterable[Mapping[str, Any]]) -> dict[Place, Timeline]:
    """The timeline of each equipment that rows of assignments speak of."""
    return {place: timeline(said) for place, said in said_of(rows).items()}


def said_of(rows: Iterable[Mapping[str, Any]]) -> dict[Place, list[Assignment]]:
    """What was said of each equipment that rows of assignments speak of."""
    said: dict[Place, list[Assignment]] = {}
    for row in rows:
        said.setdefault(place_of(row), []).append(_assignment(row))
    return {place: said[place] for place in sorted(said)}


def _assignment(row: Mapping[str, Any]) -> Assignment:
    return Assignment(
        equipment=row["equipment"],
        at_us=from_datetime(row["at"]),
        order=row["order_no"],
        operation=row["operation"],
        source=row["source"],
        author=row["author"],
        seq=row["assignment_id"],
        since=None if row.get("since_edge") is None else (row["since_edge"], row["since_batch"]),
    )


def figures(row: Mapping[str, Any], basis: Basis) -> dict[str, Any]:
    """The fields of `Order`."""
    number, state = row["order_no"], row["state"]
    zone_name = row["time_zone"] or "UTC"
    zone = zone_of(zone_name)
    running_on = basis.running.get(number, [])
    made = basis.made.get(number, [])
    own = {place_of(each) for each in made} | {place_of(row), *running_on}
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
        complete_to_us=_reach([feed for feed in basis.feeds if place_of(feed) in own], basis.now),
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
        "running_on": [
            equipment if plant == row["plant"] else f"{plant}/{equipment}"
            for plant, equipment in running_on
        ],
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


def _reach(feeds: Sequence[Mapping[str, Any]], now: datetime) -> list[int | None]:
    """Up to when each feed that counts is complete.

    Only edges in service count: one that is off or retired must not keep figures open for ever. If
    none of them is, nothing more is to come, so all is complete up to now.
    """
    if feeds and not any(feed["in_service"] for feed in feeds):
        return [from_datetime(now)]
    return [
        None if feed["complete_to"] is None else from_datetime(feed["complete_to"])
        for feed in feeds
        if feed["in_service"]
    ]


def _outputs(order: str, made: Iterable[Mapping[str, Any]]) -> list[Output]:
    return [
        Output(
            order=order,
            equipment="/".join(place_of(row)),
            role=row["role"],
            quantity=row["quantity"],
        )
        for row in made
    ]
