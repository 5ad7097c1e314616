"""Answers read from their bytes say what the library says of them, whatever came before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from hypothesis import given
from hypothesis import strategies as st

from drivers.opcua.answers import Objects
from drivers.opcua.config import OpcUaTag
from drivers.opcua.convert import Converted, convert, shape_of
from drivers.opcua.flat import Flat, Layout, flat
from drivers.opcua.nodes import question
from drivers.opcua.reads import Read
from wire.dtypes import DType

V = ua.VariantType
NOW = datetime(2026, 3, 1, 8, 30, 0, 123456, tzinfo=UTC)
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
DTYPES = ["bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64", "time", "str"]
ANY_TIME = st.integers(-(10**16), 10**17).map(lambda us: NOW + timedelta(microseconds=us // 2))


@st.composite
def scalars(draw: st.DrawFn, kinds: list[Any] | None = None) -> ua.DataValue:
    """Any value of a fixed length, with or without status and times."""
    kind = draw(st.sampled_from(kinds or [None, *INTS, V.Boolean, V.Float, V.Double, V.DateTime]))
    found = ua.DataValue()
    if kind in INTS:
        found = ua.DataValue(ua.Variant(draw(st.integers(*INTS[kind])), kind))
    elif kind is V.Boolean:
        found = ua.DataValue(ua.Variant(draw(st.booleans()), kind))
    elif kind is V.DateTime:
        found = ua.DataValue(ua.Variant(draw(ANY_TIME), kind))
    elif kind is not None:
        floats = st.floats(width=32) if kind is V.Float else st.floats()
        found = ua.DataValue(ua.Variant(draw(floats), kind))
    code = draw(st.sampled_from([None, 0, 0x8034_0000, 0x4000_0000, 0x0000_0480]))
    found.StatusCode = None if code is None else ua.StatusCode(ua.UInt32(code))
    stamps: st.SearchStrategy[Any] = st.none() | ANY_TIME
    found.SourceTimestamp, found.ServerTimestamp = draw(stamps), draw(stamps)
    return found


def array_of(values: list[ua.DataValue]) -> bytes:
    """The results as they stand in an answer, with what follows them."""
    answer = ua.ReadResponse()
    answer.Results = values
    return struct_to_binary(answer)[len(struct_to_binary(ua.ReadResponse())) - 8 :]


def body_of(values: list[ua.DataValue]) -> Buffer:
    answer = ua.ReadResponse()
    answer.Results = values
    return Buffer(struct_to_binary(answer))


def decoded(array: bytes) -> list[ua.DataValue]:
    head = struct_to_binary(ua.ReadResponse())[:-8]
    found: list[ua.DataValue] = struct_from_binary(ua.ReadResponse, Buffer(head + array)).Results
    return found


def same(dtypes: list[str], one: Converted, other: Converted) -> None:
    for name in ("f", "i", "q", "source_us", "mismatched"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert one.overflowed == other.overflowed
    assert (one.s is None) == (other.s is None)
    if one.s is not None and other.s is not None:
        assert one.s.tolist() == other.s.tolist()


def columns(dtypes: list[str], answers: Objects | Flat) -> Converted:
    tags = [OpcUaTag(path=str(n), address="ns=2;s=x", dtype=DType(d)) for n, d in enumerate(dtypes)]
    return convert(shape_of(tags), np.arange(len(tags)), answers)


def number(value: float) -> ua.DataValue:
    stamp: Any = NOW
    return ua.DataValue(ua.Variant(value, V.Float), SourceTimestamp=stamp)


@given(st.data())
def test_bytes_and_objects_give_the_same_columns(data: st.DataObject) -> None:
    layout: Layout | None = None
    dtypes = data.draw(st.lists(st.sampled_from(DTYPES), min_size=1, max_size=6))
    count = st.lists(scalars(), min_size=len(dtypes), max_size=len(dtypes))
    for values in data.draw(st.lists(count, min_size=1, max_size=4)):
        array = array_of(values)
        layout, found = flat(layout, array)
        assert layout is not None
        if found is None:
            times = [one.SourceTimestamp for one in values]
            times += [
                one.Value.Value
                for one in values
                if one.Value and one.Value.VariantType is V.DateTime
            ]
            assert any(one is not None for one in times)
            continue
        same(dtypes, columns(dtypes, found), columns(dtypes, Objects(decoded(array))))
        assert [found.kind_of(n) for n in range(len(found))] == [
            Objects(decoded(array)).kind_of(n) for n in range(len(found))
        ]


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_bytes_of_any_kind_are_never_read_beyond_their_end(first: bytes, second: bytes) -> None:
    layout, _ = flat(None, first)
    layout, found = flat(layout, second)
    if found is not None:
        assert layout is not None
        assert layout.size <= len(second)


def test_a_layout_is_kept_while_the_answers_are_alike_and_learned_anew_where_they_are_not() -> None:
    first, _ = flat(None, array_of([number(1.0), number(2.0)]))
    again, found = flat(first, array_of([number(3.0), number(4.5)]))
    assert again is first
    assert found is not None
    assert columns(["f32", "f32"], found).f.tolist() == [3.0, 4.5]
    bad = ua.DataValue(StatusCode=ua.StatusCode(ua.UInt32(0x8034_0000)))
    other, found = flat(first, array_of([bad, number(9.0)]))
    assert other is not first
    assert found is not None
    assert columns(["f32", "f32"], found).f.tolist() == [0.0, 9.0]
    assert found.status.tolist() == [0x8034_0000, 0]


@pytest.mark.parametrize(
    "value",
    [
        ua.DataValue(ua.Variant("text", V.String)),
        ua.DataValue(ua.Variant([1.0, 2.0], V.Double)),
        ua.DataValue(ua.Variant(ua.NodeId(ua.Int32(7), ua.Int16(2)), V.NodeId)),
        ua.DataValue(ua.Variant(1.0, V.Double), SourcePicoseconds=ua.UInt16(7)),
    ],
)
def test_what_has_no_fixed_place_is_left_to_the_library(value: ua.DataValue) -> None:
    read = Read(np.arange(2), [])
    for _ in range(2):
        found = read.answers(body_of([number(7.0), value]))
        assert isinstance(found, Objects)
        assert found.floats(np.array([0])).tolist() == [7.0]
    assert isinstance(read.answers(body_of([number(7.0), number(8.0)])), Flat)


def test_a_request_made_ready_is_the_librarys_own_byte_for_byte() -> None:
    nodes = [
        ua.NodeId(ua.Int32(7), ua.Int16(0)),
        ua.NodeId(ua.String("Press.Good"), ua.Int16(2), ua.NodeIdType.String),
        ua.NodeId(ua.ByteString(b"\x01\x02"), ua.Int16(300), ua.NodeIdType.ByteString),
    ]
    questions = [question(node) for node in nodes]
    made = Read(np.arange(len(nodes)), questions).request()
    plain = ua.ReadRequest(
        Parameters=ua.ReadParameters(
            TimestampsToReturn=ua.TimestampsToReturn.Source, NodesToRead=questions
        )
    )
    assert type(made) is not type(plain)
    plain.RequestHeader = made.RequestHeader
    assert struct_to_binary(made) == struct_to_binary(plain)


def test_a_status_of_the_whole_service_is_raised() -> None:
    answer = ua.ReadResponse()
    answer.ResponseHeader.ServiceResult = ua.StatusCode(ua.UInt32(0x8010_0000))
    with pytest.raises(ua.uaerrors.BadTooManyOperations):
        Read(np.arange(1), []).answers(Buffer(struct_to_binary(answer)))
