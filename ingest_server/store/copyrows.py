"""Readings as the bytes of PostgreSQL's binary COPY, without a Python loop per sample.

Format: PostgreSQL manual, "COPY", "Binary Format": a header, per row a 16-bit count of fields and
per field a 32-bit length (-1: null) before its bytes, all big-endian; a count of -1 ends it. Rows
whose nulls stand in the same fields have the same layout, so each such group is one structured
array. Texts vary in length: they take one comprehension.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ingest_server.store.arrays import EARLIEST_US, LATEST_US, POSTGRES_EPOCH_US
from ingest_server.store.rows import Shape, TagMap
from wire.quality import has_value, to_signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest_server.domain.facts import Facts
    from wire.samples import Samples

HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER: Final = b"\xff\xff"


TagIds = int | NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Readings:
    """n readings in the columns of the table `reading`, before they become bytes.

    `shape` says per row which of `f`, `i`, `s` is its value (see `Shape`); UNKNOWN: null.
    """

    tag_id: NDArray[np.int32]
    ts: NDArray[np.int64]
    q: NDArray[np.uint32]
    f: NDArray[np.float64]
    i: NDArray[np.int64]
    s: NDArray[np.object_] | None
    orig: NDArray[np.int64] | None
    shape: NDArray[np.int8]

    def __len__(self) -> int:
        return int(self.ts.shape[0])

    def take(self, index: NDArray[np.intp]) -> Readings:
        """The readings chosen by a numpy index, in that order."""
        return Readings(
            tag_id=self.tag_id[index],
            ts=self.ts[index],
            q=self.q[index],
            f=self.f[index],
            i=self.i[index],
            s=None if self.s is None else self.s[index],
            orig=None if self.orig is None else self.orig[index],
            shape=self.shape[index],
        )


def joined(parts: Sequence[Readings]) -> Readings:
    """All readings one after another; device times set aside are left out."""
    if len(parts) == 1:
        return replace(parts[0], orig=None)
    texts: NDArray[np.object_] | None = None
    if any(part.s is not None for part in parts):
        texts = np.concatenate(
            [np.full(len(part), "", np.object_) if part.s is None else part.s for part in parts]
        )
    return Readings(
        tag_id=np.concatenate([part.tag_id for part in parts]),
        ts=np.concatenate([part.ts for part in parts]),
        q=np.concatenate([part.q for part in parts]),
        f=np.concatenate([part.f for part in parts]),
        i=np.concatenate([part.i for part in parts]),
        s=texts,
        orig=None,
        shape=np.concatenate([part.shape for part in parts]),
    )


def readings_of(samples: Samples, tags: TagMap) -> Readings:
    """Samples under the database's tag ids; every number must be defined in `tags`."""
    shape = np.where(has_value(samples.q), tags.shape[samples.tag], np.int8(Shape.UNKNOWN))
    # A float column may hold what overflowed float32; the database gets no infinities.
    shape[(shape == Shape.FROM_FLOAT) & ~np.isfinite(samples.f)] = Shape.UNKNOWN
    if samples.s is not None:
        # Integers above 2**63-1 travel as decimal text.
        shape[(shape == Shape.BIG) & (samples.s != "")] = Shape.TEXT
    return Readings(
        tag_id=tags.tag_id[samples.tag],
        ts=samples.ts,
        q=samples.q,
        f=samples.f,
        i=samples.i,
        s=samples.s,
        orig=samples.orig,
        shape=shape,
    )


def _layout(*fields: tuple[str, str | None]) -> np.dtype[Any]:
    """A row: the count, then for each (name, type) its length and value; type None: null."""
    parts: list[tuple[str, str]] = [("count", ">i2")]
    for name, kind in fields:
        parts.append((f"{name}_length", ">i4"))
        if kind is not None:
            parts.append((name, kind))
    return np.dtype(parts)


def _blank(layout: np.dtype[Any], fields: int) -> NDArray[np.void]:
    """One row of the layout with the count and all lengths filled in."""
    row = np.zeros(1, layout)
    row["count"] = fields
    for name in layout.names or ():
        if name.endswith("_length"):
            value = name.removesuffix("_length")
            row[name] = layout[value].itemsize if value in (layout.names or ()) else -1
    return row


def _reading_layout(num: str | None, big: str | None) -> np.dtype[Any]:
    return _layout(
        ("ts", ">i8"),
        ("tag_id", ">i4"),
        ("num", num),
        ("big", big),
        ("txt", None),
        ("q", ">i4"),
        ("batch", ">i8"),
    )


_NUM: Final = _reading_layout(">f8", None)
_BIG: Final = _reading_layout(None, ">i8")
_NULL: Final = _reading_layout(None, None)
_BLANKS: Final = {layout: _blank(layout, 7) for layout in (_NUM, _BIG, _NULL)}
_ORIGIN: Final = _layout(("tag_id", ">i4"), ("ts", ">i8"), ("origin", ">i8"), ("batch", ">i8"))
_ORIGIN_BLANK: Final = _blank(_ORIGIN, 4)
_FACT: Final = _layout(
    ("tag_id", ">i4"),
    ("ts", ">i8"),
    ("from_ts", ">i8"),
    ("raw_before", ">i8"),
    ("raw", ">i8"),
    ("quantity", ">f8"),
    ("cause", ">i2"),
    ("discontinuous", "i1"),
    ("batch", ">i8"),
)
_FACT_BLANK: Final = _blank(_FACT, 9)
_TEXT_HEAD: Final = struct.Struct(">hiqiiiii")
_TEXT_TAIL: Final = struct.Struct(">iiiq")


