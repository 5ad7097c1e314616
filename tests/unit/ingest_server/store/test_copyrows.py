"""The bytes of binary COPY, read back field by field."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import pytest

from ingest_server.store.copyrows import (
    HEADER,
    POSTGRES_EPOCH_US,
    copy_origins,
    copy_readings,
    readings_of,
)
from ingest_server.store.rows import Shape, TagMap
from wire.quality import NO_VALUE
from wire.samples import Samples

TAGS = TagMap().with_tags(
    [
        (1, 101, Shape.FROM_FLOAT),
        (2, 102, Shape.BIG),
        (3, 103, Shape.BIG),
        (5, 105, Shape.TEXT),
    ]
)


def parsed(pieces: list[bytes]) -> Iterator[list[bytes | None]]:
    data = b"".join(pieces)
    assert data.startswith(HEADER)
    at = len(HEADER)
    while True:
        (count,) = struct.unpack_from(">h", data, at)
        at += 2
        if count == -1:
            assert at == len(data)
            return
        fields: list[bytes | None] = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", data, at)
            at += 4
            fields.append(None if length == -1 else data[at : at + length])
            at += max(length, 0)
        yield fields


def samples(*rows: tuple[int, float, int, str, int]) -> Samples:
    tag, f, i, s, q = zip(*rows, strict=True)
    count = len(rows)
    return Samples(
        tag=np.array(tag, np.int32),
        ts=POSTGRES_EPOCH_US + np.arange(count),
        q=np.array(q, np.uint32),
        f=np.array(f),
        i=np.array(i, np.int64),
        s=np.array([*s, None], np.object_)[:-1],
        orig=np.where(np.arange(count) == 1, 7, 0),
    )


def test_each_value_stands_in_its_own_column() -> None:
    batch = samples(
        (1, 1.5, 0, "", 0),
        (2, 0.0, -3, "", 0x8000_0000),
        (3, 0.0, 2**62, "", 0),
        (3, 0.0, 0, "18446744073709551615", 0),
        (5, 0.0, 0, "a\0工", 0),
        (5, 0.0, 0, "", 0),
        (2, 0.0, 9, "", 0x8000_0000 | NO_VALUE),
        (1, float("inf"), 0, "", 0),
    )
    found = {}
    for ts, tag, num, big, txt, q, number in parsed(
        [*copy_readings([(readings_of(batch, TAGS), 77)])]
    ):
        assert number == struct.pack(">q", 77)
        found[struct.unpack(">q", ts)[0]] = (struct.unpack(">i", tag)[0], num, big, txt, q)
    assert found == {
        0: (101, struct.pack(">d", 1.5), None, None, bytes(4)),
        1: (102, None, struct.pack(">q", -3), None, b"\x80\0\0\0"),
        2: (103, None, struct.pack(">q", 2**62), None, bytes(4)),
        3: (103, None, None, b"18446744073709551615", bytes(4)),
        4: (105, None, None, "a\u2400工".encode(), bytes(4)),
        5: (105, None, None, b"", bytes(4)),
        6: (102, None, None, None, b"\x80\0\0\x08"),
        7: (101, None, None, None, bytes(4)),
    }  # fmt: skip


def test_device_times_set_aside_are_kept_apart() -> None:
    batch = samples((1, 1.0, 0, "", 0), (1, 2.0, 0, "", 0))
    [[tag, ts, origin, number]] = parsed(copy_origins([(readings_of(batch, TAGS), 5)]))
    assert (tag, ts, number) == (
        *(struct.pack(">iq", 101, 1)[:4],),
        struct.pack(">q", 1),
        struct.pack(">q", 5),
    )
    assert origin == struct.pack(">q", 7 - POSTGRES_EPOCH_US)


def test_no_device_times_make_no_copy() -> None:
    batch = samples((1, 1.0, 0, "", 0))
    assert copy_origins([(readings_of(batch, TAGS), 5)]) == []


@pytest.mark.parametrize(
    ("numbers", "missing"), [([1, 2, 5], None), ([1, 4], 4), ([6], 6), ([], None)]
)
def test_a_number_without_definition_is_found(numbers: list[int], missing: int | None) -> None:
    assert TAGS.undefined(np.array(numbers, np.int32)) == missing
