"""The rows of an exported table: a line per reading or bucket, and what is to be known of each tag.

Times stand as the plant's clocks show them, without a zone, since that is what spreadsheets read;
the column beside says how far that is from UTC, so the hour that comes twice stays unambiguous.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final, Literal

from ingest_server.api.times import zone_of
from ingest_server.api.values import believable, quality_of, reader_of
from runtime import messages
from runtime.messages import Language

Cell = str | int | float | bool | datetime | None
Row = Sequence[Cell]
Part = Literal["values", "series", "gaps"]

_HEADINGS: Final[Mapping[str, str]] = {
    "tag": "LS-6080",
    "time": "LS-6081",
    "utc_offset": "LS-6082",
    "value": "LS-6083",
    "quality": "LS-6084",
    "code": "LS-6085",
    "flags": "LS-6086",
    "count": "LS-6087",
    "good": "LS-6088",
    "min": "LS-6089",
    "max": "LS-6090",
    "mean": "LS-6091",
    "first": "LS-6092",
    "last": "LS-6093",
    "revision": "LS-6094",
    "unit": "LS-6095",
    "dtype": "LS-6096",
    "time_zone": "LS-6097",
    "complete_to": "LS-6098",
    "from": "LS-6099",
    "to": "LS-6100",
    "cause": "LS-6101",
    "samples": "LS-6102",
    "exact": "LS-6103",
    "accepted": "LS-6104",
}
_BUCKET: Final = ("count", "good", "min", "max", "mean", "first", "last")
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "raw": ("tag", "time", "utc_offset", "value", "unit", "quality", "code", "flags"),
    "buckets": ("tag", "time", "utc_offset", *_BUCKET, "unit"),
    "series": ("tag", "revision", "dtype", "unit", "time_zone", "complete_to", "utc_offset"),
    "gaps": ("tag", "from", "to", "utc_offset", "cause", "samples", "exact", "accepted"),
}


def headings(table: str, lang: Language) -> list[str]:
    """The first line of a table: `raw`, `buckets`, `series` or `gaps`."""
    return [messages.text(_HEADINGS[name], lang=lang) for name in _COLUMNS[table]]


def raw_rows(frame: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Rows of the database that belong to one series."""
    zone, read = zone_of(frame["time_zone"]), reader_of(frame["dtype"])
    tag, unit = frame["tag"], frame["unit"]
    qualities: dict[int, tuple[str, str, str]] = {}
    made: list[Row] = []
    for row in rows:
        q = row["q"]
        if q not in qualities:
            words: Mapping[str, Any] = quality_of(q)
            qualities[q] = (words["severity"], words["code"], " ".join(words["flags"]))
        value = read(row["num"], row["big"], row["txt"]) if believable(q) else None
        made.append((tag, *_local(row["ts"], zone), value, unit, *qualities[q]))
    return made


def bucket_rows(frame: Mapping[str, Any]) -> list[Row]:
    """The buckets of one series."""
    return [
        (
            frame["tag"],
            *_told(bucket["ts"]),
            *(bucket[name] for name in _BUCKET),
            frame["unit"],
        )
        for bucket in frame["buckets"]
    ]


def series_rows(frames: Iterable[Mapping[str, Any]]) -> list[Row]:
    """What each series is, and up to when it is complete."""
    return [
        (
            *(frame[name] for name in ("tag", "revision", "dtype", "unit", "time_zone")),
            *_told(frame["complete_to"]),
        )
        for frame in frames
    ]


def gap_rows(frames: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The times without data of each series, newest first."""
    made: list[Row] = []
    for frame in frames:
        for gap in frame["gaps"]:
            begin, offset = _told(gap["from"])
            end, _ = _told(gap["to"])
            rest = (gap[name] for name in ("cause", "samples", "exact", "accepted"))
            made.append((frame["tag"], begin, end, offset, *rest))
    return made


def _told(text: str | None) -> tuple[datetime | None, str | None]:
    """A time as the API tells it, as the clock there shows it, and its offset."""
    return (None, None) if text is None else _parts(datetime.fromisoformat(text))


def _local(at: datetime, zone: tzinfo) -> tuple[datetime, str]:
    return _parts(at.astimezone(zone))


def _parts(local: datetime) -> tuple[datetime, str]:
    return local.replace(tzinfo=None), local.strftime("%z")[:3] + ":" + local.strftime("%z")[3:5]
