"""History: readings of several tags in one call, as they are or in buckets, with what is missing.

Bounds of one call: MAX_TAGS tags, MAX_POINTS buckets, `most_samples` samples read for buckets. What
goes beyond is refused with the reason, never cut off silently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter
from fastapi import Query as InQuery
from pydantic import Field, model_validator
from starlette.responses import Response

from ingest_server.api import cursors
from ingest_server.api.cursors import MAX_CURSOR
from ingest_server.api.database import Connection
from ingest_server.api.names import MAX_TAGS, TagName, parts_of, tag_text
from ingest_server.api.problems import Invalid, NotFound
from ingest_server.api.shape import Answer, Ctx, Query, problems
from ingest_server.api.times import (
    BUCKET_PATTERN,
    Instant,
    Moment,
    bucket_width,
    iso,
    local_midnight,
    width_for,
    zone_of,
)
from ingest_server.api.values import Quality, Value, believable, quality_of, reader_of
from ingest_server.store import reads
from wire.dtypes import DType
from wire.records import Cause

router = APIRouter(prefix="/api/v1", tags=["readings"])

MAX_POINTS: Final = 20_000
MAX_RAW: Final = 10_000
MAX_GAPS: Final = 2_000
_DEFAULT_SPAN: Final = timedelta(hours=1)


class ReadingsQuery(Query):
    """Which readings, and how fine."""

    tag: list[TagName] = Field(
        min_length=1, max_length=MAX_TAGS, description="Tags: `plant/edge/path`, repeated."
    )
    from_: Instant | None = Field(
        default=None,
        alias="from",
        description="Begin (included), ISO 8601 with a zone; default: an hour before `to`.",
    )
    to: Instant | None = Field(
        default=None, description="End (excluded), ISO 8601 with a zone; default: now."
    )
    bucket: str | None = Field(
        default=None,
        pattern=BUCKET_PATTERN,
        description="`raw` (default), or the width of the buckets: `500ms`, `10s`, `15m`, `2h`, "
        "`1d`. They are counted from midnight at the plant on the day of `from`.",
    )
    points: int | None = Field(
        default=None,
        ge=2,
        le=5_000,
        description="Instead of `bucket`: at most so many buckets, of a round width.",
    )
    limit: int = Field(
        default=1_000, ge=1, le=MAX_RAW, description="Raw only: most readings to give."
    )
    cursor: str | None = Field(
        default=None, max_length=MAX_CURSOR, description="Raw only: `next` of the page before."
    )

    @model_validator(mode="after")
    def _one_way(self) -> ReadingsQuery:
        if self.bucket is not None and self.points is not None:
            raise ValueError("LS-6016")
        return self


class SeriesGap(Answer):
    """A time without this tag's data, and why."""

    from_: Moment = Field(alias="from", description="Begin.")
    to: Moment | None = Field(description="End; null: it still lasts.")
    cause: Cause | str = Field(description="Why.")
    samples: int | None = Field(description="Samples lost; null: nobody knows.")
    exact: bool = Field(description="Whether span and count are known or estimated.")
    accepted: bool = Field(description="Whether a person has accepted it.")


class Point(Answer):
    """A reading."""

    ts: Moment = Field(description="Event time.")
    value: Value = Field(description="Null where there is none or its quality is bad.")
    quality: Quality = Field(description="How far to believe it.")


class Bucket(Answer):
    """A bucket with samples; those without are left out. Figures are of good samples only."""

    ts: Moment = Field(description="Begin of the bucket.")
    count: int = Field(ge=1, description="Samples, of whatever quality.")
    good: float = Field(ge=0, le=1, description="Share of good ones.")
    min: Value = Field(description="Least; null for texts, or where none was good.")
    max: Value = Field(description="Greatest; null likewise.")
    mean: float | None = Field(description="Mean of the samples; null likewise.")
    first: Value = Field(description="The first; null where none was good.")
    last: Value = Field(description="The last; null likewise.")


class Series(Answer):
    """One definition of one tag; a tag whose type or unit changed gives several."""

    tag: str = Field(description="`plant/edge/path`.")
    revision: int = Field(ge=1, description="Number of the definition, from 1.")
    dtype: DType = Field(description="Data type.")
    unit: str = Field(description="Engineering unit, may be empty.")
    time_zone: str = Field(description="Time zone of the plant; the times are in it.")
    complete_to: Moment | None = Field(
        description="Up to then everything is here or among the gaps; later data may still come."
    )
    gaps: list[SeriesGap] = Field(description="Times without data in the span, newest first.")
    readings: list[Point] = Field(description="Raw: the readings of this page; else empty.")
    buckets: list[Bucket] = Field(description="The buckets, unless raw.")


