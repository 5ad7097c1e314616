"""Whether the server is well: alive, ready, and which part is not."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from ingest_server.api.ports import State
from ingest_server.api.problems import Unavailable
from ingest_server.api.scrape import scraped
from ingest_server.api.shape import PROBLEM_REF, Answer, Context, Ctx, Lang, problems
from ingest_server.api.times import Moment
from ingest_server.store import reads
from runtime import messages
from runtime.metrics import CONTENT_TYPE

router = APIRouter(tags=["health"])

_READY_CODE = "LS-6010"
_NO_TABLES = "LS-6009"


class Alive(Answer):
    """The process answers."""

    state: Literal["ok"] = Field(description="Always `ok`.")


class BrokerPart(Answer):
    """The connection to the MQTT broker."""

    state: State = Field(
        description="`ok`, `starting`, `away`, or `not_here`: another process does this part."
    )
    since: Moment | None = Field(description="Since when it is so; null: not known.")
    code: str | None = Field(description="Code of the reason while it is away.")
    detail: str | None = Field(description="The reason in words.")
    heard_at: Moment | None = Field(
        description="When it last delivered something new; the server says something to itself "
        "every ten seconds. Null: nothing yet."
    )
    deaf: int = Field(
        ge=0,
        description="Connections given up since the start because a subscription brought nothing.",
    )


class DatabasePart(Answer):
    """The database, as this request found it."""

    state: State = Field(description="`ok` or `away`.")


class BacklogPart(Answer):
    """What is received from the broker and not yet committed."""

    state: State = Field(description="`ok` while commits keep up, `away` while they do not.")
    batches: int = Field(ge=0, description="Batches that wait.")
    oldest_s: float = Field(ge=0, description="Age of the oldest one, in seconds.")
    held: int = Field(
        ge=0,
        description="Streams that wait at their edge because this server fails on their next "
        "record: a defect, told as a notice.",
    )


class FiguresPart(Answer):
    """Counters, orders and alarms, which follow from what is stored."""

    state: Literal["ok", "behind", "unknown"] = Field(
        description="`behind`: folding failed somewhere; `unknown` while the database is away."
    )
    parked: int | None = Field(
        description="Streams stored whose figures stand still; a notice names each, "
        "`lineside-server refold` catches up."
    )


class Health(Answer):
    """Every part told apart: an edge keeps its data as long as any of them is away."""

    state: Literal["ok", "degraded"] = Field(description="`ok` if every part is.")
    at: Moment = Field(description="The server's time.")
    broker: BrokerPart = Field(description="The broker.")
    database: DatabasePart = Field(description="The database.")
    backlog: BacklogPart = Field(description="What waits between the two.")
    figures: FiguresPart = Field(description="What follows from what is stored.")


@router.get("/healthz", summary="Is the process alive?", operation_id="get_alive")
async def alive() -> Alive:
    """Answers as long as the process runs, whatever the state of broker and database.

    Needs no token. Restart the process when it does not answer.
    """
    return Alive(state="ok")


@router.get(
    "/readyz",
    summary="Can it answer questions?",
    operation_id="get_ready",
    responses={
        503: {
            "description": "The database is away.",
            "content": {"application/problem+json": {"schema": PROBLEM_REF}},
        }
    },
)
async def ready(context: Ctx) -> Alive:
    """200 while the database answers, 503 otherwise. Needs no token."""
    if not await context.database.answers():
        raise Unavailable(_READY_CODE)
    return Alive(state="ok")


@router.get(
    "/api/v1/health", summary="Broker, database and backlog told apart", operation_id="get_health"
)
async def health(context: Ctx, lang: Lang) -> Health:
    """The state of every part. Always 200; needs no token and tells no address or name."""
    broker = context.health.broker()
    backlog = context.health.backlog()
    parked = await _parked(context)
    database: State = "away" if parked is None else "ok"
    well = all(state in ("ok", "not_here") for state in (broker.state, backlog.state, database))
    well = well and not backlog.held and not parked
    return Health(
        state="ok" if well else "degraded",
        at=context.now(),
        broker=BrokerPart(
            state=broker.state,
            since=broker.since,
            code=broker.code,
            detail=messages.text(_BROKER_TEXT[broker.state], lang=lang),
            heard_at=broker.heard_at,
            deaf=broker.deaf,
        ),
        database=DatabasePart(state=database),
        backlog=BacklogPart(
            state=backlog.state,
            batches=backlog.batches,
            oldest_s=backlog.oldest_s,
            held=backlog.held,
        ),
        figures=FiguresPart(
            state="unknown" if parked is None else "behind" if parked else "ok", parked=parked
        ),
    )


async def _parked(context: Context) -> int | None:
    """How many streams are parked; None while the database does not say."""
    try:
        async with context.database.reading() as connection:
            row = await reads.row(connection, "metrics", "parked")
    except Unavailable as problem:
        if problem.code == _NO_TABLES:
            return 0
        return None
    return None if row is None else int(row["parked"])


_BROKER_TEXT = {
    "ok": "LS-6040",
    "starting": "LS-6041",
    "away": "LS-6042",
    "not_here": "LS-6043",
}


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    operation_id="get_metrics",
    response_class=Response,
    responses={
        **problems(),
        200: {
            "description": "Metrics in the Prometheus text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
)
async def metrics(context: Ctx) -> Response:
    """This process' metrics and what the database knows, for Prometheus. Needs the token."""
    own = b"" if context.metrics is None else context.metrics.render()
    return Response(own + await scraped(context.database, context.now()), media_type=CONTENT_TYPE)
