"""The definitions behind tags' names, and the frame of each series: gaps, complete to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

import orjson

from ingest_server.api.database import Connection
from ingest_server.api.names import Parts, parts_of, tag_text
from ingest_server.api.problems import NotFound
from ingest_server.api.series.answers import MAX_GAPS
from ingest_server.api.times import EARLIEST, iso, zone_of
from ingest_server.store import reads


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What is known of some series before any of their readings is fetched.

    `series` by tag id, without readings; `zone` is that of the first of them; before `kept_since`
    readings of one of them are gone; `stale`: `minutes` and `hours` that have to be rolled up anew.
    """

    series: dict[int, dict[str, Any]]
    zone: tzinfo
    gaps_more: bool
    kept_since: datetime
    stale: dict[str, list[datetime]]


async def refuse_unknown(connection: Connection, tags: Sequence[str]) -> None:
    """Raises NotFound for the first of these tags that nobody knows."""
    wanted = [parts_of(tag) for tag in tags]
    _refuse(wanted, await reads.rows(connection, "readings", "known_tags", **_columns(wanted)))


async def look_at(
    connection: Connection,
    tags: Sequence[str],
    start: datetime,
    to: datetime,
    *,
    zone_name: str | None,
) -> Look:
    """Every definition of these tags, in their order, and what is missing of it.

    `zone_name` is the zone of all times; default: that of each tag's plant. Raises NotFound for the
    first tag that nobody knows.
    """
    wanted = [parts_of(tag) for tag in dict.fromkeys(tags)]
    ((found, *told, _),) = await reads.tuple_rows(
        connection,
        "readings",
        "look",
        **_columns(wanted),
        from_ts=start,
        to_ts=to,
        limit=MAX_GAPS + 1,
    )
    definitions = _listed(found)
    _refuse(wanted, definitions)
    streams, gaps, minutes, hours = map(_listed, told)
    series = _frames(definitions, streams, gaps, zone_name)
    return Look(
        series=series,
        zone=zone_of(next(iter(series.values()))["time_zone"]),
        gaps_more=len(gaps) > MAX_GAPS,
        kept_since=max(
            (datetime.fromisoformat(row["kept_since"]) for row in definitions if row["kept_since"]),
            default=EARLIEST,
        ),
        stale={
            "minutes": [datetime.fromisoformat(at) for at in minutes],
            "hours": [datetime.fromisoformat(at) for at in hours],
        },
    )


def _columns(wanted: Sequence[Parts]) -> dict[str, list[str]]:
    return {
        "plants": [plant for plant, _, _ in wanted],
        "edges": [edge for _, edge, _ in wanted],
        "paths": [path for _, _, path in wanted],
    }


def _refuse(wanted: Sequence[Parts], rows: Iterable[Mapping[str, Any]]) -> None:
    known = {(row["plant"], row["edge"], row["path"]) for row in rows}
    for parts in wanted:
        if parts not in known:
            raise NotFound("LS-6012", tag=tag_text(parts))


def _listed(text: str | None) -> list[Any]:
    """A column of `look`; null where there are none."""
    found: list[Any] = orjson.loads(text) if text else []
    return found


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
            "complete_to": _told(complete_to, zone),
            "kept_since": _told(row["kept_since"], zone),
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
        "from": _told(row["from_ts"], zone),
        "to": _told(row["to_ts"], zone),
        "cause": row["cause"],
        "samples": row["samples"],
        "exact": row["exact"],
        "accepted": row["accepted"],
    }


def _told(at: str | None, zone: tzinfo) -> str | None:
    """A time as the database writes it in JSON, as the API tells it."""
    return None if at is None else iso(datetime.fromisoformat(at).astimezone(zone))
