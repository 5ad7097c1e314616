"""Which equipment needs somebody now, what happened to alarms, and acknowledging them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Path
from fastapi import Query as InQuery
from pydantic import AfterValidator, Field

from ingest_server.api.pages import Key, Paged, filters_of, newest_first
from ingest_server.api.problems import Conflict, NotFound
from ingest_server.api.shape import (
    Answer,
    Ctx,
    Listing,
    Next,
    Person,
    Query,
    Word,
    printable,
    problems,
)
from ingest_server.api.times import Instant, Moment, in_zone, zone_of
from ingest_server.domain.alarm_rules import Priority
from ingest_server.domain.alarm_states import CORE, Core, Event
from ingest_server.store import reads

router = APIRouter(prefix="/api/v1", tags=["alarms"])

Letter = Literal["A", "B", "C", "D", "E", "F", "G", "H", "I"]
_LETTERS = (
    "State by ISA-18.2: A normal, B unacknowledged, C acknowledged, D returned unacknowledged, "
    "E latched unacknowledged, F latched acknowledged, G shelved, H suppressed by design, "
    "I out of service."
)


class ActiveQuery(Listing):
    """Which alarms; all that are given have to hold."""

    plant: Word | None = Field(default=None, description="Only of this plant.")
    line: Word | None = Field(default=None, description="Only of equipment of this line.")
    equipment: Word | None = Field(default=None, description="Only of this equipment.")
    priority: Priority | None = Field(default=None, description="Only of this priority.")
    unacknowledged: bool | None = Field(
        default=None, description="true: only those nobody has acknowledged."
    )


class Alarm(Answer):
    """One raise of an alarm and what became of it."""

    occurrence: str = Field(description="Its id.")
    rule: str = Field(description="The rule it comes from.")
    bit: int | None = Field(description="Bit of the fault word; null for limits.")
    name: str = Field(description="Name of the rule for people, may be empty.")
    equipment: str = Field(description="The equipment.")
    equipment_name: str = Field(description="Its name for people, may be empty.")
    line: str | None = Field(description="Its line.")
    plant: str = Field(description="Its plant.")
    tag: str | None = Field(description="The tag it was raised from: `plant/edge/path`.")
    state: Letter = Field(description=_LETTERS)
    priority: str = Field(description="Priority, as the rule says.")
    value: float | None = Field(description="Value of the tag when it was raised.")
    raised_at: Moment = Field(description="Event time of the raise.")
    cleared_at: Moment | None = Field(description="Event time of the return; null: still active.")
    acknowledged_at: Moment | None = Field(description="When it was acknowledged.")
    acknowledged_by: str | None = Field(description="By whom.")
    learned_at: Moment = Field(description="When the server learned of it.")
    late: bool = Field(description="Whether it was learned of only after an outage.")
    provisional: bool = Field(
        description="Whether it is known from live values only; the stream will settle it."
    )
    time_zone: str = Field(description="Time zone of the plant; the times are in it.")


class Alarms(Answer):
    """A page of alarms."""

    items: list[Alarm] = Field(description="Newest raise first.")
    next: Next


class JournalQuery(Listing):
    """Which events; all that are given have to hold."""

    plant: Word | None = Field(default=None, description="Only of this plant.")
    line: Word | None = Field(default=None, description="Only of equipment of this line.")
    equipment: Word | None = Field(default=None, description="Only of this equipment.")
    rule: Word | None = Field(default=None, description="Only of this rule.")
    occurrence: Word | None = Field(default=None, description="Only of this occurrence.")
    from_: Instant | None = Field(
        default=None, alias="from", description="Not before this event time."
    )
    to: Instant | None = Field(default=None, description="Before this event time.")


class Entry(Answer):
    """Something that happened to an alarm."""

    occurrence: str = Field(description="Which raise of the alarm.")
    event: str = Field(description="What: `raised`, `cleared`, `acknowledged`, ...")
    at: Moment = Field(description="Event time; of what people did, the server's time.")
    learned_at: Moment = Field(description="When the server learned of it.")
    late: bool = Field(description="Whether it was learned of only after an outage.")
    provisional: bool = Field(description="Whether it is known from live values only.")
    by: str | None = Field(description="The person who did it.")
    value: float | None = Field(description="Value of the tag then.")
    rule: str = Field(description="The rule.")
    bit: int | None = Field(description="Bit of the fault word; null for limits.")
    name: str = Field(description="Name of the rule for people, may be empty.")
    equipment: str = Field(description="The equipment.")
    equipment_name: str = Field(description="Its name for people, may be empty.")
    line: str | None = Field(description="Its line.")
    plant: str = Field(description="Its plant.")
    tag: str | None = Field(description="The tag: `plant/edge/path`.")
    state: Letter | None = Field(description=f"State of that raise now. {_LETTERS}")
    priority: str | None = Field(description="Priority.")
    time_zone: str = Field(description="Time zone of the plant; the times are in it.")


class Journal(Answer):
    """A page of the journal."""

    items: list[Entry] = Field(description="Newest event time first.")
    next: Next


class Acknowledgement(Query):
    """Who acknowledges."""

    by: Person


_ALARMS: Final = Paged(
    name="alarms",
    topic="alarms",
    query="alarms",
    order=(
        Key(column="raised_at", param="before_ts", kind=datetime),
        Key(column="occurrence", param="before_occurrence", kind=str),
    ),
)
_JOURNAL: Final = newest_first("alarms", "journal", at="at", number="event_id", name="journal")


@router.get(
    "/alarms/active",
    summary="Alarms that need somebody",
    operation_id="list_active_alarms",
    responses=problems(),
)
async def active(context: Ctx, query: Annotated[ActiveQuery, InQuery()]) -> Alarms:
    """Every alarm that is not back to normal, however long ago it was raised."""
    async with context.database.reading() as connection:
        page = await _ALARMS.page(connection, query, occurrence=None, **filters_of(query))
    return Alarms(items=[_alarm(row) for row in page.rows], next=page.next)


@router.get(
    "/alarms/journal",
    summary="What happened to alarms",
    operation_id="list_alarm_journal",
    responses=problems(),
)
async def journal(context: Ctx, query: Annotated[JournalQuery, InQuery()]) -> Journal:
    """Raised, cleared, acknowledged: at the time it happened, and when it was learned of."""
    async with context.database.reading() as connection:
        page = await _JOURNAL.page(connection, query, **filters_of(query))
    return Journal(items=[_entry(row) for row in page.rows], next=page.next)


@router.post(
    "/alarms/{occurrence:path}/acknowledge",
    summary="Acknowledge an alarm",
    operation_id="acknowledge_alarm",
    responses=problems(400, 404, 409, 413),
)
async def acknowledge(
    context: Ctx,
    occurrence: Annotated[
        str,
        Path(min_length=1, max_length=300, description="The occurrence."),
        AfterValidator(printable),
    ],
    body: Annotated[Acknowledgement, Body()],
) -> Alarm:
    """A named person has seen it; name and time go into the journal.

    Doing it again changes nothing: the first acknowledgement stands and is given back.
    """
    async with context.database.writing() as connection:
        held = await reads.row(connection, "alarms", "hold", occurrence=occurrence)
        if held is None:
            raise NotFound("LS-6037", alarm=occurrence)
        if held["acknowledged_at"] is None:
            await reads.row(
                connection,
                "alarms",
                "acknowledge",
                occurrence=occurrence,
                at=context.now(),
                by=body.by,
                state=_acknowledged(held["state"]),
            )
        row = await reads.row(
            connection,
            "alarms",
            "alarms",
            **{**_NO_FILTER, "occurrence": occurrence},
        )
    if row is None:  # cannot be: this transaction holds it
        raise NotFound("LS-6037", alarm=occurrence)
    return _alarm(row)


_NO_FILTER: Mapping[str, Any] = {
    **dict.fromkeys(filters_of(ActiveQuery())),
    **{key.param: key.first for key in _ALARMS.order},
    "limit": 1,
}

_HIDDEN = frozenset({"G", "H", "I"})


def _acknowledged(state: str) -> str:
    """The letter after an acknowledgement; a hidden alarm (G, H, I) stays hidden."""
    if state in _HIDDEN:
        return state
    after = CORE[Core(state)][Event.ACKNOWLEDGED]
    if after is None:
        raise Conflict("LS-6038", state=state)
    return after.value[0]


def _alarm(row: Mapping[str, Any]) -> Alarm:
    zone_name = row["time_zone"] or "UTC"
    zone = zone_of(zone_name)
    return Alarm(
        occurrence=row["occurrence"],
        rule=row["rule"],
        bit=row["bit"],
        name=row["name"] or "",
        equipment=row["equipment"],
        equipment_name=row["equipment_name"] or "",
        line=row["line"],
        plant=row["plant"],
        tag=row["tag"],
        state=row["state"],
        priority=row["priority"],
        value=row["value"],
        raised_at=row["raised_at"].astimezone(zone),
        cleared_at=in_zone(row["cleared_at"], zone),
        acknowledged_at=in_zone(row["acknowledged_at"], zone),
        acknowledged_by=row["acknowledged_by"],
        learned_at=row["learned_at"].astimezone(zone),
        late=row["late"],
        provisional=row["provisional"],
        time_zone=zone_name,
    )


def _entry(row: Mapping[str, Any]) -> Entry:
    zone_name = row["time_zone"] or "UTC"
    zone = zone_of(zone_name)
    return Entry(
        occurrence=row["occurrence"],
        event=row["event"],
        at=row["at"].astimezone(zone),
        learned_at=row["learned_at"].astimezone(zone),
        late=row["late"],
        provisional=row["provisional"],
        by=row["actor"],
        value=row["value"],
        rule=row["rule"],
        bit=row["bit"],
        name=row["name"] or "",
        equipment=row["equipment"],
        equipment_name=row["equipment_name"] or "",
        line=row["line"],
        plant=row["plant"],
        tag=row["tag"],
        state=row["state"],
        priority=row["priority"],
        time_zone=zone_name,
    )
