"""The file of carried records: what was put in comes out, and any damage is noticed."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.carried import Damaged, Reader, pieces

RECORDS = [b"first", b"x" * 1000, b"last"]


def _read(raw: bytes) -> tuple[dict[str, object], list[bytes]]:
    reader = Reader(io.BytesIO(raw), "x.lsd")
    return reader.header, [one.record for one in reader.records()]


@given(st.lists(st.binary(min_size=1, max_size=300)), st.dictionaries(st.text(), st.integers()))
def test_what_is_put_in_comes_out(records: list[bytes], header: dict[str, int]) -> None:
    assert _read(b"".join(pieces(header, records))) == (header, records)


@given(st.data())
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    raw = bytearray(b"".join(pieces({"edge": "e"}, RECORDS)))
    # The three bytes that are always zero are covered by the checksum as well.
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Damaged):
        _read(bytes(raw))


@given(st.integers(min_value=0))
def test_a_file_that_ends_early_is_noticed(size: int) -> None:
    raw = b"".join(pieces({"edge": "e"}, RECORDS))
    with pytest.raises(Damaged):
        _read(raw[: size % len(raw)])


def test_what_follows_the_end_is_noticed() -> None:
    with pytest.raises(Damaged):
        _read(b"".join(pieces({}, RECORDS)) + b"\0")


def test_a_header_nested_without_end_is_damage() -> None:
    whole = b"".join(pieces({}, []))
    nested = b"[" * 100_000
    with pytest.raises(Damaged):
        _read(whole[:8] + len(nested).to_bytes(4, "little") + nested + whole[14:])


def test_damage_is_told_with_its_place() -> None:
    raw = b"".join(pieces({}, RECORDS))
    found = []
    with pytest.raises(Damaged) as caught:
        for one in Reader(io.BytesIO(raw[:1030]), "x.lsd").records():
            found.append(one)  # noqa: PERF402 - what came before the damage counts
    assert [one.number for one in found] == [1, 2]
    assert raw[found[1].offset :][: len(RECORDS[1])] == RECORDS[1]
    assert (caught.value.record, caught.value.offset) == (3, 1030)
