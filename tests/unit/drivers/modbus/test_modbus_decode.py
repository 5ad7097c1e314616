"""Decoding against an independent reference that uses struct alone, one value at a time."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.modbus.config import ModbusTag
from drivers.modbus.decode import Values, lay_out
from drivers.modbus.plan import Item, Limits, plan
from wire import quality

ORDERS = ["ABCD", "CDAB", "BADC", "DCBA"]
CODES = {
    "i8": "b",
    "u8": "B",
    "i16": "h",
    "u16": "H",
    "i32": "i",
    "u32": "I",
    "i64": "q",
    "u64": "Q",
    "f32": "f",
    "f64": "d",
}


def transmitted(big_endian: bytes, order: str) -> bytes:
    """The bytes as a device of this order would send them: letters say which byte comes when."""
    letters = {
        2: {"ABCD": "AB", "CDAB": "AB", "BADC": "BA", "DCBA": "BA"},
        4: {name: name for name in ORDERS},
        8: {"ABCD": "ABCDEFGH", "CDAB": "GHEFCDAB", "BADC": "BADCFEHG", "DCBA": "HGFEDCBA"},
    }[len(big_endian)][order]
    return bytes(big_endian[ord(letter) - ord("A")] for letter in letters)


def decode(registers: bytes, *tags: dict[str, Any], start: int = 0) -> Values:
    models = [ModbusTag.model_validate({"path": str(n), **tag}) for n, tag in enumerate(tags)]
    items = [
        Item(
            row=row,
            unit=1,
            table=tag.place.table,
            address=tag.place.address,
            width=tag.width,
            order=tag.word_order or "ABCD",
        )
        for row, tag in enumerate(models)
    ]
    blocks = plan(items, Limits(registers=125, bits=2000, gap=125))
    layout = lay_out(models, blocks)
    image = layout.image()
    for block in blocks:
        at = 2 * (block.start - start)
        layout.put(image, block, registers[at : at + 2 * block.count])
    return layout.decode(image, np.zeros(len(models), np.uint32))


@st.composite
def numbers(draw: st.DrawFn) -> tuple[str, str, Any]:
    dtype = draw(st.sampled_from(sorted(CODES)))
    bits = int(dtype[1:])
    if dtype[0] == "f":
        value: Any = draw(st.floats(width=32 if bits == 32 else 64))
    elif dtype[0] == "i":
        value = draw(st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
    else:
        value = draw(st.integers(0, 2**bits - 1))
    return dtype, draw(st.sampled_from(ORDERS)), value


@settings(max_examples=300)
@given(st.lists(numbers(), min_size=1, max_size=25), st.integers(0, 1000))
def test_every_type_in_every_order_equals_the_reference(
    wanted: list[tuple[str, str, Any]], start: int
) -> None:
    raw, tags = b"", []
    for dtype, order, value in wanted:
        tags.append(
            {"address": f"holding:{start + len(raw) // 2}", "dtype": dtype, "word_order": order}
        )
        big = struct.pack(">" + CODES[dtype], value)
        raw += transmitted(big if len(big) > 1 else b"\0" + big, order)
    got = decode(raw, *tags, start=start)
    for row, (dtype, _, value) in enumerate(wanted):
        if dtype[0] == "f" and not math.isfinite(value):
            assert got.q[row] & quality.NOT_FINITE
            assert got.q[row] & quality.NO_VALUE
            assert got.f[row] == 0
        elif dtype[0] == "f":
            assert got.q[row] == 0
            assert struct.pack(">d", got.f[row]) == struct.pack(">d", value)
        elif value > 2**63 - 1:
            assert got.s is not None
            assert (got.i[row], got.s[row]) == (0, str(value))
        else:
            assert got.i[row] == value
            assert got.s is None or got.s[row] == ""


@pytest.mark.parametrize(
    ("dtype", "registers", "expected"),
    [
        ("u16", "1234", 1234),
        ("u16", "9999", 9999),
        ("u32", "12345678", 12345678),
        ("u64", "9999999999999999", 9_999_999_999_999_999),
        ("u8", "0042", 42),
        ("u16", "12A4", None),
        ("u32", "F0000000", None),
    ],
)
def test_bcd_has_decimal_digits_or_no_value(
    dtype: str, registers: str, expected: int | None
) -> None:
    tag = {"address": "holding:0", "dtype": dtype, "encoding": "bcd"}
    got = decode(bytes.fromhex(registers), tag)
    if expected is None:
        assert got.q[0] == quality.BAD_OUT_OF_RANGE | quality.NO_VALUE
        assert got.i[0] == 0
    else:
        assert (got.i[0], got.q[0]) == (expected, 0)


@given(st.integers(0, 65535), st.sampled_from(ORDERS))
def test_each_bit_of_a_register_is_a_bool(word: int, order: str) -> None:
    tags = [
        {"address": f"holding:0.{bit}", "dtype": "bool", "word_order": order} for bit in range(16)
    ]
    got = decode(transmitted(struct.pack(">H", word), order), *tags)
    assert got.i.tolist() == [word >> bit & 1 for bit in range(16)]


@given(st.text(max_size=20), st.sampled_from(["utf-8", "gb18030"]), st.booleans())
def test_texts_end_at_the_first_nul_and_lose_trailing_blanks(
    text: str, charset: str, swapped: bool
) -> None:
    raw = text.encode(charset)[:40].ljust(42, b"\0")
    sent = (
        b"".join(
            raw[at + 1 :: -1][:2] if at == 0 else raw[at + 1 : at - 1 : -1]
            for at in range(0, 42, 2)
        )
        if swapped
        else raw
    )
    tag = {
        "address": "holding:0",
        "dtype": "str",
        "length": 21,
        "charset": charset,
        "word_order": "BADC" if swapped else "ABCD",
    }
    got = decode(sent, tag)
    try:
        expected = raw.split(b"\0")[0].decode(charset).rstrip()
    except UnicodeDecodeError:
        assert got.q[0] == quality.BAD_OUT_OF_RANGE | quality.NO_VALUE
    else:
        assert got.s is not None
        assert (got.s[0], got.q[0]) == (expected, 0)


def test_what_was_not_read_keeps_its_reason_and_has_no_value() -> None:
    models = [
        ModbusTag.model_validate({"path": "a", "address": "holding:0", "dtype": "f32"}),
        ModbusTag.model_validate({"path": "b", "address": "holding:2", "dtype": "u16"}),
    ]
    items = [
        Item(row=row, unit=1, table="holding", address=tag.place.address, width=tag.width)
        for row, tag in enumerate(models)
    ]
    blocks = plan(items, Limits(registers=125, bits=1, gap=0))
    layout = lay_out(models, blocks)
    image = layout.image()
    image[:] = 0xFF  # NaN, and 65535
    reason = quality.BAD_TIMEOUT | quality.NO_VALUE
    got = layout.decode(image, np.array([reason, reason], np.uint32))
    assert got.q.tolist() == [reason, reason]
    assert got.f.tolist() == [0, 0]
    assert got.i.tolist() == [0, 0]
