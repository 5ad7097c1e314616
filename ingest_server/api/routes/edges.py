"""The edges: whether they are there, and up to when each of their streams is complete."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from fastapi import Query as InQuery
from pydantic import Field

from ingest_server.api import cursors
from ingest_server.api.problems import NotFound
from ingest_server.api.shape import Answer, Context, Ctx, Listing, Next, Word, problems, split
from ingest_server.api.times import Moment, in_zone, zone_of
from ingest_server.store import reads
from ingest_server.usecases import fleet
from runtime.clock import to_datetime
from wire.records import Identity

router = APIRouter(prefix="/api/v1", tags=["edges"])


class EdgesQuery(Listing):
    """Which edges."""

    plant: Word | None = Field(default=None, description="Only those of this plant.")


class StreamState(Answer):
    """Where one class of an edge's data stands: `key` counts and alarms, `bulk` is the rest."""

    cls: Literal["key", "bulk"] = Field(alias="class", description="The class.")
    complete_to: Moment | None = Field(
        description="Everything up to then is stored or stands among the gaps; null: nothing yet."
    )
    lag_s: float | None = Field(
        description="How long ago that is, in seconds; negative if the edge's clock is ahead."
    )
    waiting: int | None = Field(
        description="Records the edge still has to deliver, as it last said; null: not known."
    )
    oldest_waiting: Moment | None = Field(description="Time of the oldest of these.")
    readings: int = Field(ge=0, description="Readings stored so far.")
    parked: bool = Field(
        description="Stored, but orders and alarms are not up to date because folding failed."
    )
    forked: bool = Field(
        description="Two machines (or an old copy of a buffer) send as this edge: look into it."
    )


class Configuration(Answer):
    """What an edge should run beside what it says it runs."""

    state: fleet.Running = Field(
        description="`none`: nothing was ever pushed; `waiting`: pushed and not answered; "
        "`running`: runs what should run; `refused`: it went back to what it ran before; "
        "`different`: it runs something else since; `unknown`: its agent does not say."
    )
    wanted_version: int | None = Field(description="Version pushed last.")
    wanted_sha256: str | None = Field(description="Hash of its text.")
    pushed_by: str | None = Field(description="Who pushed it.")
    pushed_at: Moment | None = Field(description="When.")
    code: str | None = Field(description="Code of the reason where it was refused.")
    reason: str | None = Field(description="The edge's reason.")
    running_version: int | None = Field(
        description="Version that runs; null: the edge's own file, or not known."
    )
    running_sha256: str | None = Field(description="Hash of the text that runs.")


class Edge(Answer):
    """One edge."""

    plant: str = Field(description="Plant.")
    edge: str = Field(description="Edge id, unique in the plant.")
    name: str = Field(description="Name for people, may be empty.")
    state: Literal["in_service", "planned_off", "retired"] = Field(
        description="What people declared."
    )
    state_by: str | None = Field(description="Who declared it; null: nobody did.")
    state_at: Moment | None = Field(description="When.")
    state_reason: str | None = Field(description="Why.")
    configuration: Configuration = Field(description="What it should run and what it runs.")
    online: bool = Field(description="Whether it is connected to the broker.")
    first_seen: Moment = Field(description="When it was first heard of.")
    last_seen: Moment | None = Field(description="When it was last heard of.")
    agent: str = Field(description="Release of its agent, as it last said.")
    clock_offset_s: float | None = Field(
        description="Server clock minus edge clock as the edge estimates it, in seconds."
    )
    gaps_open: int = Field(ge=0, description="Gaps that still last.")
    gaps_not_accepted: int = Field(ge=0, description="Gaps that nobody has accepted.")
    streams: list[StreamState] = Field(description="One for each class heard of.")
    time_zone: str = Field(description="Time zone of the plant; all times here are in it.")


class Edges(Answer):
    """A page of edges."""

    items: list[Edge] = Field(description="In the order of plant and edge.")
    next: Next


@router.get("/edges", summary="All edges", operation_id="list_edges", responses=problems())
async def edges(context: Ctx, query: Annotated[EdgesQuery, InQuery()]) -> Edges:
    """State, last seen, lag, open gaps and the completeness of each stream of every edge."""
    after: tuple[Any, ...] = ("", "")
    if query.cursor is not None:
        after = cursors.decode(query.cursor, "edges", str, str)
    items, more = await _edges(
        context, plant=query.plant, edge=None, after=after, limit=query.limit
    )
    last = items[-1] if more else None
    return Edges(
        items=items,
        next=None if last is None else cursors.encode("edges", last.plant, last.edge),
    )


