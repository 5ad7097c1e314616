"""Values of every kind against every data type: exact, or no value and a reason."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.opcua.answers import Objects
from drivers.opcua.config import OpcUaTag
from drivers.opcua.convert import Converted, convert, shape_of
from wire import quality

V = ua.VariantType
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INTS = {
    V.SByte: (-(2**7), 2**7 - 1),
    V.Byte: (0, 2**8 - 1),
    V.Int16: (-(2**15), 2**15 - 1),
    V.UInt16: (0, 2**16 - 1),
    V.Int32: (-(2**31), 2**31 - 1),
    V.UInt32: (0, 2**32 - 1),
    V.Int64: (-(2**63), 2**63 - 1),
    V.UInt64: (0, 2**64 - 1),
}
RANGES = {
    **{f"i{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"u{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}
DTYPES = [*RANGES, "bool", "f32", "f64", "str", "time"]


def columns(*rows: tuple[str, Any]) -> Converted:
    """One row a pair of data type (with [n] for an element) and DataValue."""
    tags = []
    for n, (dtype, _) in enumerate(rows):
        kind, bracket, rest = dtype.partition("[")
        tags.append(OpcUaTag(path=str(n), address=f"ns=2;s=x{bracket}{rest}", dtype=kind))
    return convert(shape_of(tags), np.arange(len(rows)), Objects([value for _, value in rows]))


def value(given_: Any, kind: ua.VariantType, code: int = 0) -> ua.DataValue:
    return ua.DataValue(ua.Variant(given_, kind), ua.StatusCode(ua.UInt32(code)))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, ua.VariantType, Any]:
    kind = draw(
        st.sampled_from([*INTS, V.Boolean, V.Float, V.Double, V.String, V.DateTime, V.ByteString])
    )
    if kind in INTS:
        content: Any = draw(st.integers(*INTS[kind]))
    elif kind is V.Boolean:
        content = draw(st.booleans())
    elif kind in (V.Float, V.Double):
        content = draw(st.floats(width=32 if kind is V.Float else 64))
    elif kind is V.String:
        content = draw(st.text(max_size=30))
    elif kind is V.DateTime:
        content = EPOCH + timedelta(microseconds=draw(st.integers(-(10**15), 10**17)))
    else:
        content = draw(st.binary(max_size=5))
    return draw(st.sampled_from(DTYPES)), kind, content


def expected(dtype: str, kind: ua.VariantType, content: Any) -> Any:
    """The value a person would expect, or None: an independent statement of the rules."""
    if dtype == "bool":
        return int(content) if kind is V.Boolean else None
    if dtype in RANGES:
        if kind not in INTS or (kind is V.UInt64 and dtype not in ("u64", "i64")):
            return None
        low, high = RANGES[dtype]
        return content if low <= content <= high else None
    if dtype in ("f32", "f64"):
        small = (V.SByte, V.Byte, V.Int16, V.UInt16)
        more = (V.Double, V.Int32, V.UInt32) if dtype == "f64" else ()
        if kind is not V.Float and kind not in small + more:
            return None
        return float(content) if math.isfinite(content) else None
    if dtype == "str":
        return content if kind is V.String else None
    return (content - EPOCH) // timedelta(microseconds=1) if kind is V.DateTime else None


@settings(max_examples=300)
@given(st.lists(pairs(), min_size=1, max_size=20))
def test_each_value_is_exact_or_has_none_and_never_touches_its_neighbours(
    given_: list[tuple[str, ua.VariantType, Any]],
) -> None:
    got = columns(*((dtype, value(content, kind)) for dtype, kind, content in given_))
    for row, (dtype, kind, content) in enumerate(given_):
        want = expected(dtype, kind, content)
        text = "" if got.s is None else got.s[row]
        if want is None:
            assert got.q[row] & quality.NO_VALUE
            assert got.q[row] >> 30 == 2
            assert (got.f[row], got.i[row], text) == (0, 0, "")
        elif dtype in ("f32", "f64"):
            assert (got.q[row], got.f[row]) == (0, want)
        elif dtype == "str" or want > 2**63 - 1:
            assert (got.q[row], got.i[row], text) == (0, 0, str(want))
        else:
            assert (got.q[row], got.i[row], text) == (0, want, "")


@pytest.mark.parametrize(
    ("dtype", "answer", "status"),
    [
        ("i32", value(1.5, V.Double), quality.BAD_TYPE_MISMATCH),
        ("i32", value([1, 2], V.Int32), quality.BAD_TYPE_MISMATCH),
        ("i32[0]", value(1, V.Int32), quality.BAD_TYPE_MISMATCH),
        ("i32[2]", value([1, 2], V.Int32), quality.BAD_OUT_OF_RANGE),
        ("i8", value(200, V.Int32), quality.BAD_OUT_OF_RANGE),
        ("i32", ua.DataValue(ua.Variant(None)), quality.BAD),
        ("i32", ua.DataValue(None, ua.StatusCode(ua.UInt32(0x80340000))), 0x80340000),
        ("i32", value("text", V.String, 0x80050000), quality.BAD_COMMUNICATION),
        ("str", value("x" * 4097, V.String), quality.BAD_OUT_OF_RANGE),
        ("str", value("汉" * 1366, V.String), quality.BAD_OUT_OF_RANGE),
        ("str", value("\ud800", V.String), quality.BAD_OUT_OF_RANGE),
        ("f64", value(math.inf, V.Double), quality.BAD_OUT_OF_RANGE),
    ],
)
def test_what_has_no_value_says_why(dtype: str, answer: ua.DataValue, status: int) -> None:
    got = columns((dtype, answer))
    assert int(got.q[0]) & quality.STATUS_MASK == status
    assert got.q[0] & quality.NO_VALUE
    assert bool(got.mismatched[0]) == (status == quality.BAD_TYPE_MISMATCH)


def test_an_element_of_an_array_is_taken() -> None:
    got = columns(("i32[1]", value([1, 2, 3], V.Int32)), ("f64[0]", value([0.5], V.Double)))
    assert (got.i[0], got.f[1]) == (2, 0.5)
    assert got.q.tolist() == [0, 0]


def test_long_texts_within_the_limit_and_empty_ones_are_kept() -> None:
    localized = ua.DataValue(ua.Variant(ua.LocalizedText("运行"), V.LocalizedText))
    got = columns(
        ("str", value("汉" * 1365, V.String)),
        ("str", value(None, V.String)),
        ("str", localized),
    )
    assert got.s is not None
    assert got.s.tolist() == ["汉" * 1365, "", "运行"]
    assert got.q.tolist() == [0, 0, 0]


def test_uncertain_keeps_its_value_and_the_overflow_bit_becomes_our_flag() -> None:
    got = columns(("i32", value(1, V.Int32, 0x4090_0000)), ("i32", value(2, V.Int32, 0x0480)))
    assert got.i.tolist() == [1, 2]
    assert got.q.tolist() == [quality.UNCERTAIN_LAST_USABLE, quality.OVERFLOW]
    assert got.overflowed == 1


def test_source_times_are_exact_and_none_is_zero() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    given_ = [
        ua.DataValue(ua.Variant(1, V.Int32), SourceTimestamp=time)
        for time in (at, None, datetime(1601, 1, 1, tzinfo=UTC), at.replace(tzinfo=None))
    ]
    got = columns(*(("i32", one) for one in given_))
    exact = (at - EPOCH) // timedelta(microseconds=1)
    assert got.source_us.tolist() == [exact, 0, 0, exact]
