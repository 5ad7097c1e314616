"""What is asked and answered about orders."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path
from pydantic import AfterValidator, Field

from ingest_server.api.shape import Answer, Listing, Next, Query, Word, printable
from ingest_server.api.times import Instant, Moment
from ingest_server.domain.orders import OrderState

OrderNumber = Annotated[
    str,
    Path(min_length=1, max_length=64, description="Order number.", examples=["WO-1001"]),
    AfterValidator(printable),
]


class OrdersQuery(Listing):
    """Which orders; all that are given have to hold."""

    q: Word | None = Field(default=None, description="Part of the number or the product.")
    plant: Word | None = Field(default=None, description="Only of this plant.")
    line: Word | None = Field(default=None, description="Only planned on this line.")
    equipment: Word | None = Field(default=None, description="Only planned on this equipment.")


class Order(Answer):
    """How far an order is, as far as the data reach."""

    order: str = Field(description="Order number.")
    plant: str = Field(description="Plant.")
    line: str | None = Field(description="Line it is planned on.")
    equipment: str = Field(description="Equipment it is planned on.")
    product: str = Field(description="Product, may be empty.")
    due: Moment | None = Field(description="When it is due.")
    state: OrderState = Field(description="Derived from decisions and from what was produced.")
    running_on: list[str] = Field(
        description="Equipment that makes it now; of another plant: `plant/equipment`."
    )
    required: float = Field(description="Good pieces required.")
    good: float = Field(description="Good pieces made.")
    scrap: float = Field(description="Scrap made.")
    remaining: float = Field(description="Good pieces still to make, at least 0.")
    over: float = Field(description="Good pieces beyond those required.")
    percent: float | None = Field(
        description="100 good / required, never capped; null where nothing is required."
    )
    inconsistent: bool = Field(description="More scrap was counted than pieces: look into it.")
    complete_to: Moment | None = Field(
        description="Figures hold everything up to then; null: no data of a counter yet."
    )
    time_zone: str = Field(description="Time zone of the plant; the times are in it.")


class Orders(Answer):
    """A page of orders."""

    items: list[Order] = Field(description="In the order of their numbers.")
    next: Next


class Share(Answer):
    """What one equipment's counters of one role made for the order."""

    plant: str = Field(description="Plant of the equipment.")
    equipment: str = Field(description="The equipment.")
    role: Literal["good", "scrap", "total"] = Field(description="What the counter counts.")
    quantity: float = Field(description="Pieces.")
    first: Moment = Field(description="First minute with production.")
    last: Moment = Field(description="Last minute with production.")


class Unattributed(Answer):
    """What an equipment made that belongs to no order."""

    equipment: str = Field(description="The equipment.")
    name: str = Field(description="Its name for people, may be empty.")
    plant: str = Field(description="Its plant.")
    line: str | None = Field(description="Its line.")
    role: Literal["good", "scrap", "total"] = Field(description="What the counter counts.")
    unassigned: float = Field(description="Made while nobody had named an order.")
    unallocated: float = Field(
        description="Made across a change of orders while no data came: real, but of which order "
        "nobody can say."
    )


class Feed(Answer):
    """A counter that the figures stand on."""

    plant: str = Field(description="Plant of the equipment.")
    equipment: str = Field(description="Equipment it counts for.")
    role: Literal["good", "scrap", "total"] = Field(description="What it counts.")
    tag: str = Field(description="The tag: `plant/edge/path`.")
    in_service: bool = Field(
        description="Whether its edge has to deliver; figures do not wait for one that has not."
    )
    complete_to: Moment | None = Field(description="Up to when it is complete; null: no data yet.")


class OrderDetail(Order):
    """An order with what its figures are made of."""

    made: list[Share] = Field(description="The figures by equipment and counter role.")
    feeds: list[Feed] = Field(description="The counters behind the figures.")
    not_attributed: list[Unattributed] = Field(
        description="What the same equipment made between the order's first and last minute that "
        "belongs to no order."
    )


class UnattributedQuery(Query):
    """Where and when."""

    plant: Word | None = Field(default=None, description="Only of this plant.")
    equipment: Word | None = Field(default=None, description="Only of this equipment.")
    from_: Instant | None = Field(
        default=None, alias="from", description="Begin; default: a day before `to`."
    )
    to: Instant | None = Field(default=None, description="End; default: now.")


class UnattributedList(Answer):
    """Production without an order."""

    from_: Moment = Field(alias="from", description="Begin (included, whole minutes).")
    to: Moment = Field(description="End (excluded).")
    items: list[Unattributed] = Field(description="By equipment and counter role.")


class FromTo(Answer):
    """The two readings a quantity lies between."""

    ts: Moment = Field(description="Event time of the reading.")
    value: float | None = Field(description="What the counter showed; null: no reading before.")


class CountingRule(Answer):
    """How the readings became a quantity."""

    cause: Literal["count", "wrap", "reset", "quarantine", "baseline"] = Field(
        description="`count`: it rose; `wrap`: it passed its modulus; `reset`: it began again."
    )
    kind: str | None = Field(description="Kind of the counter; null: no longer in the plan.")
    modulus: str | None = Field(description="Where it wraps, as digits.")
    factor: float = Field(description="Pieces a step.")
    discontinuous: bool = Field(
        description="Readings in between are missing: the quantity is real, its timing is not."
    )


class AssignedBy(Answer):
    """Who said that the order ran then."""

    source: Literal["plc", "scan", "explicit"] = Field(description="What kind of source.")
    author: str = Field(description="The tag or the person.")
    at: Moment = Field(description="Since when it held.")


class RecordOf(Answer):
    """The record in which the later reading came."""

    epoch: UUID = Field(description="Epoch of the stream.")
    cls: str = Field(alias="class", description="Class of the stream.")
    seq: int = Field(description="Number in the stream.")


class TraceFact(Answer):
    """A quantity of the order and where it comes from."""

    quantity: float = Field(description="Pieces.")
    role: Literal["good", "scrap", "total"] = Field(description="What the counter counts.")
    plant: str = Field(description="Plant of the equipment.")
    equipment: str = Field(description="The equipment.")
    tag: str = Field(description="The tag: `plant/edge/path`.")
    from_: FromTo = Field(alias="from", description="The reading before.")
    to: FromTo = Field(description="The reading that showed it.")
    rule: CountingRule = Field(description="How it was counted.")
    assigned_by: AssignedBy | None = Field(description="Why it is this order's.")
    record: RecordOf | None = Field(description="Where the reading came from.")


class Trace(Answer):
    """A page of the facts behind an order's figures."""

    order: str = Field(description="Order number.")
    items: list[TraceFact] = Field(
        description="In the order of time; a page may hold fewer than `limit` though more follow."
    )
    next: Next
    time_zone: str = Field(description="Time zone of the plant; the times are in it.")
