"""Samples as rows that can be compared: what a record holds, and what the server's tables hold.

The mapping from samples to rows is written here a second time on purpose, straight from the
contract: a comparison that used the server's own would agree with its mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from wire.dtypes import DType
from wire.quality import NO_VALUE
from wire.samples import Samples

Value = float | int | str | None
Row = tuple[str, int, Value, int]
"""Tag path, event time in microseconds since the Unix epoch, value, quality (unsigned)."""


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Place:
    """Where a record stands."""

    plant: str
    edge: str
    epoch: UUID
    cls: str
    seq: int


def rows_of(samples: Samples, tags: Mapping[int, tuple[str, DType]]) -> list[Row]:
    """The rows a record must have become; `tags` maps its numbers to (path, data type)."""
    texts = [""] * len(samples) if samples.s is None else samples.s.tolist()
    rows: list[Row] = []
    columns = zip(
        samples.tag.tolist(),
        samples.ts.tolist(),
        samples.q.tolist(),
        samples.f.tolist(),
        samples.i.tolist(),
        texts,
        strict=True,
    )
    for number, ts, quality, real, whole, text in columns:
        path, dtype = tags[number]
        value: Value
        if quality & NO_VALUE:
            value = None
        elif dtype is DType.STR:
            value = text
        elif dtype in (DType.F32, DType.F64):
            value = real
        else:
            # Unsigned integers above 2**63-1 travel as text.
            value = int(text) if text else whole
        rows.append((path, ts, value, quality))
    return rows


def stored_row(
    path: str,
    ts_us: int,
    num: float | None,
    big: int | None,
    txt: str | None,
    quality: int,
    dtype: str,
) -> Row:
    """The row of what the server's table says; `quality` is the signed column."""
    value: Value
    kind = DType(dtype)
    if kind is DType.STR:
        value = txt
    elif kind in (DType.F32, DType.F64):
        value = num
    elif txt is not None:
        value = int(txt)
    else:
        # Earlier releases kept integers that a double can hold in `num`.
        value = big if num is None else int(num)
    return (path, ts_us, value, quality & 0xFFFF_FFFF)
