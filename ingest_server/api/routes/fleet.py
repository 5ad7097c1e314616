"""The fleet: what edges should run, and what they say of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Path
from pydantic import Field

from ingest_server.api.problems import FieldProblem, Invalid, NotFound
from ingest_server.api.routes.one_edge import (
    EdgePart,
    Ended,
    PlantId,
    edge_row,
    reason_of,
    zone_at,
)
from ingest_server.api.shape import Answer, Ctx, Lang, Person, Query, problems
from ingest_server.api.times import Moment, in_zone
from ingest_server.store import reads
from ingest_server.usecases import fleet
from runtime import messages
from runtime.problems import ConfigError
from wire.ids import EdgeId
from wire.records import Identity

router = APIRouter(prefix="/api/v1", tags=["edges"])

MOST_EDGES: Final = 1_000


class EdgeRef(Query):
    """An edge."""

    plant: Identity = Field(description="Plant.")
    edge: Identity = Field(description="Edge id.")


class Push(Query):
    """A configuration for one or many edges."""

    edges: list[EdgeRef] = Field(
        min_length=1, max_length=MOST_EDGES, description="Who is to run it."
    )
    text: str = Field(
        min_length=1, max_length=300_000, description="The whole of edge.yaml, without secrets."
    )
    note: str = Field(default="", max_length=500, description="What is new in it.")
    by: Person


class PushResult(Answer):
    """What became of a push to one edge."""

    plant: str = Field(description="Plant.")
    edge: str = Field(description="Edge id.")
    version: int | None = Field(description="Its version at this edge; null: not pushed.")
    code: str | None = Field(description="Code of the reason why not.")
    detail: str | None = Field(description="The reason in the language of Accept-Language.")


class PushResults(Answer):
    """One for each edge, in their order."""

    items: list[PushResult] = Field(description="Results.")


class PushedConfig(Answer):
    """A configuration pushed to an edge, and what became of it."""

    version: int = Field(description="Rises with each push to this edge.")
    sha256: str = Field(description="Hash of the text in UTF-8.")
    by: str = Field(description="Who pushed it.")
    note: str = Field(description="What was said of it.")
    at: Moment = Field(description="When.")
    state: Ended = Field(
        description="`waiting`: not answered; `done`: runs, or ran, after its trial; `refused`: "
        "not applied, or the edge went back to what it ran before; `superseded`: a later one came."
    )
    sent: int = Field(description="How often it was sent.")
    ended_at: Moment | None = Field(description="When that was known; null: it waits.")
    code: str | None = Field(description="Code of the reason where it was refused.")
    reason: str | None = Field(description="The edge's reason.")
    size: int = Field(description="Characters of the text.")


class ConfigText(PushedConfig):
    """The same with its text."""

    text: str = Field(description="The text.")


class PushedConfigs(Answer):
    """What was pushed to an edge, newest first."""

    items: list[PushedConfig] = Field(description="At most 200.")


_MOST: Final = 200


@router.post(
    "/edges/config",
    summary="Push a configuration to edges",
    operation_id="push_config",
    responses=problems(400, 413),
)
async def push(context: Ctx, lang: Lang, body: Annotated[Push, Body()]) -> PushResults:
    """Each edge checks it, tries it, and goes back by itself to what it ran before if it fails.

    A text that no edge could run (not YAML, a secret in plain sight) is refused as a whole.
    """
    edges = [EdgeId(plant=one.plant, edge=one.edge) for one in body.edges]
    try:
        async with context.database.writing() as connection:
            found = await fleet.push(
                connection,
                edges,
                body.text,
                name="text",
                author=body.by,
                note=body.note,
                now=context.now(),
            )
    except ConfigError as error:
        raise _invalid(error) from error
    return PushResults(
        items=[
            PushResult(
                plant=one.edge.plant,
                edge=one.edge.edge,
                version=one.version,
                code=one.code,
                detail=None
                if one.code is None
                else messages.text(one.code, lang=lang, **one.params),
            )
            for one in found
        ]
    )


def _invalid(error: ConfigError) -> Invalid:
    refused = Invalid("LS-6052")
    refused.errors = [
        FieldProblem(at=f"body.text:{one.line}", code=one.code, params=one.params)
        for one in error.problems
    ]
    return refused


@router.get(
    "/edges/{plant}/{edge}/config",
    summary="What was pushed to an edge",
    operation_id="list_configs",
    responses=problems(404),
)
async def configs(context: Ctx, plant: PlantId, edge: EdgePart) -> PushedConfigs:
    """Every configuration pushed to an edge, newest first, and what became of it."""
    async with context.database.reading() as connection:
        row = await edge_row(connection, plant, edge)
        found = await reads.rows(
            connection, "fleet", "configs", edge_id=row["edge_id"], limit=_MOST
        )
    return PushedConfigs(items=[PushedConfig(**_config(each, zone_at(row))) for each in found])


@router.get(
    "/edges/{plant}/{edge}/config/{version}",
    summary="A pushed configuration with its text",
    operation_id="get_config",
    responses=problems(404),
)
async def config(
    context: Ctx,
    plant: PlantId,
    edge: EdgePart,
    version: Annotated[int, Path(ge=1, le=2**31 - 1, description="Version.")],
) -> ConfigText:
    """One version, with its text."""
    async with context.database.reading() as connection:
        row = await edge_row(connection, plant, edge)
        found = await reads.row(
            connection, "fleet", "config", edge_id=row["edge_id"], version=version
        )
    if found is None:
        raise NotFound("LS-5680", edge=f"{plant}/{edge}", version=version)
    return ConfigText(text=found["text"], **_config(found, zone_at(row)))


def _config(row: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("version", "sha256", "note", "state", "sent", "size")},
        "by": row["author"],
        "at": in_zone(row["created_at"], zone),
        "ended_at": in_zone(row["ended_at"], zone),
        "code": row["code"],
        "reason": reason_of(row),
    }
