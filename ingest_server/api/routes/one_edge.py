"""What the routes of one edge share: its place in the path, its row, its time zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Annotated, Any, Literal

from fastapi import Path

from ingest_server.api.problems import NotFound
from ingest_server.api.times import zone_of
from ingest_server.usecases import fleet
from ingest_server.usecases.fleet import NoSuchEdge
from runtime import messages
from wire.ids import EdgeId
from wire.records import Identity

PlantId = Annotated[Identity, Path(description="Plant.")]
EdgePart = Annotated[Identity, Path(description="Edge id.")]
Ended = Literal["waiting", "done", "refused", "expired", "superseded"]
"""What became of something that was sent."""


async def edge_row(connection: fleet.Connection, plant: str, edge: str) -> dict[str, Any]:
    """What is known of an edge. Raises NotFound."""
    try:
        return await fleet.find(connection, EdgeId(plant=plant, edge=edge))
    except NoSuchEdge as error:
        raise NotFound("LS-6011", edge=f"{plant}/{edge}") from error


def zone_at(row: Mapping[str, Any]) -> tzinfo:
    """The time zone of an edge's plant."""
    return zone_of(row["time_zone"] or "UTC")


def reason_of(row: Mapping[str, Any]) -> str | None:
    """Why something was not done, in words, from its reason or its code."""
    if row["reason"] is not None or row["code"] is None:
        return None if row["reason"] is None else str(row["reason"])
    return messages.text(row["code"])
