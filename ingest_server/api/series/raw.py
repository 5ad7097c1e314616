"""Readings as they are, a page at a time, in the order of time over all tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ingest_server.api import cursors
from ingest_server.api.database import Connection
from ingest_server.api.problems import Invalid
from ingest_server.api.times import zone_of
from ingest_server.api.values import believable, quality_of, reader_of
from ingest_server.store import reads

Place = tuple[datetime, int, int]
"""Time stamp, tag id, and how many readings of both were given already."""


def place_of(cursor: str | None, start: datetime, to: datetime) -> Place:
    """Where a page begins. Raises Invalid for a cursor that is not of this request."""
    if cursor is None:
        return start, 0, 0
    ts, tag, skip = cursors.decode(cursor, "readings", datetime, int, int)
    if not start <= ts < to or tag >= 2**31 or skip >= 2**31:
        raise Invalid("LS-6013", at="query.cursor")
    return ts, tag, skip


async def rows_from(
    connection: Connection, tags: Sequence[int], place: Place, to: datetime, limit: int
) -> tuple[list[dict[str, Any]], Place | None]:
    """One page of rows, and where the next one begins; None: that was all."""
    found = await reads.rows(
        connection,
        "readings",
        "raw",
        tags=list(tags),
        from_ts=place[0],
        to_ts=to,
        after_tag=place[1],
        skip=place[2],
        limit=limit + 1,
    )
    page = found[:limit]
    if len(found) <= limit:
        return page, None
    last = (page[-1]["ts"], page[-1]["tag_id"])
    given = sum(1 for row in page if (row["ts"], row["tag_id"]) == last)
    if last == place[:2]:
        given += place[2]
    return page, (*last, given)


async def fill_raw(
    connection: Connection,
    series: Mapping[int, dict[str, Any]],
    place: Place,
    to: datetime,
    limit: int,
) -> str | None:
    """Put one page of readings into their series; gives the cursor of the next page."""
    page, following = await rows_from(connection, list(series), place, to, limit)
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
                "ts": row["ts"].astimezone(zones[tag]),
                "value": value,
                "quality": qualities[quality],
            }
        )
    return None if following is None else cursors.encode("readings", *following)