@router.get(
    "/edges/{plant}/{edge}",
    summary="One edge",
    operation_id="get_edge",
    responses=problems(404),
)
async def one_edge(
    context: Ctx,
    plant: Annotated[Identity, Path(description="Plant.")],
    edge: Annotated[Identity, Path(description="Edge id.")],
) -> Edge:
    """The same as in the list, for one edge."""
    items, _ = await _edges(context, plant=plant, edge=edge, after=("", ""), limit=1)
    if not items:
        raise NotFound("LS-6011", edge=f"{plant}/{edge}")
    return items[0]


async def _edges(
    context: Context, *, plant: str | None, edge: str | None, after: tuple[Any, ...], limit: int
) -> tuple[list[Edge], bool]:
    async with context.database.reading() as connection:
        found = await reads.rows(
            connection,
            "edges",
            "page",
            plant=plant,
            edge=edge,
            after_plant=after[0],
            after_edge=after[1],
            limit=limit + 1,
        )
        page, more = split(found, limit)
        streams = await reads.rows(
            connection, "edges", "streams", edges=[row["edge_id"] for row in page]
        )
        wanted = {
            row["edge_id"]: row
            for row in await reads.rows(
                connection, "fleet", "wanted", edges=[row["edge_id"] for row in page]
            )
        }
    now = context.now()
    return [
        _edge(
            row,
            [s for s in streams if s["edge_id"] == row["edge_id"]],
            wanted.get(row["edge_id"]),
            now,
        )
        for row in page
    ], more


def _edge(
    row: Mapping[str, Any],
    streams: list[dict[str, Any]],
    wanted: Mapping[str, Any] | None,
    now: datetime,
) -> Edge:
    zone_name = row["time_zone"] or "UTC"
    zone = zone_of(zone_name)
    status = row["status"] if isinstance(row["status"], dict) else {}
    offset_us = status.get("offset_us")
    return Edge(
        plant=row["plant"],
        edge=row["edge"],
        name=row["name"],
        state=row["state"],
        state_by=row["state_by"],
        state_at=in_zone(row["state_at"], zone),
        state_reason=row["state_reason"],
        configuration=_configuration(wanted, status, zone),
        online=row["online"],
        first_seen=row["first_seen"].astimezone(zone),
        last_seen=in_zone(row["last_seen"], zone),
        agent=str(status.get("agent") or ""),
        clock_offset_s=offset_us / 1e6 if isinstance(offset_us, int) else None,
        gaps_open=row["gaps_open"],
        gaps_not_accepted=row["gaps_not_accepted"],
        streams=[_stream(stream, status, zone, now) for stream in streams],
        time_zone=zone_name,
    )


def _configuration(
    wanted: Mapping[str, Any] | None, status: Mapping[str, Any], zone: tzinfo
) -> Configuration:
    row = wanted or {}
    return Configuration(
        state=fleet.running(wanted, status),
        wanted_version=row.get("version"),
        wanted_sha256=row.get("sha256"),
        pushed_by=row.get("author"),
        pushed_at=in_zone(row.get("created_at"), zone),
        code=row.get("code"),
        reason=row.get("reason"),
        running_version=status.get("config_version"),
        running_sha256=status.get("config_sha256"),
    )


def _stream(
    row: Mapping[str, Any], status: Mapping[str, Any], zone: tzinfo, now: datetime
) -> StreamState:
    complete_to = row["complete_to"]
    said = [
        each
        for each in status.get("streams") or []
        if isinstance(each, dict) and each.get("cls") == row["class"]
    ]
    oldest = [
        each["from_us"]
        for each in said
        if isinstance(each.get("from_us"), int) and _waits(each) > 0
    ]
    return StreamState.model_validate(
        {
            "class": row["class"],
            "complete_to": in_zone(complete_to, zone),
            "lag_s": None if complete_to is None else (now - complete_to).total_seconds(),
            "waiting": sum(_waits(each) for each in said) if said else None,
            "oldest_waiting": to_datetime(min(oldest)).astimezone(zone) if oldest else None,
            "readings": row["rows"],
            "parked": row["parked"],
            "forked": row["forked"],
        }
    )


def _waits(stream: Mapping[str, Any]) -> int:
    last, acked = stream.get("last_seq"), stream.get("acked")
    return max(last - acked, 0) if isinstance(last, int) and isinstance(acked, int) else 0
