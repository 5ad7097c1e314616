"""The fleet: what edges should run, what they were asked, and what people declare of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Path
from pydantic import Field

from ingest_server.api.problems import FieldProblem, Invalid, NotFound
from ingest_server.api.shape import Answer, Ctx, Lang, Person, Query, Reason, problems
from ingest_server.api.times import Moment, in_zone, zone_of
from ingest_server.store import reads
from ingest_server.usecases import fleet
from ingest_server.usecases.fleet import NoSuchEdge
from runtime import messages
from runtime.problems import ConfigError
from wire.ids import EdgeId
from wire.records import Identity

router = APIRouter(prefix="/api/v1", tags=["edges"])

MOST_EDGES: Final = 1_000
Ended = Literal["waiting", "done", "refused", "expired", "superseded"]

PlantId = Annotated[Identity, Path(description="Plant.")]
EdgePart = Annotated[Identity, Path(description="Edge id.")]


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
        row = await _edge(connection, plant, edge)
        found = await reads.rows(
            connection, "fleet", "configs", edge_id=row["edge_id"], limit=_MOST
        )
    return PushedConfigs(items=[PushedConfig(**_config(each, _zone(row))) for each in found])


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
        row = await _edge(connection, plant, edge)
        found = await reads.row(
            connection, "fleet", "config", edge_id=row["edge_id"], version=version
        )
    if found is None:
        raise NotFound("LS-5680", edge=f"{plant}/{edge}", version=version)
    return ConfigText(text=found["text"], **_config(found, _zone(row)))


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
        await _edge(connection, plant, edge)
        await fleet.declare(
            connection, identity, body.state, by=body.by, reason=body.reason, now=context.now()
        )
        row = await _edge(connection, plant, edge)
    return Declared(
        plant=plant,
        edge=edge,
        state=row["state"],
        by=row["state_by"],
        at=in_zone(row["state_at"], _zone(row)),
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
        row = await _edge(connection, plant, edge)
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
        last_seen=in_zone(found.last_seen, _zone(row)),
        orders=found.orders,
        version=found.version,
        to_do=messages.text("LS-5687", lang=lang, edge=f"{plant}/{edge}"),
    )


@router.get(
    "/edges/{plant}/{edge}/commands",
    summary="What an edge was asked",
    operation_id="list_commands",
    responses=problems(404),
)
async def commands(context: Ctx, plant: PlantId, edge: EdgePart) -> AskedList:
    """Commands and orders sent to an edge, newest first, and what it answered."""
    async with context.database.reading() as connection:
        row = await _edge(connection, plant, edge)
        found = await reads.rows(
            connection, "fleet", "commands", edge_id=row["edge_id"], before=None, limit=_MOST
        )
    return AskedList(items=[_asked(each, _zone(row)) for each in found])


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
        row = await _edge(connection, plant, edge)
        command = await fleet.ping(
            connection, EdgeId(plant=plant, edge=edge), author=body.by, now=context.now()
        )
        found = await reads.row(connection, "fleet", "command", command_id=command)
    assert found is not None  # noqa: S101 - written in this transaction
    return _asked(found, _zone(row))


async def _edge(connection: fleet.Connection, plant: str, edge: str) -> dict[str, Any]:
    try:
        return await fleet.find(connection, EdgeId(plant=plant, edge=edge))
    except NoSuchEdge as error:
        raise NotFound("LS-6011", edge=f"{plant}/{edge}") from error


def _zone(row: Mapping[str, Any]) -> tzinfo:
    return zone_of(row["time_zone"] or "UTC")


def _config(row: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("version", "sha256", "note", "state", "sent", "size")},
        "by": row["author"],
        "at": in_zone(row["created_at"], zone),
        "ended_at": in_zone(row["ended_at"], zone),
        "code": row["code"],
        "reason": _reason(row),
    }


def _asked(row: Mapping[str, Any], zone: tzinfo) -> Asked:
    return Asked(
        command=row["command_id"],
        **{name: row[name] for name in ("kind", "subject", "body", "state", "sent")},
        by=row["author"],
        at=row["created_at"].astimezone(zone),
        expires_at=in_zone(row["expires_at"], zone),
        ended_at=in_zone(row["ended_at"], zone),
        code=row["code"],
        reason=_reason(row),
    )


def _reason(row: Mapping[str, Any]) -> str | None:
    if row["reason"] is not None or row["code"] is None:
        return None if row["reason"] is None else str(row["reason"])
    return messages.text(row["code"])
