"""What people declare of an edge: in service, off, retired, or on another computer."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import Field

from ingest_server.api.routes.one_edge import EdgePart, PlantId, edge_row, zone_at
from ingest_server.api.shape import Answer, Ctx, Lang, Person, Query, Reason, problems
from ingest_server.api.times import Moment, in_zone
from ingest_server.usecases import fleet
from runtime import messages
from wire.ids import EdgeId

router = APIRouter(prefix="/api/v1", tags=["edges"])


class Declaration(Query):
    """What somebody states of an edge."""

    state: fleet.State = Field(
        description="`in_service`: it has to deliver; else no figure waits for it."
    )
    by: Person
    reason: Reason


class Declared(Answer):
    """The state of an edge, and who said so."""

    plant: str = Field(description="Plant.")
    edge: str = Field(description="Edge id.")
    state: fleet.State = Field(description="What people declared.")
    by: str | None = Field(description="Who; null: nobody did.")
    at: Moment | None = Field(description="When.")
    reason: str | None = Field(description="Why.")


class Replacement(Query):
    """Who replaces an edge's computer, and why."""

    by: Person
    reason: Reason


class Replaced(Answer):
    """What was known of the computer that is replaced."""

    online: bool = Field(description="Whether it is connected: stop it before the new one starts.")
    waiting: int | None = Field(
        description="Records it had not delivered, as it last said: they come only with its "
        "buffer.db; null: not known."
    )
    last_seen: Moment | None = Field(description="When it was last heard of.")
    orders: int = Field(ge=0, description="Orders the new one is told again.")
    version: int | None = Field(
        description="Version under which it gets the wanted configuration; null: none was pushed."
    )
    to_do: str = Field(description="The steps, in the language of Accept-Language.")


@router.post(
    "/edges/{plant}/{edge}/state",
    summary="Declare an edge in service, off or retired",
    operation_id="declare_edge",
    responses=problems(400, 404, 413),
)
async def declare(
    context: Ctx, plant: PlantId, edge: EdgePart, body: Annotated[Declaration, Body()]
) -> Declared:
    """Figures do not wait for edges that are off or retired. Kept with name and reason.

    Stating what holds already changes nothing.
    """
    identity = EdgeId(plant=plant, edge=edge)
    async with context.database.writing() as connection:
        await edge_row(connection, plant, edge)
        await fleet.declare(
            connection, identity, body.state, by=body.by, reason=body.reason, now=context.now()
        )
        row = await edge_row(connection, plant, edge)
    return Declared(
        plant=plant,
        edge=edge,
        state=row["state"],
        by=row["state_by"],
        at=in_zone(row["state_at"], zone_at(row)),
        reason=row["state_reason"],
    )


@router.post(
    "/edges/{plant}/{edge}/replace",
    summary="Put another computer in an edge's place",
    operation_id="replace_edge",
    responses=problems(400, 404, 413),
)
async def replace(
    context: Ctx, lang: Lang, plant: PlantId, edge: EdgePart, body: Annotated[Replacement, Body()]
) -> Replaced:
    """Noted with name and reason; the new one gets the orders and the configuration of the old one.

    What the old one had not delivered becomes a gap when the new one starts, unless it has its
    buffer.
    """
    async with context.database.writing() as connection:
        row = await edge_row(connection, plant, edge)
        found = await fleet.replace(
            connection,
            EdgeId(plant=plant, edge=edge),
            by=body.by,
            reason=body.reason,
            now=context.now(),
        )
    return Replaced(
        online=found.online,
        waiting=found.waiting,
        last_seen=in_zone(found.last_seen, zone_at(row)),
        orders=found.orders,
        version=found.version,
        to_do=messages.text("LS-5687", lang=lang, edge=f"{plant}/{edge}"),
    )
