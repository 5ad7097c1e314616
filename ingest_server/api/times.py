"""Times in requests and answers: ISO 8601 with a zone, answered in the plant's own zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, PlainSerializer

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)

_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:?\d\d)", re.IGNORECASE
)


def _instant(value: object) -> object:
    """An ISO 8601 time with a zone; a blank before the zone is a `+` that was not escaped."""
    if isinstance(value, datetime):
        return value
    text = str(value).strip()
    if re.search(r" \d\d:?\d\d$", text):
        text = "+".join(text.rsplit(" ", 1))
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError("LS-6028")
    try:
        at = datetime.fromisoformat(f"{found[1]}{found[2].upper()}".replace("t", "T"))
    except ValueError as error:
        raise ValueError("LS-6028") from error
    # A zone of almost a day would carry the ends of the calendar out of it.
    if not 1970 <= at.year < 2200:
        raise ValueError("LS-6028")
    return min(max(at.astimezone(UTC), EARLIEST), _LATEST)


Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_instant),
    Field(examples=["2026-03-01T06:00:00+08:00"]),
]
"""A time in a request, in UTC after validation; ISO 8601 with a zone, 1970 to 2199."""


def _told(at: datetime) -> str:
    return iso(at)


Moment = Annotated[
    AwareDatetime, PlainSerializer(_told, return_type=str, when_used="json"), Field()
]
"""A time in an answer."""


def iso(at: datetime) -> str:
    """ISO 8601 with the offset of the datetime's own zone, `Z` for UTC."""
    return at.isoformat().replace("+00:00", "Z")


def zone_of(name: str) -> tzinfo:
    """The zone of that IANA name; UTC where the name is unknown on this machine."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def in_zone(at: datetime | None, zone: tzinfo) -> datetime | None:
    """The same instant as the plant's clocks show it."""
    return None if at is None else at.astimezone(zone)


_UNITS: Final = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
_DAY_US: Final = 86_400_000_000
_NICE_US: Final = tuple(
    [n * 1_000 for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)]
    + [n * _UNITS["s"] for n in (1, 2, 5, 10, 15, 30)]
    + [n * _UNITS["m"] for n in (1, 2, 5, 10, 15, 30)]
    + [n * _UNITS["h"] for n in (1, 2, 3, 4, 6, 12)]
    + [n * _DAY_US for n in (1, 2, 7, 14, 28, 91, 182, 364)]
)

_BUCKET: Final = r"^(raw|[1-9][0-9]{0,4}(ms|s|m|h)|1d)$"


def _bucket(text: str) -> str:
    if re.fullmatch(_BUCKET, text) is None:
        raise ValueError("LS-6044")
    return text


BucketText = Annotated[str, AfterValidator(_bucket), Field(json_schema_extra={"pattern": _BUCKET})]
"""The width of buckets in a request: `raw`, `500ms`, `10s`, `15m`, `2h`, `1d`."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("LS-6045") from error
    return name


ZoneName = Annotated[str, AfterValidator(_zone), Field(examples=["Asia/Shanghai"])]
"""An IANA time zone in a request."""


def bucket_width(text: str) -> timedelta:
    """The width of `10s`, `500ms`, `15m`, `2h` or `1d` (any BucketText but raw)."""
    if text == "1d":
        return timedelta(days=1)
    unit = text.lstrip("0123456789")
    return timedelta(microseconds=int(text.removesuffix(unit)) * _UNITS[unit])


def width_for(span: timedelta, points: int) -> timedelta:
    """The smallest round width that cuts `span` into at most `points` buckets.

    One of them is set aside: a span rarely begins where a bucket does.
    """
    span_us = span // timedelta(microseconds=1)
    wanted = -(-span_us // max(points - 1, 1))
    for width_us in _NICE_US:
        if width_us >= wanted:
            return timedelta(microseconds=width_us)
    return timedelta(microseconds=-(-wanted // _DAY_US) * _DAY_US)


def next_width(width: timedelta) -> timedelta:
    """The round width after this one."""
    us = width // timedelta(microseconds=1)
    return timedelta(microseconds=next((w for w in _NICE_US if w > us), 2 * us))


def width_text(width: timedelta) -> str:
    """The width as a request would name it; whole days beyond one as `<n>d`."""
    us = width // timedelta(microseconds=1)
    units = (("d", _DAY_US), *reversed(_UNITS.items()))
    name, unit = next((name, unit) for name, unit in units if us % unit == 0)
    return f"{us // unit}{name}"
