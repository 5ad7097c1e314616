"""What is missing and what the system has to tell: gaps and notices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Path
from fastapi import Query as InQuery
from pydantic import Field
from starlette.responses import Response

from ingest_server.api.pages import filters_of, newest_first
from ingest_server.api.problems import Conflict, NotFound
from ingest_server.api.shape import (
    Answer,
    Ctx,
    EdgeListing,
    Lang,
    Next,
    Person,
    Query,
    Reason,
    Word,
    problems,
)
from ingest_server.api.times import Instant, Moment, in_zone, zone_of
from ingest_server.store import reads
from ingest_server.store.rows import GapCause
from ingest_server.usecases import acceptance
from runtime import messages

router = APIRouter(prefix="/api/v1", tags=["gaps and notices"])

_GAPS: Final = newest_first("faults", "gaps", at="from_ts", number="gap_id", name="gaps")
_NOTICES: Final = newest_first("faults", "notices", at="at", number="notice_id", name="notices")


class GapsQuery(EdgeListing):
    """Which gaps; all that are given have to hold."""

    cause: GapCause | None = Field(default=None, description="Only with this cause.")
    open: bool | None = Field(default=None, description="true: only those that still last.")
    accepted: bool | None = Field(
        default=None, description="false: only those nobody has accepted."
    )
    from_: Instant | None = Field(
        default=None, alias="from", description="Only those that end after this."
    )
    to: Instant | None = Field(default=None, description="Only those that begin before this.")


class Gap(Answer):
    """A time without data, its cause, and who accepted it."""

    gap: str = Field(description="Its id on this server.")
    plant: str = Field(description="Plant.")
    edge: str = Field(description="Edge id.")
    cls: Literal["key", "bulk"] | None = Field(
        alias="class", description="Class of the data concerned; null: both."
    )
    device: str | None = Field(description="Device concerned; null: all of the edge.")
    from_: Moment = Field(alias="from", description="Begin.")
    to: Moment | None = Field(description="End; null: it still lasts.")
    samples: int | None = Field(description="Samples lost; null: nobody knows.")
    exact: bool = Field(description="Whether span and count are known or estimated.")
    cause: str = Field(description="Why.")
    detail: dict[str, Any] = Field(description="More about it.")
    noted_at: Moment = Field(description="When the server learned of it.")
    accepted_by: str | None = Field(description="Who accepted it.")
    accepted_at: Moment | None = Field(description="When.")
    reason: str | None = Field(description="Why it was accepted.")
    time_zone: str = Field(description="Time zone of the plant; the times are in it.")


class Gaps(Answer):
    """A page of gaps."""

    items: list[Gap] = Field(description="Newest begin first.")
    next: Next


class Acceptance(Query):
    """Who accepts a gap, and why."""

    by: Person
    reason: Reason


class NoticesQuery(EdgeListing):
    """Which notices; all that are given have to hold."""

    code: Word | None = Field(default=None, description="Only with this code.")
    from_: Instant | None = Field(default=None, alias="from", description="Not before this.")
    to: Instant | None = Field(default=None, description="Before this.")


class Notice(Answer):
    """Something the system or an audited deed has to tell."""

    at: Moment = Field(description="When.")
    plant: str | None = Field(description="Plant concerned.")
    edge: str | None = Field(description="Edge concerned.")
    code: str = Field(description="Stable code.")
    text: str = Field(description="In words, in the language of Accept-Language.")
    params: dict[str, Any] = Field(description="What the words were made of.")


class Notices(Answer):
    """A page of notices."""

    items: list[Notice] = Field(description="Newest first.")
    next: Next


@router.get("/gaps", summary="What is missing", operation_id="list_gaps", responses=problems())
async def gaps(context: Ctx, query: Annotated[GapsQuery, InQuery()]) -> Gaps:
    """Times without data, with their cause, and whether somebody has accepted that."""
    async with context.database.reading() as connection:
        page = await _GAPS.page(connection, query, gap=None, **filters_of(query))
    return Gaps(items=[_gap(row) for row in page.rows], next=page.next)


_NO_GAP_FILTER: Mapping[str, Any] = {
    **dict.fromkeys(filters_of(GapsQuery())),
    **{key.param: key.first for key in _GAPS.order},
    "limit": 1,
}


@router.post(
    "/gaps/{gap}/accept",
    summary="Accept a gap",
    operation_id="accept_gap",
    responses=problems(400, 404, 409, 413),
)
async def accept(
    context: Ctx,
    gap: Annotated[str, Path(pattern=r"^[1-9][0-9]{0,17}$", description="Id of the gap.")],
    body: Annotated[Acceptance, Body()],
) -> Gap:
    """A named person states that nothing more will come for this time; kept with name and reason.

    Doing it again under the same name changes nothing and gives the same answer; another name
    gets 409.
    """
    number = int(gap)
    now = context.now()
    async with context.database.writing() as connection:
        await acceptance.accept(connection, number, by=body.by, reason=body.reason, now=now)
        row = await reads.row(connection, "faults", "gaps", **{**_NO_GAP_FILTER, "gap": number})
    if row is None:
        raise NotFound("LS-6018", gap=gap)
    if row["accepted_by"] != body.by:
        raise Conflict("LS-6035", by=row["accepted_by"], at=row["accepted_at"].isoformat())
    return _gap(row)


@router.get(
    "/notices",
    summary="What the system has to tell",
    operation_id="list_notices",
    responses=problems(),
)
async def notices(
    context: Ctx, lang: Lang, response: Response, query: Annotated[NoticesQuery, InQuery()]
) -> Notices:
    """Forked edges, lost buffers, restored databases, accepted gaps: newest first, in words."""
    response.headers.update({"Content-Language": lang, "Vary": "Accept-Language"})
    async with context.database.reading() as connection:
        page = await _NOTICES.page(connection, query, **filters_of(query))
    return Notices(items=[_notice(row, lang) for row in page.rows], next=page.next)


def _notice(row: Mapping[str, Any], lang: messages.Language) -> Notice:
    return Notice(
        at=row["at"].astimezone(zone_of(row["time_zone"] or "UTC")),
        plant=row["plant"],
        edge=row["edge"],
        code=row["code"],
        text=_words(row, lang),
        params=_params(row),
    )


def _params(row: Mapping[str, Any]) -> dict[str, Any]:
    return row["params"] if isinstance(row["params"], dict) else {}


def _words(row: Mapping[str, Any], lang: messages.Language) -> str:
    named = {"plant": row["plant"], "edge": row["edge"], **_params(row)}
    # `code` and `lang` are words of the catalogue's own.
    params = {name: value for name, value in named.items() if name not in ("code", "lang")}
    return messages.text(row["code"], lang=lang, **params)


def _gap(row: Mapping[str, Any]) -> Gap:
    zone_name = row["time_zone"] or "UTC"
    zone = zone_of(zone_name)
    return Gap.model_validate(
        {
            "gap": str(row["gap_id"]),
            "plant": row["plant"],
            "edge": row["edge"],
            "class": row["class"],
            "device": row["device"],
            "from": in_zone(row["from_ts"], zone),
            "to": in_zone(row["to_ts"], zone),
            "samples": row["samples"],
            "exact": row["exact"],
            "cause": row["cause"],
            "detail": row["detail"] if isinstance(row["detail"], dict) else {},
            "noted_at": in_zone(row["noted_at"], zone),
            "accepted_by": row["accepted_by"],
            "accepted_at": in_zone(row["accepted_at"], zone),
            "reason": row["reason"],
            "time_zone": zone_name,
        }
    )