class Readings(Answer):
    """The series asked for."""

    from_: Moment = Field(alias="from", description="Begin (included).")
    to: Moment = Field(description="End (excluded).")
    bucket: str = Field(description="`raw`, or the width of the buckets.")
    bucket_s: float | None = Field(description="The same in seconds; null for raw.")
    series: list[Series] = Field(description="In the order of tags and revisions.")
    gaps_more: bool = Field(description=f"Whether more than {MAX_GAPS} gaps touch the span.")
    next: str | None = Field(
        description="Raw: cursor of the next page, in the order of time; null: that was all."
    )


@router.get(
    "/readings",
    summary="History of several tags",
    operation_id="get_readings",
    response_model=Readings,
    responses=problems(404),
)
async def readings(context: Ctx, query: Annotated[ReadingsQuery, InQuery()]) -> Response:
    """Readings in the order of time over all tags, or buckets with count, least, greatest, mean.

    Every series says which times are missing and up to when it is complete. Integers beyond
    2^53 - 1 come as texts, values of bad quality as null.
    """
    to = query.to or context.now()
    start = query.from_ or to - _DEFAULT_SPAN
    if start >= to:
        raise Invalid("LS-6014", at="query.from")
    async with context.database.reading() as connection:
        definitions = await _definitions(connection, query.tag)
        zone = zone_of(definitions[0]["time_zone"] or "UTC")
        series = await _frames(connection, definitions, start, to)
        width = _width(query, to - start, len(definitions))
        following: str | None = None
        if width is None:
            following = await _fill_raw(connection, query, series, start, to)
        else:
            origin = local_midnight(start, zone)
            await _fill_buckets(connection, series, start, to, width, origin, context.most_samples)
    more = any(frame.pop("gaps_more") for frame in series.values())
    answer = {
        "from": iso(start.astimezone(zone)),
        "to": iso(to.astimezone(zone)),
        "bucket": "raw" if width is None else query.bucket or _worded(width),
        "bucket_s": None if width is None else width.total_seconds(),
        "series": list(series.values()),
        "gaps_more": more,
        "next": following,
    }
    # Built by hand and not validated again: a page may hold ten thousand readings. The tests hold
    # what comes out against the model.
    return Response(orjson.dumps(answer), media_type="application/json")


async def _definitions(connection: Connection, tags: Sequence[str]) -> list[dict[str, Any]]:
    wanted = [parts_of(tag) for tag in dict.fromkeys(tags)]
    found = await reads.rows(
        connection,
        "readings",
        "definitions",
        plants=[parts[0] for parts in wanted],
        edges=[parts[1] for parts in wanted],
        paths=[parts[2] for parts in wanted],
    )
    known = {(row["plant"], row["edge"], row["path"]) for row in found}
    for parts in wanted:
        if parts not in known:
            raise NotFound("LS-6012", tag=tag_text(parts))
    return found


async def _frames(
    connection: Connection, definitions: Sequence[Mapping[str, Any]], start: datetime, to: datetime
) -> dict[int, dict[str, Any]]:
    """The series by tag id, without readings yet."""
    edges = list({row["edge_id"] for row in definitions})
    streams = await reads.rows(connection, "edges", "streams", edges=edges)
    complete = {(row["edge_id"], row["class"]): row["complete_to"] for row in streams}
    gaps = await reads.rows(
        connection,
        "readings",
        "gaps",
        edges=edges,
        from_ts=start,
        to_ts=to,
        limit=MAX_GAPS + 1,
    )
    frames = {}
    for row in definitions:
        zone_name = row["time_zone"] or "UTC"
        zone = zone_of(zone_name)
        complete_to = complete.get((row["edge_id"], row["class"]))
        frames[row["tag_id"]] = {
            "tag": tag_text((row["plant"], row["edge"], row["path"])),
            "revision": row["revision"],
            "dtype": row["dtype"],
            "unit": row["unit"],
            "time_zone": zone_name,
            "complete_to": complete_to and iso(complete_to.astimezone(zone)),
            "gaps": [_gap(gap, zone) for gap in gaps[:MAX_GAPS] if _concerns(gap, row)],
            "readings": [],
            "buckets": [],
            "gaps_more": len(gaps) > MAX_GAPS,
        }
    return frames


def _concerns(gap: Mapping[str, Any], tag: Mapping[str, Any]) -> bool:
    return (
        gap["edge_id"] == tag["edge_id"]
        and gap["class"] in (None, tag["class"])
        and gap["device"] in (None, "", tag["device"])
    )


