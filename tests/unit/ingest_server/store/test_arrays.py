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


def test_what_goes_as_an_array_comes_back_as_the_same_column() -> None:
    at_us = [arrays.EARLIEST_US, -1, 0, 1_772_359_800_123_456, arrays.LATEST_US]
    assert arrays.times_of(arrays.times(at_us).content).tolist() == at_us
    assert arrays.doubles_of(arrays.doubles([0.5, -1e300]).content).tolist() == [0.5, -1e300]
    sent = struct.pack(">iiIii", 1, 0, 16, 2, 1) + struct.pack(">i?i?", 1, True, 1, False)
    assert arrays.bools_of(sent).tolist() == [True, False]
    assert arrays.doubles_of(arrays.doubles([]).content).tolist() == []


def test_an_array_of_another_type_or_with_nulls_is_no_column() -> None:
    with pytest.raises(ValueError, match="an array of 701"):
        arrays.times_of(arrays.doubles([1.0]).content)
    nulls = np.array([True, False])
    with pytest.raises(ValueError, match="nulls 1"):
        arrays.doubles_of(arrays.doubles([1.0, 2.0], nulls=nulls).content)
