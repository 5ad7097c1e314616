"""Answers that announce more than they hold cost neither memory nor time."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer, NotEnoughData
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary
from asyncua.ua.uaerrors import UaError

from drivers.opcua.hardened import harden
from drivers.opcua.reads import Read

MANY = 2_000_000_000
NULLS = bytes([0x80]) + struct.pack("<i", MANY)
TEXTS = bytes([0x80 | 12]) + struct.pack("<ii", MANY, -4)
"""Each text of a length that leads back to its own length."""


def answer(variant: bytes) -> bytes:
    empty = bytes(struct_to_binary(ua.ReadResponse()))
    return empty[:-8] + struct.pack("<i", 1) + b"\x01" + variant + struct.pack("<i", -1)


def report(variant: bytes) -> bytes:
    result = ua.PublishResult()
    item = ua.MonitoredItemNotification(Value=ua.DataValue(ua.Variant(12_345_678)))
    result.NotificationMessage.NotificationData = [ua.DataChangeNotification(MonitoredItems=[item])]
    raw = bytes(struct_to_binary(result))
    number = struct.pack("<Bq", 8, 12_345_678)
    assert raw.count(number) == 1
    return raw.replace(number, variant + bytes(len(number) - len(variant)))


@pytest.fixture(autouse=True)
def bounded() -> None:
    harden()


@pytest.mark.parametrize("bomb", [NULLS, TEXTS], ids=["nulls", "texts"])
def test_an_array_larger_than_its_message_is_refused_before_it_is_made(bomb: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises((UaError, ValueError)):
            Read(np.arange(1), []).answers(Buffer(answer(bomb)))
        with pytest.raises((UaError, ValueError)):
            struct_from_binary(ua.PublishResult, Buffer(report(bomb)))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_nothing_is_read_backwards() -> None:
    data = Buffer(b"abcdef")
    assert data.read(4) == b"abcd"
    for size in (-1, -4, 3):
        with pytest.raises(NotEnoughData):
            data.read(size)
    assert data.read(2) == b"ef"


def test_nulls_and_empty_arrays_are_read_as_before() -> None:
    values = [
        ua.DataValue(),
        ua.DataValue(ua.Variant(None, ua.VariantType.Null)),
        ua.DataValue(ua.Variant(None, ua.VariantType.Null)),
        ua.DataValue(ua.Variant([], ua.VariantType.String)),
        ua.DataValue(ua.Variant(["a", None, "b"], ua.VariantType.String)),
        ua.DataValue(ua.Variant([ua.Variant(1), ua.Variant()], ua.VariantType.Variant)),
    ]
    response = ua.ReadResponse(Results=values)
    found = struct_from_binary(ua.ReadResponse, Buffer(struct_to_binary(response))).Results
    shown = [None if one.Value is None else one.Value.Value for one in found]
    assert shown[:5] == [None, None, None, [], ["a", None, "b"]]
    assert [one.Value for one in shown[5]] == [1, None]
