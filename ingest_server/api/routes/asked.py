"""What edges are asked, and what they answer: commands and orders, a ping."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import Field

from ingest_server.api.routes.one_edge import (
    EdgePart,
    Ended,
    PlantId,
    edge_row,
    reason_of,
    zone_at,
)
from ingest_server.api.shape import Answer, Ctx, Person, Query, problems
from ingest_server.api.times import Moment, in_zone
from ingest_server.store import reads
from ingest_server.usecases import fleet
from wire.ids import EdgeId

router = APIRouter(prefix="/api/v1", tags=["edges"])


_MOST: Final = 200


class Asking(Query):
    """Who asks."""

    by: Person


class Asked(Answer):
    """Something an edge was asked, and what became of it."""

    command: UUID = Field(description="Its id.")
    kind: str = Field(description="What: `ping`, `order`.")
    subject: str | None = Field(description="What it is about, where that matters.")
    body: dict[str, Any] = Field(description="Arguments.")
    by: str = Field(description="Who asked.")
    at: Moment = Field(description="When.")
    expires_at: Moment | None = Field(description="Not to be started after that; null: no end.")
    state: Ended = Field(description="Each ends once.")
    sent: int = Field(description="How often it was sent.")
    ended_at: Moment | None = Field(description="When it ended; null: it waits.")
    code: str | None = Field(description="Code of the reason where it was not done.")
    reason: str | None = Field(description="The reason.")


class AskedList(Answer):
    """What an edge was asked, newest first."""

    items: list[Asked] = Field(description="At most 200.")


@router.get(
    "/edges/{plant}/{edge}/commands",
    summary="What an edge was asked",
    operation_id="list_commands",
    responses=problems(404),
)
async def commands(context: Ctx, plant: PlantId, edge: EdgePart) -> AskedList:
    """Commands and orders sent to an edge, newest first, and what it answered."""
    async with context.database.reading() as connection:
        row = await edge_row(connection, plant, edge)
        found = await reads.rows(
            connection, "fleet", "commands", edge_id=row["edge_id"], before=None, limit=_MOST
        )
    return AskedList(items=[_asked(each, zone_at(row)) for each in found])


@router.post(
    "/edges/{plant}/{edge}/ping",
    summary="Ask an edge whether it answers",
    operation_id="ping_edge",
    responses=problems(400, 404, 413),
)
async def ping(
    context: Ctx, plant: PlantId, edge: EdgePart, body: Annotated[Asking, Body()]
) -> Asked:
    """Its answer shows among the edge's commands within seconds, if it is connected."""
    async with context.database.writing() as connection:
        row = await edge_row(connection, plant, edge)
        command = await fleet.ping(
            connection, EdgeId(plant=plant, edge=edge), author=body.by, now=context.now()
        )
        found = await reads.row(connection, "fleet", "command", command_id=command)
    assert found is not None  # noqa: S101 - written in this transaction
    return _asked(found, zone_at(row))


def _asked(row: Mapping[str, Any], zone: tzinfo) -> Asked:
    return Asked(
        command=row["command_id"],
        **{name: row[name] for name in ("kind", "subject", "body", "state", "sent")},
        by=row["author"],
        at=row["created_at"].astimezone(zone),
        expires_at=in_zone(row["expires_at"], zone),
        ended_at=in_zone(row["ended_at"], zone),
        code=row["code"],
        reason=reason_of(row),
    )
