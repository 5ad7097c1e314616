"""From what a server answered to columns of the data types that are configured. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from drivers.opcua.answers import KINDS, Answers
from drivers.opcua.config import OpcUaTag
from wire import quality
from wire.dtypes import DType

_V = ua.VariantType
_OVERFLOW_BITS: Final = np.uint32(0x0480)
"""InfoType DataValue and its Overflow bit (OPC UA Part 4, 7.39.1)."""
_BAD: Final = np.uint32(quality.BAD)

_DTYPES: Final = tuple(DType)
_CODE: Final = {dtype: code for code, dtype in enumerate(_DTYPES)}
_SIGNED_KINDS: Final = (_V.SByte, _V.Int16, _V.Int32, _V.Int64)
_SHORT_UNSIGNED: Final = (_V.Byte, _V.UInt16, _V.UInt32)
_SMALL_KINDS: Final = (_V.SByte, _V.Byte, _V.Int16, _V.UInt16)
_INTEGERS: Final = (
    DType.I8,
    DType.I16,
    DType.I32,
    DType.I64,
    DType.U8,
    DType.U16,
    DType.U32,
    DType.U64,
)


def _fitting() -> NDArray[np.bool_]:
    """[data type, kind of value]: whether every such value in range is kept exactly."""
    table = np.zeros((len(_DTYPES), KINDS), np.bool_)
    fits: dict[DType, tuple[ua.VariantType, ...]] = {
        DType.BOOL: (_V.Boolean,),
        DType.F32: (_V.Float, *_SMALL_KINDS),
        DType.F64: (_V.Float, _V.Double, *_SMALL_KINDS, _V.Int32, _V.UInt32),
        DType.STR: (_V.String, _V.LocalizedText, _V.XmlElement),
        DType.TIME: (_V.DateTime,),
        **dict.fromkeys(_INTEGERS, (*_SIGNED_KINDS, *_SHORT_UNSIGNED)),
    }
    fits[DType.U64] = (*fits[DType.U64], _V.UInt64)
    fits[DType.I64] = (*fits[DType.I64], _V.UInt64)
    for dtype, kinds in fits.items():
        table[_CODE[dtype], [kind.value for kind in kinds]] = True
    return table


def _bounds(last: bool) -> NDArray[np.int64]:  # noqa: FBT001 - lower or upper
    found = np.full(len(_DTYPES), np.iinfo(np.int64).max if last else np.iinfo(np.int64).min)
    for dtype in _INTEGERS:
        bits = int(dtype.value[1:])
        if dtype.value[0] == "i":
            found[_CODE[dtype]] = 2 ** (bits - 1) - 1 if last else -(2 ** (bits - 1))
        else:
            found[_CODE[dtype]] = min(2**bits, 2**63) - 1 if last else 0
    return found


_FITS: Final = _fitting()
_LOW: Final = _bounds(last=False)
_HIGH: Final = _bounds(last=True)
_IS_INTEGER: Final = np.isin(np.arange(len(_DTYPES)), [_CODE[dtype] for dtype in _INTEGERS])
_IS_FLOAT: Final = np.isin(np.arange(len(_DTYPES)), [_CODE[DType.F32], _CODE[DType.F64]])


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What is expected of each row: data type and, for elements of an array, which."""

    codes: NDArray[np.intp]
    elements: NDArray[np.int64]
    """-1 for a scalar."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Converted:
    """n values as columns; see `drivers.base.Columns`."""

    f: NDArray[np.float64]
    i: NDArray[np.int64]
    q: NDArray[np.uint32]
    s: NDArray[np.object_] | None
    source_us: NDArray[np.int64]
    mismatched: NDArray[np.bool_]
    """Rows whose kind of value does not fit their data type."""
    overflowed: int
    """How many values say that others before them are missing."""


def shape_of(tags: Sequence[OpcUaTag]) -> Shape:
    """What these tags expect, in their order."""
    elements = [tag.node.element for tag in tags]
    return Shape(
        codes=np.array([_CODE[tag.dtype] for tag in tags], np.intp),
        elements=np.array([-1 if one is None else one for one in elements], np.int64),
    )


def convert(shape: Shape, rows: NDArray[np.intp], answers: Answers) -> Converted:
    """The columns of `answers`, of which the n-th belongs to row `rows[n]` of the shape."""
    codes, elements = shape.codes[rows], shape.elements[rows]
    status, kinds, count = answers.status, answers.kinds, len(answers)
    missing = answers.choose(elements)
    scalar = answers.lists == (elements >= 0)

    q = (status & np.uint32(quality.STATUS_MASK)).astype(np.uint32)
    overflow = (status & _OVERFLOW_BITS) == _OVERFLOW_BITS
    q[overflow] |= np.uint32(quality.OVERFLOW)
    bad = (status >> np.uint32(30)) >= 2
    q[bad] |= np.uint32(quality.NO_VALUE)

    null = kinds == 0
    _refuse(q, ~bad & null, quality.BAD)
    _refuse(q, ~bad & ~null & missing, quality.BAD_OUT_OF_RANGE)
    fits = _FITS[codes, kinds]
    mismatched = ~bad & ~null & ~missing & ~(fits & scalar)
    _refuse(q, mismatched, quality.BAD_TYPE_MISMATCH)

    f, i = np.zeros(count, np.float64), np.zeros(count, np.int64)
    texts: list[tuple[NDArray[np.intp], list[str]]] = []
    usable = quality.has_value(q)
    _floats(usable & _IS_FLOAT[codes], answers, f, q)
    whole = usable & _IS_INTEGER[codes]
    large = kinds == _V.UInt64.value
    _integers(whole & ~large, answers, codes, i, q)
    texts += _large(whole & large, answers, codes, i, q)
    at = np.flatnonzero(usable & (codes == _CODE[DType.BOOL]))
    i[at] = answers.integers(at)
    at = np.flatnonzero(usable & (codes == _CODE[DType.TIME]))
    i[at] = answers.times(at)
    texts += _texts(usable & (codes == _CODE[DType.STR]), answers, q)
    s: NDArray[np.object_] | None = None
    for where, words in texts:
        if where.size:
            s = np.full(count, "", np.object_) if s is None else s
            s[where] = words
    return Converted(
        f=f,
        i=i,
        q=q,
        s=s,
        source_us=answers.source_us,
        mismatched=mismatched,
        overflowed=int(overflow.sum()),
    )


def _refuse(q: NDArray[np.uint32], rows: NDArray[np.bool_], code: int) -> None:
    """Give rows a reason and no value; what else was flagged stays."""
    flags = q[rows] & np.uint32(quality.FLAG_MASK)
    q[rows] = flags | np.uint32(code | quality.NO_VALUE)


def _floats(
    rows: NDArray[np.bool_], answers: Answers, f: NDArray[np.float64], q: NDArray[np.uint32]
) -> None:
    at = np.flatnonzero(rows)
    found = answers.floats(at)
    finite = np.isfinite(found)
    f[at] = np.where(finite, found, 0.0)
    infinite = np.zeros_like(rows)
    infinite[at[~finite]] = True
    _refuse(q, infinite, quality.BAD_OUT_OF_RANGE | quality.NOT_FINITE)


def _integers(
    rows: NDArray[np.bool_],
    answers: Answers,
    codes: NDArray[np.intp],
    i: NDArray[np.int64],
    q: NDArray[np.uint32],
) -> None:
    at = np.flatnonzero(rows)
    found = answers.integers(at)
    inside = (found >= _LOW[codes[at]]) & (found <= _HIGH[codes[at]])
    i[at] = np.where(inside, found, 0)
    outside = np.zeros_like(rows)
    outside[at[~inside]] = True
    _refuse(q, outside, quality.BAD_OUT_OF_RANGE)


def _large(
    rows: NDArray[np.bool_],
    answers: Answers,
    codes: NDArray[np.intp],
    i: NDArray[np.int64],
    q: NDArray[np.uint32],
) -> list[tuple[NDArray[np.intp], list[str]]]:
    """UInt64 values: above 2**63-1 as text for u64, out of range for i64."""
    at = np.flatnonzero(rows)
    found = answers.large(at)
    above = found > np.uint64(2**63 - 1)
    i[at] = np.where(above, np.uint64(0), found).astype(np.int64)
    unsigned = codes[at] == _CODE[DType.U64]
    outside = np.zeros_like(rows)
    outside[at[above & ~unsigned]] = True
    _refuse(q, outside, quality.BAD_OUT_OF_RANGE)
    words = [str(value) for value in found[above & unsigned].tolist()]
    return [(at[above & unsigned], words)]


def _texts(
    rows: NDArray[np.bool_], answers: Answers, q: NDArray[np.uint32]
) -> list[tuple[NDArray[np.intp], list[str]]]:
    at = np.flatnonzero(rows)
    words = answers.texts(at)
    refused = np.zeros_like(rows)
    refused[at] = [word is None for word in words]
    _refuse(q, refused, quality.BAD_OUT_OF_RANGE)
    return [(at, [word or "" for word in words])]
