"""Columns as PostgreSQL's binary arrays, both ways, without a Python call per value.

To it for `unnest`; from it what `array_send(array_agg(...))` gives.

Format (PostgreSQL sources, `array_send`): number of dimensions, whether there are nulls, the type
of the elements; per dimension its length and first index; then each element's length (-1: null)
and bytes. All numbers are 32-bit and big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import psycopg
from psycopg import pq
from psycopg.abc import Buffer, DumperKey, PyFormat
from psycopg.adapt import Dumper

if TYPE_CHECKING:
    from uuid import UUID

    from numpy.typing import ArrayLike, NDArray

POSTGRES_EPOCH_US: Final = 946_684_800_000_000
"""2000-01-01, from which PostgreSQL counts."""
EARLIEST_US: Final = -62_135_596_800_000_000
LATEST_US: Final = 253_402_300_799_999_999
"""The years 1 to 9999, which everything can show."""
_HEAD: Final = struct.Struct(">iiIii")
_EMPTY: Final = struct.Struct(">iiI")
_LENGTH: Final = struct.Struct(">i")
_NULL: Final = _LENGTH.pack(-1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Array:
    """A one-dimensional array as it goes over the wire; `oid` is the array's own type."""

    oid: int
    content: bytes


def ints(values: ArrayLike, *, nulls: NDArray[np.bool_] | None = None) -> Array:
    """`int4[]`; null where `nulls` is true."""
    return _fixed(1007, 23, ">i4", values, nulls)


def bigints(values: ArrayLike, *, nulls: NDArray[np.bool_] | None = None) -> Array:
    """`int8[]`; null where `nulls` is true."""
    return _fixed(1016, 20, ">i8", values, nulls)


def doubles(values: ArrayLike, *, nulls: NDArray[np.bool_] | None = None) -> Array:
    """`float8[]`; null where `nulls` is true."""
    return _fixed(1022, 701, ">f8", values, nulls)


def times(at_us: ArrayLike, *, nulls: NDArray[np.bool_] | None = None) -> Array:
    """`timestamptz[]` of microseconds since the Unix epoch; null where `nulls` is true.

    OverflowError outside the years 1 to 9999: PostgreSQL would take it, and nobody could read it.
    """
    column = np.asarray(at_us, np.int64)
    if column.size and (column.min() < EARLIEST_US or column.max() > LATEST_US):
        raise OverflowError(f"times from {column.min()} to {column.max()} us")
    return _fixed(1185, 1184, ">i8", column - POSTGRES_EPOCH_US, nulls)


def times_or_null(at_us: Sequence[int | None]) -> Array:
    """`timestamptz[]` of microseconds since the Unix epoch; None is null."""
    nulls = np.fromiter((one is None for one in at_us), np.bool_, len(at_us))
    return times([0 if one is None else one for one in at_us], nulls=nulls)


def uuids(values: Sequence[UUID]) -> Array:
    """`uuid[]`."""
    return _varying(2951, 2950, [value.bytes for value in values])


def texts(values: Sequence[str | None]) -> Array:
    """`text[]`; PostgreSQL takes no NUL in them."""
    return _varying(1009, 25, [None if value is None else value.encode() for value in values])


def bytestrings(values: Sequence[bytes]) -> Array:
    """`bytea[]`."""
    return _varying(1001, 17, values)


def times_of(sent: bytes) -> NDArray[np.int64]:
    """Microseconds since the Unix epoch of a `timestamptz[]` without nulls."""
    return _values(sent, 1184, ">i8").astype(np.int64) + POSTGRES_EPOCH_US


def doubles_of(sent: bytes) -> NDArray[np.float64]:
    """The numbers of a `float8[]` without nulls."""
    return _values(sent, 701, ">f8").astype(np.float64)


def bigints_of(sent: bytes) -> NDArray[np.int64]:
    """The numbers of an `int8[]` without nulls."""
    return _values(sent, 20, ">i8").astype(np.int64)


def bools_of(sent: bytes) -> NDArray[np.bool_]:
    """The truths of a `bool[]` without nulls."""
    return _values(sent, 16, "?").astype(np.bool_)


def teach(connection: psycopg.Connection[Any]) -> None:
    """Let a connection take arrays as parameters."""
    connection.adapters.register_dumper(Array, _ArrayDumper)


class _ArrayDumper(Dumper):
    """Hands the bytes over; one dumper for each type."""

    format = pq.Format.BINARY

    def get_key(self, obj: Array, format: PyFormat) -> DumperKey:  # noqa: A002, ARG002 - psycopg's
        return (self.cls, obj.oid)  # type: ignore[return-value]  # any hashable will do

    def upgrade(self, obj: Array, format: PyFormat) -> _ArrayDumper:  # noqa: A002, ARG002
        dumper = _ArrayDumper(self.cls)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: Array) -> Buffer | None:
        return obj.content


def _values(sent: bytes, element: int, kind: str) -> NDArray[Any]:
    """The elements; ValueError where they are of another type, or some are null."""
    dimensions, nulls, found = _EMPTY.unpack_from(sent)
    if found != element or nulls or dimensions > 1:
        raise ValueError(f"an array of {found}, {dimensions} dimensions, nulls {nulls}")
    if not dimensions:
        return np.empty(0, kind)
    layout = np.dtype([("length", ">i4"), ("value", kind)])
    return np.frombuffer(sent, layout, offset=_HEAD.size)["value"]


def _fixed(
    oid: int, element: int, kind: str, values: ArrayLike, nulls: NDArray[np.bool_] | None
) -> Array:
    column = np.asarray(values)
    count = int(column.shape[0])
    if not count:
        return Array(oid=oid, content=_EMPTY.pack(0, 0, element))
    layout: Any = np.dtype([("length", ">i4"), ("value", kind)])
    rows = np.empty(count, layout)
    rows["length"] = layout["value"].itemsize
    rows["value"] = column
    has_nulls = nulls is not None and bool(nulls.any())
    content = rows.tobytes()
    if has_nulls:
        rows["length"][nulls] = -1
        kept = np.ones((count, layout.itemsize), np.bool_)
        kept[nulls, _LENGTH.size :] = False
        content = rows.view(np.uint8).reshape(count, layout.itemsize)[kept].tobytes()
    return Array(oid=oid, content=_HEAD.pack(1, has_nulls, element, count, 1) + content)


def _varying(oid: int, element: int, values: Sequence[bytes | None]) -> Array:
    if not values:
        return Array(oid=oid, content=_EMPTY.pack(0, 0, element))
    pack = _LENGTH.pack
    parts = [_NULL if value is None else pack(len(value)) + value for value in values]
    head = _HEAD.pack(1, None in values, element, len(values), 1)
    return Array(oid=oid, content=head + b"".join(parts))
