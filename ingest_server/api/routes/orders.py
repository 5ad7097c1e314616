"""How far each work order is, what no order can be given, and the readings behind each figure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter
from fastapi import Query as InQuery

from ingest_server.api import cursors
from ingest_server.api.database import Connection
from ingest_server.api.figures import basis_of, columns_of, figures, place_of, said_of
from ingest_server.api.problems import Invalid, NotFound
from ingest_server.api.routes.order_answers import (
    Feed,
    Order,
    OrderDetail,
    OrderNumber,
    Orders,
    OrdersQuery,
    Share,
    Trace,
    TraceFact,
    Unattributed,
    UnattributedList,
    UnattributedQuery,
)
from ingest_server.api.shape import Ctx, Listing, like, problems, split
from ingest_server.api.times import in_zone, zone_of
from ingest_server.api.tracing import attributed, words_of
from ingest_server.store import reads

router = APIRouter(prefix="/api/v1", tags=["orders"])

_DAY: Final = timedelta(days=1)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@router.get("/orders", summary="Work orders", operation_id="list_orders", responses=problems())
async def orders(context: Ctx, query: Annotated[OrdersQuery, InQuery()]) -> Orders:
    """Every order with its figures, its state, and up to when they hold."""
    after = ""
    if query.cursor is not None:
        (after,) = cursors.decode(query.cursor, "orders", str)
    async with context.database.reading() as connection:
        found = await reads.rows(
            connection,
            "orders",
            "page",
            order=None,
            plant=query.plant,
            line=query.line,
            equipment=query.equipment,
            q=like(query.q),
            after=after,
            limit=query.limit + 1,
        )
        page, more = split(found, query.limit)
        basis = await basis_of(connection, page, now=context.now())
    return Orders(
        items=[Order(**figures(row, basis)) for row in page],
        next=cursors.encode("orders", page[-1]["order_no"]) if more else None,
    )


@router.get(
    "/production/unattributed",
    summary="Production without an order",
    operation_id="list_unattributed",
    responses=problems(),
)
async def unattributed(
    context: Ctx, query: Annotated[UnattributedQuery, InQuery()]
) -> UnattributedList:
    """What each equipment made while nobody named an order, or when nobody can say for which."""
    to = query.to or context.now()
    start = query.from_ or to - _DAY
    if start >= to:
        raise Invalid("LS-6014", at="query.from")
    async with context.database.reading() as connection:
        found = await reads.rows(
            connection,
            "orders",
            "not_attributed",
            from_ts=start,
            to_ts=to,
            plant=query.plant,
            equipment=query.equipment,
        )
    return UnattributedList.model_validate(
        {"from": start, "to": to, "items": [_unattributed(row) for row in found]}
    )


@router.get(
    "/orders/{order:path}/trace",
    summary="The readings behind an order's figures",
    operation_id="trace_order",
    responses=problems(404),
)
async def trace(context: Ctx, order: OrderNumber, query: Annotated[Listing, InQuery()]) -> Trace:
    """Every quantity of the order: its two readings, how it was counted, who assigned it.

    Adding up the quantities of a role gives the order's figure of that role.
    """
    after: tuple[Any, ...] = (_FIRST, 0, 0)
    if query.cursor is not None:
        after = cursors.decode(query.cursor, "trace", datetime, int, int)
        if after[1] >= 2**31 or after[2] >= 2**31:
            raise Invalid("LS-6013", at="query.cursor")
    async with context.database.reading() as connection:
        row = await _one(connection, order)
        found = await reads.rows(
            connection,
            "orders",
            "facts",
            run=f"order:{order}",
            after_ts=after[0],
            after_tag=after[1],
            skip=after[2],
            limit=query.limit + 1,
        )
        page, more = split(found, query.limit)
        said: list[dict[str, Any]] = []
        if page:
            ends = [row["ts"] for row in page] + [row["from_ts"] for row in page]
            said = await reads.rows(
                connection,
                "orders",
                "said",
                **columns_of({place_of(row) for row in page}),
                from_ts=min(ends),
                to_ts=max(ends),
            )
    following = None
    if more:
        last = (page[-1]["ts"], page[-1]["tag_id"])
        given = sum(1 for row in page if (row["ts"], row["tag_id"]) == last)
        given += after[2] if last == (after[0], after[1]) else 0
        following = cursors.encode("trace", *last, given)
    zone_name = row["time_zone"] or "UTC"
    zone = zone_of(zone_name)
    items = [
        TraceFact.model_validate(words_of(fact, found_by, zone))
        for fact, found_by in attributed(page, said_of(said), order)
    ]
    return Trace(order=order, items=items, next=following, time_zone=zone_name)


@router.get(
    "/orders/{order:path}",
    summary="One work order",
    operation_id="get_order",
    responses=problems(404),
)
async def one_order(context: Ctx, order: OrderNumber) -> OrderDetail:
    """An order, its figures by equipment, the counters behind them, and what is not attributed."""
    async with context.database.reading() as connection:
        row = await _one(connection, order)
        basis = await basis_of(connection, [row], now=context.now())
        made = basis.made.get(order, [])
        own = {place_of(each) for each in made} | {place_of(row)}
        loose: list[dict[str, Any]] = []
        if made:
            loose = await reads.rows(
                connection,
                "orders",
                "not_attributed",
                from_ts=min(each["first_minute"] for each in made),
                to_ts=max(each["last_minute"] for each in made) + timedelta(minutes=1),
                plant=None,
                equipment=None,
            )
    zone = zone_of(row["time_zone"] or "UTC")
    return OrderDetail(
        **figures(row, basis),
        made=[
            Share(
                plant=each["plant"],
                equipment=each["equipment"],
                role=each["role"],
                quantity=each["quantity"],
                first=each["first_minute"].astimezone(zone),
                last=each["last_minute"].astimezone(zone),
            )
            for each in made
        ],
        feeds=[
            Feed(
                plant=each["plant"],
                equipment=each["equipment"],
                role=each["role"],
                tag=each["tag"],
                in_service=each["in_service"],
                complete_to=in_zone(each["complete_to"], zone),
            )
            for each in basis.feeds
            if place_of(each) in own
        ],
        not_attributed=[_unattributed(each) for each in loose if place_of(each) in own],
    )


async def _one(connection: Connection, order: str) -> dict[str, Any]:
    row = await reads.row(
        connection,
        "orders",
        "page",
        order=order,
        plant=None,
        line=None,
        equipment=None,
        q=None,
        after="",
        limit=1,
    )
    if row is None:
        raise NotFound("LS-6036", order=order)
    return row


def _unattributed(row: Mapping[str, Any]) -> Unattributed:
    return Unattributed(
        equipment=row["equipment"],
        name=row["name"] or "",
        plant=row["plant"],
        line=row["line"],
        role=row["role"],
        unassigned=row["unassigned"],
        unallocated=row["unallocated"],
    )
