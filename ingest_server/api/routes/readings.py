"""History: readings of several tags in one call, as they are or in buckets, with what is missing.

Bounds of one call: MAX_TAGS tags, MAX_POINTS buckets, `most_samples` samples read for buckets. What
goes beyond is refused with the reason, never cut off silently.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Final

import orjson
from fastapi import APIRouter
from fastapi import Query as InQuery
from pydantic import Field, model_validator
from starlette.responses import Response

from ingest_server.api.cursors import MAX_CURSOR
from ingest_server.api.names import MAX_TAGS, TagName
from ingest_server.api.problems import Invalid
from ingest_server.api.series.answers import Readings
from ingest_server.api.series.buckets import fill_buckets
from ingest_server.api.series.definitions import look_at
from ingest_server.api.series.pieces import Source
from ingest_server.api.series.raw import fill_raw, place_of
from ingest_server.api.series.spans import Begins, begins_for, bucket_begins
from ingest_server.api.shape import Ctx, Query, problems
from ingest_server.api.times import (
    BucketText,
    Instant,
    ZoneName,
    bucket_width,
    iso,
    width_text,
)

router = APIRouter(prefix="/api/v1", tags=["readings"])

MAX_POINTS: Final = 20_000
MAX_RAW: Final = 10_000
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
    bucket: BucketText | None = Field(
        default=None,
        description="`raw` (default), or the width of the buckets: `500ms`, `10s`, `15m`, `2h`, "
        "`1d`. They are counted from each midnight at the plant.",
    )
    points: int | None = Field(
        default=None,
        ge=2,
        le=5_000,
        description="Instead of `bucket`, as many as a screen has columns: the readings themselves "
        "where no tag has more than that and all are kept, else at most so many buckets, of a "
        "round width. The least and the greatest of each keep every peak.",
    )
    tz: ZoneName | None = Field(
        default=None,
        description="IANA time zone of days and answers; default: the plant's (with tags of "
        "several plants, days are those of the first).",
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


def span_of(
    start: datetime | None, to: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    """From and to of a request for history. Raises Invalid where that is no span."""
    to = to or now
    start = start or to - _DEFAULT_SPAN
    if start >= to:
        raise Invalid("LS-6014", at="query.from")
    return start, to


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
    start, to = span_of(query.from_, query.to, context.now())
    async with context.database.reading() as connection:
        look = await look_at(connection, query.tag, start, to, zone_name=query.tz)
        series, zone = look.series, look.zone
        limit, following = query.limit, None
        buckets = _buckets(query, start, to, zone, len(series))
        source: Source = "raw"
        if buckets is not None:
            source, most = await fill_buckets(
                connection,
                series,
                start,
                to,
                buckets[1],
                most_samples=context.most_samples,
                stale=look.stale,
            )
            if query.points is not None and most <= query.points and look.kept_since <= start:
                # So few that a screen has room for each: they are shown as they are.
                buckets, source, limit = None, "raw", MAX_POINTS
                for frame in series.values():
                    frame["buckets"] = []
        if buckets is None:
            place = place_of(query.cursor, start, to)
            following = await fill_raw(connection, series, place, to, limit)
    width = None if buckets is None else buckets[0]
    answer = {
        "from": iso(start.astimezone(zone)),
        "to": iso(to.astimezone(zone)),
        "bucket": "raw" if width is None else width_text(width),
        "bucket_s": None if width is None else width.total_seconds(),
        "source": source,
        "series": list(series.values()),
        "gaps_more": look.gaps_more,
        "next": following,
    }
    # Built by hand and not validated again: a page may hold ten thousand readings. The tests hold
    # what comes out against the model. Times of readings are still datetimes: written by the
    # serializer they cost a twentieth of what `iso` takes, and look the same.
    body = orjson.dumps(answer, option=orjson.OPT_UTC_Z)
    return Response(body, media_type="application/json")


def _buckets(
    query: ReadingsQuery, start: datetime, to: datetime, zone: tzinfo, tags: int
) -> tuple[timedelta, Begins] | None:
    """Width and begins of the buckets asked for; None: the readings themselves."""
    most = MAX_POINTS // tags
    if query.points is None and query.bucket in (None, "raw"):
        return None
    if query.cursor is not None:
        raise Invalid("LS-6013", at="query.cursor")
    if query.points is not None:
        if query.points > most:
            raise Invalid("LS-6015", at="query.points", limit=MAX_POINTS)
        return begins_for(start, to, query.points, zone)
    width = bucket_width(query.bucket or "")
    begins = bucket_begins(start, to, width, zone, most=most)
    if begins is None:
        raise Invalid("LS-6015", at="query.bucket", limit=MAX_POINTS)
    return width, begins
