"""Which received bytes are believed."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus.tcp import Asked, asked, objection

REQUEST = Asked(transaction=7, unit=3, function=4)


def frame(
    tid: int = 7, pid: int = 0, unit: int = 3, function: int = 4, data: bytes = b"\x02\x00\x01"
) -> bytes:
    return struct.pack(">HHHBB", tid, pid, len(data) + 2, unit, function) + data


def test_a_request_tells_what_it_asks() -> None:
    assert asked(frame(data=b"\0\0\0\1")) == REQUEST


@pytest.mark.parametrize(
    ("received", "reason"),
    [
        (frame(), None),
        (frame(function=0x84, data=b"\x02"), None),
        (frame()[:5], None),
        (frame()[:-1], None),
        (frame(tid=5), None),
        (frame(tid=5) + frame(), None),
        (frame(tid=6), "transaction id 6"),
        (frame(tid=5) + frame(tid=6), "transaction id 6"),
        (frame(pid=1), "protocol id 1"),
        (frame(unit=4), "unit 4 instead of 3"),
        (frame(function=3), "function 3 instead of 4"),
        (frame(data=b""), "length 2"),
        (frame(data=bytes(300)), "length 302"),
    ],
)
def test_only_the_answer_to_what_was_asked_is_believed(received: bytes, reason: str | None) -> None:
    found = objection(received, REQUEST, {5})
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert found.startswith(reason)


def test_an_answer_nobody_waits_for_is_wrong() -> None:
    assert objection(frame(), None, set()) is not None


@given(st.binary(max_size=600))
def test_any_bytes_are_judged_without_an_error(received: bytes) -> None:
    objection(received, REQUEST, {5})
