"""Keeps the library's decoder within the bytes it was given.

As released (2.1), its `Buffer.read` takes a negative length for a step back, so that a text of
length -4 is read again and again, and its array of nulls takes no bytes, so that a message of a
hundred bytes can announce two thousand million of them: both end with the process, and all other
devices with it. Both are parts of the library that every message passes, and it has no hook there;
so they are replaced, once, before the first connection. `rig.fuzz` shows what is left.
"""

from __future__ import annotations

from typing import Any

from asyncua.common.utils import Buffer, NotEnoughData
from asyncua.ua import ua_binary
from asyncua.ua.uaerrors import UaError


def harden() -> None:
    """Make the library refuse such messages; doing it again changes nothing."""
    if Buffer.read is not _read:
        Buffer.read = _read  # type: ignore[method-assign]
        ua_binary._Null.unpack = staticmethod(_nothing)  # type: ignore[method-assign]
        ua_binary._create_uatype_deserializer.cache_clear()
        ua_binary._create_uatype_array_deserializer.cache_clear()


def _read(self: Buffer, size: int) -> bytes:
    """As the library's, which would go back for less than nothing."""
    if not 0 <= size <= self._size:
        raise NotEnoughData(f"Not enough data left in buffer, request for {size} of {self._size}")
    at = self._cur_pos
    self._cur_pos = at + size
    self._size -= size
    return self._data[at : at + size]


def _nothing(data: Any) -> None:
    """A null; a second one at the same place is one of an array, which no server has a use for."""
    if getattr(data, "nothing_at", None) == data.cur_pos:
        raise UaError("an array of nulls")
    data.nothing_at = data.cur_pos
