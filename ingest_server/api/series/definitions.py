"""The definitions behind tags' names, and the frame of each series: gaps, complete to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from ingest_server.api.database import Connection
from ingest_server.api.names import parts_of, tag_text
from ingest_server.api.problems import NotFound
from ingest_server.api.series.answers import MAX_GAPS
from ingest_server.api.times import iso, zone_of
from ingest_server.store import reads


async def definitions_of(connection: Connection, tags: Sequence[str]) -> list[dict[str, Any]]:
    """Every definition of these tags, in their order. Raises NotFound for the first unknown one."""
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


async def frames_of(
    connection: Connection,
    definitions: Sequence[Mapping[str, Any]],
    start: datetime,
    to: datetime,
    *,
    zone_name: str | None,
) -> tuple[dict[int, dict[str, Any]], bool]:
    """The series by tag id, without readings yet; and whether there are more gaps than told.

    `zone_name` is the zone of all times; default: that of each tag's plant.
    """
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
        named = zone_name or row["time_zone"] or "UTC"
        zone = zone_of(named)
        complete_to = complete.get((row["edge_id"], row["class"]))
        frames[row["tag_id"]] = {
            "tag": tag_text((row["plant"], row["edge"], row["path"])),
            "revision": row["revision"],
            "dtype": row["dtype"],
            "unit": row["unit"],
            "time_zone": named,
            "complete_to": complete_to and iso(complete_to.astimezone(zone)),
            "kept_since": row["kept_since"] and iso(row["kept_since"].astimezone(zone)),
            "gaps": [_gap(gap, zone) for gap in gaps[:MAX_GAPS] if _concerns(gap, row)],
            "readings": [],
            "buckets": [],
        }
    return frames, len(gaps) > MAX_GAPS


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
