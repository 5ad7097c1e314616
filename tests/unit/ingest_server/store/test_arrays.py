"""Columns as PostgreSQL's binary arrays."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from ingest_server.store import arrays


def elements(array: arrays.Array) -> list[bytes | None]:
    """The elements as the format has them."""
    dimensions, nulls, _, *rest = struct.unpack_from(">iiI", array.content)
    assert not rest
    if not dimensions:
        assert len(array.content) == 12
        return []
    assert dimensions == 1
    count, first = struct.unpack_from(">ii", array.content, 12)
    assert first == 1
    found: list[bytes | None] = []
    at = 20
    for _ in range(count):
        (length,) = struct.unpack_from(">i", array.content, at)
        at += 4
        found.append(None if length < 0 else array.content[at : at + length])
        at += max(length, 0)
    assert at == len(array.content)
    assert bool(nulls) == (None in found)
    return found


def test_numbers_are_big_endian_and_nulls_have_no_bytes() -> None:
    values = np.array([1, -2, 3], np.int64)
    assert elements(arrays.ints(values)) == [struct.pack(">i", each) for each in values]
    nulls = np.array([False, True, False])
    assert elements(arrays.bigints(values, nulls=nulls)) == [
        struct.pack(">q", 1),
        None,
        struct.pack(">q", 3),
    ]
    assert elements(arrays.doubles([0.5], nulls=np.array([False]))) == [struct.pack(">d", 0.5)]


def test_empty_arrays_have_no_dimension() -> None:
    for empty in (arrays.ints([]), arrays.texts([]), arrays.uuids([]), arrays.times_or_null([])):
        assert elements(empty) == []


def test_texts_vary_in_length() -> None:
    assert elements(arrays.texts(["ä", None, ""])) == ["ä".encode(), None, b""]


def test_a_time_that_nobody_could_read_is_refused() -> None:
    with pytest.raises(OverflowError):
        arrays.times([0, arrays.LATEST_US + 1])
    with pytest.raises(OverflowError):
        arrays.times_or_null([None, arrays.EARLIEST_US - 1])
    assert len(elements(arrays.times([arrays.EARLIEST_US, arrays.LATEST_US]))) == 2