def _gap(row: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    return {
        "from": iso(row["from_ts"].astimezone(zone)),
        "to": row["to_ts"] and iso(row["to_ts"].astimezone(zone)),
        "cause": row["cause"],
        "samples": row["samples"],
        "exact": row["exact"],
        "accepted": row["accepted"],
    }


def _width(query: ReadingsQuery, span: timedelta, tags: int) -> timedelta | None:
    if query.points is not None:
        width = width_for(span, query.points)
    elif query.bucket is None or query.bucket == "raw":
        return None
    else:
        width = bucket_width(query.bucket)
    if query.cursor is not None:
        raise Invalid("LS-6013", at="query.cursor")
    if (span // width + 1) * tags > MAX_POINTS:
        at = "query.points" if query.bucket is None else "query.bucket"
        raise Invalid("LS-6015", at=at, limit=MAX_POINTS)
    return width


async def _fill_raw(
    connection: Connection,
    query: ReadingsQuery,
    series: Mapping[int, dict[str, Any]],
    start: datetime,
    to: datetime,
) -> str | None:
    """Put one page of readings into their series; gives the cursor of the next page."""
    after: tuple[Any, ...] = (start, 0, 0)
    if query.cursor is not None:
        after = cursors.decode(query.cursor, "readings", datetime, int, int)
        if not start <= after[0] < to or after[1] >= 2**31 or after[2] >= 2**31:
            raise Invalid("LS-6013", at="query.cursor")
    found = await reads.rows(
        connection,
        "readings",
        "raw",
        tags=list(series),
        from_ts=after[0],
        to_ts=to,
        after_tag=after[1],
        skip=after[2],
        limit=query.limit + 1,
    )
    page = found[: query.limit]
    zones = {tag: zone_of(frame["time_zone"]) for tag, frame in series.items()}
    readers = {tag: reader_of(frame["dtype"]) for tag, frame in series.items()}
    qualities: dict[int, dict[str, object]] = {}
    for row in page:
        tag, quality = row["tag_id"], row["q"]
        if quality not in qualities:
            qualities[quality] = quality_of(quality)
        value = None
        if believable(quality):
            value = readers[tag](row["num"], row["big"], row["txt"])
        series[tag]["readings"].append(
            {
                "ts": iso(row["ts"].astimezone(zones[tag])),
                "value": value,
                "quality": qualities[quality],
            }
        )
    if len(found) <= query.limit:
        return None
    last = (page[-1]["ts"], page[-1]["tag_id"])
    given = sum(1 for row in page if (row["ts"], row["tag_id"]) == last)
    if last == (after[0], after[1]):
        given += after[2]
    return cursors.encode("readings", last[0], last[1], given)


async def _fill_buckets(
    connection: Connection,
    series: Mapping[int, dict[str, Any]],
    start: datetime,
    to: datetime,
    width: timedelta,
    origin: datetime,
    most_samples: int,
) -> None:
    most = most_samples // len(series)
    found = await reads.rows(
        connection,
        "readings",
        "bucketed",
        tags=list(series),
        wide=[frame["dtype"] == DType.U64 for frame in series.values()],
        from_ts=start,
        to_ts=to,
        width=width,
        origin=origin,
        most=most,
    )
    seen = dict.fromkeys(series, 0)
    for row in found:
        seen[row["tag_id"]] += row["samples"]
        frame = series[row["tag_id"]]
        frame["buckets"].append(_bucket(row, frame["dtype"], zone_of(frame["time_zone"])))
    if max(seen.values()) >= most:
        raise Invalid("LS-6017", at="query.from", limit=most_samples)


def _bucket(row: Mapping[str, Any], dtype: str, zone: tzinfo) -> dict[str, Any]:
    read = reader_of(dtype)
    mean = row["mean_num"] if row["mean_num"] is not None else row["mean_big"]
    return {
        "ts": iso(row["start"].astimezone(zone)),
        "count": row["samples"],
        "good": row["good"] / row["samples"],
        "min": read(row["min_num"], row["min_big"], None),
        "max": read(row["max_num"], row["max_big"], None),
        "mean": None if dtype == DType.TIME else mean,
        "first": read(row["first_num"], row["first_big"], row["first_txt"]),
        "last": read(row["last_num"], row["last_big"], row["last_txt"]),
    }


def _worded(width: timedelta) -> str:
    """The width as a request would name it; whole days beyond one as `<n>d`."""
    us = width // timedelta(microseconds=1)
    units: tuple[tuple[str, int], ...] = (
        ("d", 86_400_000_000),
        ("h", 3_600_000_000),
        ("m", 60_000_000),
        ("s", 1_000_000),
        ("ms", 1_000),
    )
    name, unit = next((name, unit) for name, unit in units if us % unit == 0)
    return f"{us // unit}{name}"
