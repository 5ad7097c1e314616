"""Samples to JSON columns and back, without a Python loop per sample.

The body of a samples record is

    {"to": complete_to, "base": t, "blocks": [
      {"k": family, "g": [...], "t": [...], "v": [...], "q": [[quality, count], ...],
       "o": {"i": [...], "t": [...]}, "x": {"i": [...], "s": [...]}}]}

One block per value family (`i`, `f32`, `f64`, `s`), its rows sorted by tag and, within a tag, in
the order in which they were taken. `g` (tag numbers), `t` (microseconds after `base`) and `v` of
family `i` are first differences, modulo 2**64: equal and steady columns pack to almost nothing.
`q` is run-length encoded. `o` holds set-aside device times by row (microseconds), `x` the decimal
text of unsigned integers above 2**63-1 by row. `v` of f32 has the shortest digits that give the
same float32. Values are finite: what was not has the flags NO_VALUE and NOT_FINITE and a 0.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from wire.dtypes import Family
from wire.errors import BadBody, LimitExceeded
from wire.samples import Samples, concat

MAX_SAMPLES: Final = 5_000
MAX_TEXT: Final = 4_096
"""Bytes of one text in UTF-8."""
LATEST_US: Final = 253_402_300_800_000_000
"""Event times lie from 1970 up to, not including, the year 10000."""
FAMILIES: Final[tuple[Family, ...]] = ("i", "f32", "f64", "s")
_FAMILY_CODE: Final = {name: code for code, name in enumerate(FAMILIES)}
_JSON: Final = orjson.OPT_SERIALIZE_NUMPY


def family_code(family: Family) -> int:
    """The number by which `families` arrays name a family."""
    return _FAMILY_CODE[family]


def encode_columns(samples: Samples, families: NDArray[np.int8], *, complete_to_us: int) -> bytes:
    """The JSON body of n samples.

    `families[number]` is the family code of a tag number (int8). `complete_to_us`: everything taken
    up to then, of this class, is in this record or before it. Raises LimitExceeded above
    `MAX_SAMPLES` samples or `MAX_TEXT` bytes in a text.
    """
    if len(samples) > MAX_SAMPLES:
        raise LimitExceeded("LS-2020", count=len(samples), limit=MAX_SAMPLES)
    base = int(samples.ts.min()) if len(samples) else complete_to_us
    order = np.argsort(samples.tag, kind="stable")
    in_order = samples.take(order)
    codes = families[in_order.tag]
    blocks = []
    for code, family in enumerate(FAMILIES):
        chosen = np.flatnonzero(codes == code)
        if chosen.size:
            part = in_order if chosen.size == len(samples) else in_order.take(chosen)
            blocks.append(_encode_block(part, family, base))
    return orjson.dumps({"to": complete_to_us, "base": base, "blocks": blocks}, option=_JSON)


def decode_columns(plain: bytes) -> tuple[Samples, int]:
    """The samples of a body and its `complete_to`, both in microseconds since the Unix epoch.

    Unknown keys are ignored. Raises BadBody where the columns do not fit together.
    """
    body = _object(load_json(plain), "body")
    complete_to = _integer(body.get("to"), "to")
    base = _integer(body.get("base"), "base")
    blocks = body.get("blocks")
    if not isinstance(blocks, list) or len(blocks) > len(FAMILIES):
        raise BadBody("LS-2021", field="blocks")
    parts = [_decode_block(_object(block, "blocks"), base) for block in blocks]
    if sum(len(part) for part in parts) > MAX_SAMPLES:
        raise BadBody("LS-2020", count=sum(len(part) for part in parts), limit=MAX_SAMPLES)
    return concat(parts), complete_to


def load_json(plain: bytes) -> Any:
    """Parsed JSON; raises BadBody."""
    try:
        return orjson.loads(plain)
    except orjson.JSONDecodeError as error:
        raise BadBody("LS-2022", reason=str(error)) from error


def _encode_block(part: Samples, family: Family, base: int) -> dict[str, object]:
    block: dict[str, object] = {
        "k": family,
        "g": _differences(part.tag.astype(np.int64)),
        "t": _differences(part.ts - base),
        "q": _run_lengths(part.q),
    }
    if family == "i":
        block["v"] = _differences(part.i)
        if part.s is not None:
            rows = np.flatnonzero(part.s != "")
            if rows.size:
                block["x"] = {"i": rows, "s": part.s[rows].tolist()}
    elif family == "s":
        texts = [""] * len(part) if part.s is None else part.s.tolist()
        longest = max((len(text.encode()) for text in texts), default=0)
        if longest > MAX_TEXT:
            raise LimitExceeded("LS-2023", size=longest, limit=MAX_TEXT)
        block["v"] = texts
    else:
        block["v"] = part.f.astype(np.float32) if family == "f32" else np.ascontiguousarray(part.f)
    if part.orig is not None:
        rows = np.flatnonzero(part.orig)
        if rows.size:
            block["o"] = {"i": rows, "t": part.orig[rows]}
    return block


def _decode_block(block: dict[str, Any], base: int) -> Samples:
    family = block.get("k")
    if family not in FAMILIES:
        raise BadBody("LS-2021", field="k")
    tag = np.cumsum(_integers(block.get("g"), "g"))
    count = int(tag.shape[0])
    if count > MAX_SAMPLES:
        raise BadBody("LS-2020", count=count, limit=MAX_SAMPLES)
    if count and (tag.min() < 1 or tag.max() > np.iinfo(np.int32).max):
        raise BadBody("LS-2021", field="g")
    ts = base + np.cumsum(_integers(block.get("t"), "t"))
    numbers = np.zeros(count, np.float64)
    integers = np.zeros(count, np.int64)
    texts: NDArray[np.object_] | None = None
    values = block.get("v")
    if family == "i":
        integers = np.cumsum(_integers(values, "v"))
        if "x" in block:
            texts = _sparse(block["x"], "x", "s", count, _texts, np.full(count, "", np.object_))
    elif family == "s":
        texts = _texts(values, "v")
    else:
        numbers = _floats(values, "v")
        if family == "f32":
            with np.errstate(over="ignore"):
                numbers = numbers.astype(np.float32).astype(np.float64)
        if not np.isfinite(numbers).all():
            raise BadBody("LS-2021", field="v")
    orig: NDArray[np.int64] | None = None
    if "o" in block:
        orig = _sparse(block["o"], "o", "t", count, _integers, np.zeros(count, np.int64))
    quality = _expand(block.get("q"))
    value_rows = {"i": len(integers), "s": 0 if texts is None else len(texts)}
    if ts.size and not (0 <= ts.min() <= ts.max() < LATEST_US):
        raise BadBody("LS-2021", field="t")
    if not (ts.shape[0] == quality.shape[0] == count == value_rows.get(family, len(numbers))):
        raise BadBody("LS-2024", family=family)
    return Samples(
        tag=tag.astype(np.int32), ts=ts, q=quality, f=numbers, i=integers, s=texts, orig=orig
    )


def _differences(column: NDArray[np.int64]) -> NDArray[np.int64]:
    # Wraps around on purpose: the sum wraps back, so that all 64 bits survive.
    out = np.empty_like(column)
    if column.size:
        out[0] = column[0]
        np.subtract(column[1:], column[:-1], out=out[1:])
    return out


def _run_lengths(column: NDArray[np.uint32]) -> list[list[int]]:
    if not column.size:
        return []
    starts = np.concatenate(([0], np.flatnonzero(np.diff(column)) + 1))
    lengths = np.diff(np.append(starts, column.size))
    return [list(pair) for pair in zip(column[starts].tolist(), lengths.tolist(), strict=True)]


def _expand(runs: Any) -> NDArray[np.uint32]:
    if runs == []:
        return np.empty(0, np.uint32)
    pairs = _matrix(runs, "q")
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.min() < 0:
        raise BadBody("LS-2021", field="q")
    # Each count before their sum: a sum beyond 64 bits wraps around, and numpy believes it.
    if pairs[:, 1].max() > MAX_SAMPLES or pairs[:, 1].sum() > MAX_SAMPLES:
        raise BadBody("LS-2021", field="q")
    if pairs[:, 0].max() > np.iinfo(np.uint32).max:
        raise BadBody("LS-2021", field="q")
    return np.repeat(pairs[:, 0].astype(np.uint32), pairs[:, 1])


def _sparse(value: Any, field: str, key: str, count: int, read: Any, into: NDArray[Any]) -> Any:
    sparse = _object(value, field)
    rows, cells = _integers(sparse.get("i"), field), read(sparse.get(key), field)
    if rows.shape != cells.shape or (rows.size and not 0 <= rows.min() <= rows.max() < count):
        raise BadBody("LS-2021", field=field)
    into[rows] = cells
    return into


def _matrix(values: Any, field: str) -> NDArray[np.int64]:
    # Let numpy choose the type: forcing one would turn 1.5 into 1 and "7" into 7 without a word.
    try:
        column = np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise BadBody("LS-2021", field=field) from error
    if column.dtype.kind != "i":
        raise BadBody("LS-2021", field=field)
    return column.astype(np.int64, copy=False)


def _integers(values: Any, field: str) -> NDArray[np.int64]:
    if not isinstance(values, list):
        raise BadBody("LS-2021", field=field)
    if not values:
        return np.empty(0, np.int64)
    column = _matrix(values, field)
    if column.ndim != 1:
        raise BadBody("LS-2021", field=field)
    return column


def _floats(values: Any, field: str) -> NDArray[np.float64]:
    if not isinstance(values, list):
        raise BadBody("LS-2021", field=field)
    if not values:
        return np.empty(0, np.float64)
    try:
        column = np.asarray(values)
    except (ValueError, OverflowError) as error:
        raise BadBody("LS-2021", field=field) from error
    if column.dtype.kind not in "iuf" or column.ndim != 1:
        raise BadBody("LS-2021", field=field)
    return column.astype(np.float64, copy=False)


def _texts(values: Any, field: str) -> NDArray[np.object_]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadBody("LS-2021", field=field)
    if any(len(value) > MAX_TEXT for value in values):
        raise BadBody("LS-2023", size=max(len(value) for value in values), limit=MAX_TEXT)
    column = np.empty(len(values), np.object_)
    column[:] = values
    return column


def _object(value: Any, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadBody("LS-2021", field=field)
    return value


def _integer(value: Any, field: str) -> int:
    if type(value) is not int or not -(2**62) < value < 2**62:
        raise BadBody("LS-2021", field=field)
    return value
