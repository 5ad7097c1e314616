"""The definitions behind tags' names, and the frame of each series: gaps, complete to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from ingest_server.api.database import Connection
from ingest_server.api.names import parts_of, tag_text
from ingest_server.api.problems import NotFound
from ingest_server.api.series.answers import MAX_GAPS
from ingest_server.api.times import iso, zone_of
from ingest_server.store import reads
from wire.dtypes import DType


async def definitions_of(connection: Connection, tags: Sequence[str]) -> list[dict[str, Any]]:
    """Every definition of these tags, in their order. Raises NotFound for the first unknown one."""
    wanted = [parts_of(tag) for tag in dict.fromkeys(tags)]
    names = {
        "plants": [parts[0] for parts in wanted],
        "edges": [parts[1] for parts in wanted],
        "paths": [parts[2] for parts in wanted],
    }
    # The begin of the transaction goes along.
    (found,) = await reads.several(connection, "readings", ("definitions", names))
    known = {(row["plant"], row["edge"], row["path"]) for row in found}
    for parts in wanted:
        if parts not in known:
            raise NotFound("LS-6012", tag=tag_text(parts))
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What is known of some series before any of their readings is fetched.

    `series` by tag id, without readings; `most`: how many readings the tag with the most has, as
    far as that was asked for; `stale`: rows of what has to be rolled up anew.
    """

    series: dict[int, dict[str, Any]]
    gaps_more: bool
    most: int
    stale: list[dict[str, Any]]


async def look_at(
    connection: Connection,
    definitions: Sequence[Mapping[str, Any]],
    start: datetime,
    to: datetime,
    *,
    zone_name: str | None,
    few: int | None = None,
) -> Look:
    """All of it at once: each question of its own would wait for the one before it.

    `zone_name` is the zone of all times; default: that of each tag's plant. `few`: readings are
    counted up to one more than that; None: not at all.
    """
    edges = list({row["edge_id"] for row in definitions})
    span = {"from_ts": start, "to_ts": to}
    numeric = [row["tag_id"] for row in definitions if row["dtype"] != DType.STR]
    asked: list[tuple[str, dict[str, Any]]] = [
        ("known_to", {"edges": edges}),
        ("gaps", {"edges": edges, **span, "limit": MAX_GAPS + 1}),
        ("stale", {"tags": numeric, **span}),
    ]
    if few is not None:
        tags = [row["tag_id"] for row in definitions]
        asked.append(("most", {"tags": tags, **span, "limit": few + 1}))
    streams, gaps, stale, *counted = await reads.several(connection, "readings", *asked)
    return Look(
        series=_frames(definitions, streams, gaps, zone_name),
        gaps_more=len(gaps) > MAX_GAPS,
        most=(counted[0][0]["most"] or 0) if counted else 0,
        stale=stale,
    )


def _frames(
    definitions: Sequence[Mapping[str, Any]],
    streams: Sequence[Mapping[str, Any]],
    gaps: Sequence[Mapping[str, Any]],
    zone_name: str | None,
) -> dict[int, dict[str, Any]]:
    complete = {(row["edge_id"], row["class"]): row["complete_to"] for row in streams}
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
