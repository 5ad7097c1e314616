"""Dead letters: messages that could not be used, with their bytes; taken in again, or dropped."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Body, Path
from fastapi import Query as InQuery
from pydantic import Field

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
from ingest_server.api.times import Moment, in_zone, zone_of
from ingest_server.receive.replay import CannotReplay, replay
from ingest_server.store import letters, reads
from runtime import messages

router = APIRouter(prefix="/api/v1", tags=["gaps and notices"])

_DEAD_LETTERS: Final = newest_first(
    "faults", "dead_letters", at="first_seen", number="letter_id", name="dead-letters"
)

LetterId = Annotated[
    str, Path(pattern=r"^[1-9][0-9]{0,17}$", description="Number of the dead letter.")
]


class DeadLettersQuery(EdgeListing):
    """Which dead letters; all that are given have to hold."""

    code: Word | None = Field(default=None, description="Only refused with this code.")


class DeadLetter(Answer):
    """A message that could not be used; its bytes are kept in the database."""

    id: str = Field(description="Its number on this server.")
    sha256: str = Field(description="Hash of its bytes, in hex.")
    plant: str | None = Field(description="Plant, where known.")
    edge: str | None = Field(description="Edge id, where known.")
    topic: str = Field(description="Topic it came on.")
    epoch: UUID | None = Field(description="Epoch of its stream, where readable.")
    cls: str | None = Field(alias="class", description="Class of its stream, where readable.")
    seq: int | None = Field(description="Its number in the stream, where readable.")
    code: str = Field(description="Code of the reason.")
    reason: str = Field(description="The reason in the language of Accept-Language.")
    size: int = Field(ge=0, description="Bytes.")
    first_seen: Moment = Field(description="When it first came.")
    last_seen: Moment = Field(description="When it last came.")
    seen: int = Field(ge=1, description="How often it came.")
    replayed_by: str | None = Field(description="Who had it taken in after all; null: nobody.")
    replayed_at: Moment | None = Field(description="When.")


class DeadLetterBytes(DeadLetter):
    """The same with its bytes."""

    content: str = Field(
        description="Its bytes, base64; fewer than `size` where it was too long to be a record."
    )


class DeadLetters(Answer):
    """A page of dead letters."""

    items: list[DeadLetter] = Field(description="Newest first arrival first.")
    next: Next


class Replaying(Query):
    """Who has it taken in."""

    by: Person


class Replayed(Answer):
    """What was taken in."""

    id: str = Field(description="Number of the dead letter; it stays, marked.")
    readings: int = Field(ge=0, description="Readings stored.")


class Dropping(Query):
    """Who drops it, and why."""

    by: Person
    reason: Reason


class Dropped(Answer):
    """What is gone."""

    id: str = Field(description="Number of the dead letter; it is not used again.")


@router.get(
    "/dead-letters",
    summary="Messages that could not be used",
    operation_id="list_dead_letters",
    responses=problems(),
)
async def dead_letters(
    context: Ctx, lang: Lang, query: Annotated[DeadLettersQuery, InQuery()]
) -> DeadLetters:
    """What arrived and could not be used, with the reason; their bytes stay in the database."""
    async with context.database.reading() as connection:
        page = await _DEAD_LETTERS.page(connection, query, **filters_of(query))
    return DeadLetters(
        items=[DeadLetter.model_validate(_told(row, lang)) for row in page.rows], next=page.next
    )


@router.get(
    "/dead-letters/{letter}",
    summary="A message that could not be used, with its bytes",
    operation_id="get_dead_letter",
    responses=problems(404),
)
async def dead_letter(context: Ctx, lang: Lang, letter: LetterId) -> DeadLetterBytes:
    """One of them, with its bytes."""
    async with context.database.reading() as connection:
        row = await reads.row(connection, "faults", "dead_letter", letter=int(letter))
    if row is None:
        raise NotFound("LS-6053", letter=letter)
    content = base64.b64encode(row["bytes"]).decode("ascii")
    return DeadLetterBytes.model_validate({**_told(row, lang), "content": content})


@router.post(
    "/dead-letters/{letter}/replay",
    summary="Take in a message that can be used now",
    operation_id="replay_dead_letter",
    responses=problems(400, 404, 409, 413),
)
async def take_in(context: Ctx, letter: LetterId, body: Annotated[Replaying, Body()]) -> Replayed:
    """Decoded with the release that runs now, exactly once, if its stream still waits for it.

    Otherwise 409 says why not, and nothing is changed: damaged still, stored already, or given up;
    then its time stands as a gap.
    """

    def work(dsn: str) -> int | None:
        found = letters.found(dsn, letter)
        if not found or found[0]["letter_id"] != int(letter):
            return None
        return replay(dsn, found[0], by=body.by, clock=context.clock)

    try:
        readings = await context.database.apart(work)
    except CannotReplay as error:
        raise Conflict(error.code, **error.params) from error
    if readings is None:
        raise NotFound("LS-6053", letter=letter)
    return Replayed(id=letter, readings=readings)


@router.post(
    "/dead-letters/{letter}/drop",
    summary="Drop a message that could not be used",
    operation_id="drop_dead_letter",
    responses=problems(400, 404, 413),
)
async def drop(context: Ctx, letter: LetterId, body: Annotated[Dropping, Body()]) -> Dropped:
    """Gone for good; who did it and why stands among the notices."""
    gone = await context.database.apart(
        lambda dsn: letters.drop(dsn, int(letter), by=body.by, reason=body.reason)
    )
    if not gone:
        raise NotFound("LS-6053", letter=letter)
    return Dropped(id=letter)


_AS_THEY_ARE: tuple[str, ...] = (
    *("sha256", "plant", "edge", "topic", "epoch", "seq", "code", "size", "seen"),
    "replayed_by",
)


def _told(row: Mapping[str, Any], lang: messages.Language) -> dict[str, Any]:
    zone = zone_of(row["time_zone"] or "UTC")
    return {
        **{name: row[name] for name in _AS_THEY_ARE},
        "id": str(row["letter_id"]),
        "reason": letters.reason_of(row, lang),
        "class": row["class"],
        "first_seen": row["first_seen"].astimezone(zone),
        "last_seen": row["last_seen"].astimezone(zone),
        "replayed_at": in_zone(row["replayed_at"], zone),
    }
