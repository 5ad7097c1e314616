"""Where the next page begins, as a text that only we read.

A cursor carries the sort key of the last row given, so rows that arrive meanwhile shift nothing.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Any, Final

import orjson

from ingest_server.api.problems import Invalid

MAX_CURSOR: Final = 600

Part = str | int | datetime


def encode(kind: str, *parts: Part) -> str:
    """A cursor of the listing `kind` at the sort key `parts`."""
    plain = orjson.dumps([kind, *parts])
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode("ascii")


def decode(cursor: str, kind: str, *types: type[Part]) -> tuple[Any, ...]:
    """The parts of a cursor of `kind`. Raises Invalid for whatever we did not write ourselves."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(parts, list) or len(parts) != len(types) + 1 or parts[0] != kind:
            raise ValueError("not a cursor of this listing")
        return tuple(_part(value, wanted) for value, wanted in zip(parts[1:], types, strict=True))
    except (ValueError, UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError) as error:
        raise Invalid("LS-6013", at="query.cursor") from error


def _part(value: object, wanted: type[Part]) -> Part:
    if wanted is datetime and isinstance(value, str):
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None:
            return at
    whole = wanted is int and isinstance(value, int) and 0 <= value < 2**63
    plain = wanted is str and isinstance(value, str) and "\0" not in value
    if isinstance(value, int | str) and (whole or plain):
        return value
    raise ValueError("a part of the cursor has the wrong type")
