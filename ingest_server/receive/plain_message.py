"""A message of a plain publisher as columns: `{"tag": value, ...}` with an optional `"ts"`. Pure.

For devices that speak nothing but JSON over MQTT. There is no cursor, no buffer and no answer, so
what such a device sends is kept as well as possible and marked so: its tags belong to the device
`(plain)`. A message is taken as a whole or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import orjson
from pydantic import ValidationError

from ingest_server.store.copyrows import Readings
from ingest_server.store.rows import Shape, shape_of_dtype
from runtime.clock import from_datetime
from wire import quality
from wire.dtypes import DType
from wire.errors import WireError
from wire.records import TagDef

DEVICE: Final = "(plain)"
TIME: Final = "ts"
MOST_BYTES: Final = 64 * 1024
MOST_VALUES: Final = 500
MOST_TEXT: Final = 4_096
MOST_EXACT: Final = 2**53
"""Numbers are doubles: integers beyond this one would be rounded."""
OLDEST_US: Final = 30 * 86_400_000_000
NEWEST_US: Final = 300_000_000
"""A time further in the past or in the future is not believed."""

Value = bool | float | str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainMessage:
    """Values by path at one time. `origin_us`: the publisher's time if it was not believable."""

    at_us: int
    values: Mapping[str, Value]
    origin_us: int = 0

    def tags(self) -> list[TagDef]:
        """What its tags are, by their values; those without a value say nothing."""
        return [_tag(path, value) for path, value in self.values.items() if value is not None]


def _tag(path: str, value: Value) -> TagDef:
    dtype = DType.F64
    if isinstance(value, bool):
        dtype = DType.BOOL
    elif isinstance(value, str):
        dtype = DType.STR
    return TagDef(n=1, path=path, dtype=dtype, device=DEVICE)


def parse(payload: bytes, *, now_us: int) -> PlainMessage:
    """The message of untrusted bytes. Raises WireError saying what is wrong with it."""
    if len(payload) > MOST_BYTES:
        raise WireError("LS-5650", size=len(payload), limit=MOST_BYTES)
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise WireError("LS-2022", reason=str(error)) from error
    if not isinstance(found, dict):
        raise WireError("LS-5651")
    said_us = _time(found.pop(TIME), now_us) if TIME in found else now_us
    if len(found) > MOST_VALUES or not found:
        raise WireError("LS-5652", count=len(found), limit=MOST_VALUES)
    values = {path: _value(path, value) for path, value in found.items()}
    if now_us - OLDEST_US <= said_us <= now_us + NEWEST_US:
        return PlainMessage(at_us=said_us, values=values)
    return PlainMessage(at_us=now_us, values=values, origin_us=said_us)


def _time(value: object, now_us: int) -> int:
    """Milliseconds since the Unix epoch, or ISO 8601 with a zone; null: now."""
    if value is None:
        return now_us
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e14:
        return round(value * 1_000)
    try:
        at = datetime.fromisoformat(str(value))
        if isinstance(value, str) and at.tzinfo is not None and 1970 <= at.year < 5_000:
            return max(from_datetime(at), 0)
    except (ValueError, OverflowError):
        pass
    raise WireError("LS-5653", value=str(value)[:100])


def _value(path: str, value: object) -> Value:
    try:
        TagDef(n=1, path=path, dtype=DType.F64)
    except ValidationError as error:
        raise WireError("LS-5654", path=path[:100]) from error
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and len(value.encode("utf-8", "surrogatepass")) <= MOST_TEXT:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, int) and abs(value) <= MOST_EXACT:
        return float(value)
    raise WireError("LS-5655", path=path[:100])


def readings(
    messages: Sequence[PlainMessage], ids: Mapping[tuple[str, str], int], last: Mapping[str, int]
) -> Readings:
    """Rows of messages. `ids`: tag id by path and dtype; `last`: by path, of the newest dtype.

    A value that is null becomes a bad reading of the tag that was last known; of none, nothing.
    """
    flat = [
        (one, path, value)
        for one in messages
        for path, value in one.values.items()
        if value is not None or path in last
    ]
    values = [value for _, _, value in flat]
    tags = [
        last[path] if value is None else ids[path, str(_tag(path, value).dtype)]
        for _, path, value in flat
    ]
    shapes = [
        Shape.UNKNOWN if value is None else shape_of_dtype(_tag("x", value).dtype)
        for value in values
    ]
    origin = np.array([one.origin_us for one, _, _ in flat], np.int64)
    missing = np.array([value is None for value in values], bool)
    q = np.where(missing, quality.BAD | quality.NO_VALUE, quality.GOOD).astype(np.uint32)
    q |= np.where(origin > 0, quality.CLOCK, 0).astype(np.uint32)
    numbers = [value if isinstance(value, float) else 0.0 for value in values]
    texts = [value if isinstance(value, str) else "" for value in values]
    return Readings(
        tag_id=np.array(tags, np.int32),
        ts=np.array([one.at_us for one, _, _ in flat], np.int64),
        q=q,
        f=np.array(numbers, np.float64),
        i=np.array([int(value is True) for value in values], np.int64),
        s=np.array(texts, np.object_),
        orig=origin if origin.any() else None,
        shape=np.array(shapes, np.int8),
    )