def copy_readings(parts: Sequence[tuple[Readings, int]]) -> list[bytes]:
    """COPY data (`ts, tag_id, num, big, txt, q, batch`) of readings with their batch numbers.

    The pieces joined are the whole, header and trailer included.
    """
    pieces: list[bytes] = [HEADER]
    if parts:
        readings = joined([part for part, _ in parts])
        batch = np.repeat([number for _, number in parts], [len(part) for part, _ in parts])
        shape = readings.shape
        rows = np.flatnonzero(shape == Shape.FROM_FLOAT)
        if rows.size:
            out = _filled(_NUM, readings, rows, batch)
            out["num"] = readings.f[rows]
            pieces.append(out.tobytes())
        rows = np.flatnonzero(shape == Shape.BIG)
        if rows.size:
            out = _filled(_BIG, readings, rows, batch)
            out["big"] = readings.i[rows]
            pieces.append(out.tobytes())
        rows = np.flatnonzero(shape == Shape.UNKNOWN)
        if rows.size:
            pieces.append(_filled(_NULL, readings, rows, batch).tobytes())
        rows = np.flatnonzero(shape == Shape.TEXT)
        if rows.size:
            pieces.append(_text_rows(readings, rows, batch))
    pieces.append(TRAILER)
    return pieces


def copy_origins(parts: Sequence[tuple[Readings, int]]) -> list[bytes]:
    """COPY data (`tag_id, ts, origin, batch`) of the device times set aside; [] where none was."""
    pieces: list[bytes] = []
    for readings, batch in parts:
        if readings.orig is None:
            continue
        rows = np.flatnonzero(readings.orig)
        if rows.size:
            out = np.repeat(_ORIGIN_BLANK, rows.size)
            out["tag_id"] = readings.tag_id[rows]
            out["ts"] = readings.ts[rows] - POSTGRES_EPOCH_US
            out["origin"] = _within_years(readings.orig[rows]) - POSTGRES_EPOCH_US
            out["batch"] = batch
            pieces.append(out.tobytes())
    return [HEADER, *pieces, TRAILER] if pieces else []


def copy_facts(parts: Sequence[tuple[TagIds, int, Facts]]) -> list[bytes]:
    """COPY data of quantities (`count_fact`), each part with its tag ids and batch; [] for none."""
    pieces: list[bytes] = []
    for tag_ids, batch, facts in parts:
        if len(facts):
            out = np.repeat(_FACT_BLANK, len(facts))
            out["tag_id"] = tag_ids
            out["ts"] = facts.ts_us - POSTGRES_EPOCH_US
            out["from_ts"] = facts.from_us - POSTGRES_EPOCH_US
            out["raw_before"] = facts.before
            out["raw"] = facts.value
            out["quantity"] = facts.quantity
            out["cause"] = facts.cause
            out["discontinuous"] = facts.discontinuous
            out["batch"] = batch
            pieces.append(out.tobytes())
    return [HEADER, *pieces, TRAILER] if pieces else []


def mark_fields(plant: str, equipment: str) -> bytes:
    """The first two fields of a row of `production_dirty`, and the length of the third."""
    names = [name.encode() for name in (plant, equipment)]
    fields = [len(name).to_bytes(4, "big") + name for name in names]
    return b"".join([(3).to_bytes(2, "big"), *fields, (8).to_bytes(4, "big")])


def copy_marks(parts: Sequence[tuple[NDArray[np.object_], int]]) -> list[bytes]:
    """COPY data of `production_dirty`: what `mark_fields` made, each part with its minute's start.

    [] for none.
    """
    pieces: list[bytes] = []
    for fields, minute_us in parts:
        if len(fields):
            minute = (minute_us - POSTGRES_EPOCH_US).to_bytes(8, "big", signed=True)
            pieces += [minute.join(fields.tolist()), minute]
    return [HEADER, *pieces, TRAILER] if pieces else []


def _filled(
    layout: np.dtype[Any], readings: Readings, rows: NDArray[np.intp], batch: NDArray[np.int64]
) -> NDArray[np.void]:
    out = np.repeat(_BLANKS[layout], rows.size)
    out["ts"] = readings.ts[rows] - POSTGRES_EPOCH_US
    out["tag_id"] = readings.tag_id[rows]
    out["q"] = to_signed(readings.q[rows])
    out["batch"] = batch[rows]
    return out


def _text_rows(readings: Readings, rows: NDArray[np.intp], batch: NDArray[np.int64]) -> bytes:
    ts = (readings.ts[rows] - POSTGRES_EPOCH_US).tolist()
    tags = readings.tag_id[rows].tolist()
    texts = [""] * len(ts) if readings.s is None else readings.s[rows].tolist()
    # PostgreSQL has no NUL in texts; its visible stand-in keeps the rest of the value.
    encoded = [text.replace("\0", "\u2400").encode() for text in texts]
    quality = to_signed(readings.q[rows]).tolist()
    return b"".join(
        _TEXT_HEAD.pack(7, 8, at, 4, tag, -1, -1, len(text))
        + text
        + _TEXT_TAIL.pack(4, q, 8, number)
        for at, tag, text, q, number in zip(
            ts, tags, encoded, quality, batch[rows].tolist(), strict=True
        )
    )


def _within_years(at_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Times a device made up, held within the years 1 to 9999 that everything can show."""
    return np.clip(at_us, EARLIEST_US, LATEST_US)
