"""Tags by name, what they are bound to, and their newest values: stored, and live."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter
from fastapi import Query as InQuery
from pydantic import Field

from ingest_server.api.names import MAX_TAGS, TagName, tag_text
from ingest_server.api.pages import Key, Paged, filters_of
from ingest_server.api.series.definitions import refuse_unknown
from ingest_server.api.shape import (
    Answer,
    Context,
    Ctx,
    Listing,
    Next,
    Query,
    Word,
    like,
    problems,
)
from ingest_server.api.times import Moment, zone_of
from ingest_server.api.values import Quality, Value, quality_of, told, value_of
from ingest_server.store import reads
from wire.dtypes import DType

router = APIRouter(prefix="/api/v1", tags=["tags"])


class TagsQuery(Listing):
    """Which tags; all that are given have to hold."""

    q: Word | None = Field(
        default=None, description="Part of the path or of the device's name, in any case."
    )
    plant: Word | None = Field(default=None, description="Only of this plant.")
    edge: Word | None = Field(default=None, description="Only of the edge with this id.")
    area: Word | None = Field(default=None, description="Only bound to equipment of this area.")
    line: Word | None = Field(default=None, description="Only bound to equipment of this line.")
    equipment: Word | None = Field(default=None, description="Only bound to this equipment.")


class LatestQuery(TagsQuery):
    """Whose latest values."""

    tag: list[TagName] = Field(
        default=[], max_length=MAX_TAGS, description="Only these: `plant/edge/path`."
    )


class Use(Answer):
    """An equipment that a tag serves."""

    equipment: str = Field(description="The equipment.")
    line: str | None = Field(description="Its line.")
    uses: list[str] = Field(
        description="What for: `counter:<role>`, `order`, `state`, `rule:<rule>`."
    )


class Tag(Answer):
    """One tag; where its definition changed, the one that spoke last."""

    tag: str = Field(description="Its name in the whole system: `plant/edge/path`.")
    plant: str = Field(description="Plant.")
    edge: str = Field(description="Edge id.")
    path: str = Field(description="Path on the edge.")
    revision: int = Field(ge=1, description="Number of the definition, from 1.")
    dtype: DType = Field(description="Data type.")
    unit: str = Field(description="Engineering unit, may be empty.")
    device: str = Field(description="Device it is read from.")
    cls: Literal["key", "bulk"] = Field(alias="class", description="Class of its stream.")
    equipment: list[Use] = Field(description="What it is bound to.")


class Tags(Answer):
    """A page of tags."""

    items: list[Tag] = Field(description="In the order of plant, edge and path.")
    next: Next


class Stored(Answer):
    """The newest stored reading."""

    ts: Moment = Field(description="Event time.")
    value: Value = Field(description="Null where there is none or its quality is bad.")
    quality: Quality = Field(description="How far to believe it.")


class Live(Answer):
    """The newest value told directly; not history, so provisional."""

    ts: Moment = Field(description="Event time.")
    value: Value = Field(description="Null where there is none or its quality is bad.")
    quality: Quality = Field(description="How far to believe it.")
    provisional: Literal[True] = Field(description="Always: it is not stored yet.")


class Latest(Answer):
    """The newest values of a tag."""

    tag: str = Field(description="`plant/edge/path`.")
    dtype: DType = Field(description="Data type.")
    unit: str = Field(description="Engineering unit, may be empty.")
    stored: Stored | None = Field(description="The newest stored one; null: none yet.")
    live: Live | None = Field(
        description="A newer one for screens; null: none, or the stored one is as new."
    )
    complete_to: Moment | None = Field(description="Up to when this tag's data is complete.")
    time_zone: str = Field(description="Time zone of the plant; the times are in it.")


class LatestValues(Answer):
    """A page of newest values."""

    items: list[Latest] = Field(description="In the order of plant, edge and path.")
    next: Next


class Equipment(Answer):
    """A machine."""

    equipment: str = Field(description="Its id.")
    name: str = Field(description="Name for people, may be empty.")
    tags: list[str] = Field(description="Tags bound to it, as `plant/edge/path`.")


class Line(Answer):
    """A line."""

    line: str = Field(description="Its id in the plant.")
    name: str = Field(description="Name for people, may be empty.")
    area: str = Field(description="Hall or department it stands in; empty: none is named.")
    equipment: list[Equipment] = Field(description="Its equipment.")


class Plant(Answer):
    """A plant."""

    plant: str = Field(description="Its id.")
    name: str = Field(description="Name for people, may be empty.")
    time_zone: str = Field(description="IANA time zone.")
    lines: list[Line] = Field(description="Its lines, by area.")


class Hierarchy(Answer):
    """All plants."""

    plants: list[Plant] = Field(description="In the order of their ids.")


class HierarchyQuery(Query):
    """Which part."""

    plant: Word | None = Field(default=None, description="Only this plant.")
    area: Word | None = Field(default=None, description="Only this area.")


@router.get(
    "/hierarchy",
    summary="Plants, areas, lines, equipment",
    operation_id="get_hierarchy",
    responses=problems(),
)
async def hierarchy(context: Ctx, query: Annotated[HierarchyQuery, InQuery()]) -> Hierarchy:
    """What the plan declares: plants, their lines, the equipment and the tags bound to it."""
    async with context.database.reading() as connection:
        found = await reads.rows(
            connection, "tags", "hierarchy", plant=query.plant, area=query.area
        )
    plants: dict[str, Plant] = {}
    lines: dict[tuple[str, str], Line] = {}
    for row in found:
        plant = plants.setdefault(
            row["plant"],
            Plant(plant=row["plant"], name=row["plant_name"], time_zone=row["time_zone"], lines=[]),
        )
        if row["line"] is None:
            continue
        key = (row["plant"], row["line"])
        if key not in lines:
            lines[key] = Line(
                line=row["line"], name=row["line_name"], area=row["area"], equipment=[]
            )
            plant.lines.append(lines[key])
        if row["equipment"] is not None:
            lines[key].equipment.append(
                Equipment(
                    equipment=row["equipment"],
                    name=row["equipment_name"],
                    tags=row["tags"] or [],
                )
            )
    return Hierarchy(plants=list(plants.values()))


_NAMES: Final = (
    Key(column="plant", param="after_plant", kind=str, first=""),
    Key(column="edge", param="after_edge", kind=str, first=""),
    Key(column="path", param="after_path", kind=str, first=""),
)
_TAGS: Final = Paged(name="tags", topic="tags", query="page", order=_NAMES)
_LATEST: Final = Paged(name="latest", topic="tags", query="page", order=_NAMES)


@router.get("/tags", summary="Find tags", operation_id="list_tags", responses=problems())
async def tags(context: Ctx, query: Annotated[TagsQuery, InQuery()]) -> Tags:
    """Tags by part of their name, edge, line or equipment."""
    async with context.database.reading() as connection:
        page = await _TAGS.page(connection, query, **_filters(query))
    return Tags(items=[_tag(row) for row in page.rows], next=page.next)


@router.get("/latest", summary="Latest values", operation_id="list_latest", responses=problems(404))
async def latest(context: Ctx, query: Annotated[LatestQuery, InQuery()]) -> LatestValues:
    """The newest stored value of each tag and, beside it and marked, a newer live one.

    A tag that is asked for by name has to be known.
    """
    async with context.database.reading() as connection:
        if query.tag:
            await refuse_unknown(connection, query.tag)
        page = await _LATEST.page(connection, query, **_filters(query))
        streams = await reads.rows(
            connection, "edges", "streams", edges=list({row["edge_id"] for row in page.rows})
        )
    complete = {(s["edge_id"], s["class"]): s["complete_to"] for s in streams}
    items = []
    for row in page.rows:
        zone_name = row["time_zone"] or "UTC"
        zone = zone_of(zone_name)
        complete_to = complete.get((row["edge_id"], row["class"]))
        items.append(
            Latest(
                tag=tag_text((row["plant"], row["edge"], row["path"])),
                dtype=row["dtype"],
                unit=row["unit"],
                stored=_stored(row, zone),
                live=_live(context, row, zone),
                complete_to=complete_to and complete_to.astimezone(zone),
                time_zone=zone_name,
            )
        )
    return LatestValues(items=items, next=page.next)


def _stored(row: Mapping[str, Any], zone: tzinfo) -> Stored | None:
    if row["ts"] is None:
        return None
    return Stored(
        ts=row["ts"].astimezone(zone),
        value=value_of(row["dtype"], row["num"], row["big"], row["txt"], row["q"]),
        quality=Quality.model_validate(quality_of(row["q"])),
    )


def _live(context: Context, row: Mapping[str, Any], zone: tzinfo) -> Live | None:
    values = context.live.latest(row["tag_ids"])
    newest = max(values.values(), key=lambda value: value.at, default=None)
    if newest is None or (row["ts"] is not None and newest.at <= row["ts"]):
        return None
    return Live(
        ts=newest.at.astimezone(zone),
        value=told(newest.value, quality=newest.quality),
        quality=Quality.model_validate(quality_of(newest.quality)),
        provisional=True,
    )


def _filters(query: TagsQuery) -> dict[str, Any]:
    found = filters_of(query)
    paths = found.pop("tag", None) or None
    return {**found, "like": like(found.pop("q")), "paths": paths}


def _tag(row: Mapping[str, Any]) -> Tag:
    return Tag.model_validate(
        {
            "tag": tag_text((row["plant"], row["edge"], row["path"])),
            "plant": row["plant"],
            "edge": row["edge"],
            "path": row["path"],
            "revision": row["revision"],
            "dtype": row["dtype"],
            "unit": row["unit"],
            "device": row["device"],
            "class": row["class"],
            "equipment": row["bound"],
        }
    )
