"""Each value of a wide line says which reading of which register it is."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest

from rig.chaos.wide import ANSWER, Handed, edge_told, path, place, readings_of, registers_of, values
from rig.chaos.wide_machine import Wide

REQUEST = struct.Struct(">HHHBBHH")


def asked(wide: Wide, unit: int, first: int, count: int, function: int = 3) -> bytes:
    return wide.answer(REQUEST.pack(7, 0, 6, unit, function, first, count))


@pytest.mark.parametrize("register", [0, 1, 124, 65_535])
def test_a_value_tells_its_reading_and_no_two_readings_share_one(register: int) -> None:
    readings = np.arange(1, 65_536, dtype=np.int64)
    told = np.array([values(np.array([n]), register)[0] for n in (1, 2, 65_535)], np.int64)
    assert readings_of(register, told).tolist() == [1, 2, 65_535]
    every = (readings * 40_503 + register * 30_029) % 65_536
    assert len(set(every.tolist())) == len(readings)
    assert (readings_of(register, every) == readings).all()


def test_answers_are_written_down_before_they_leave_and_say_what_was_read(tmp_path: Path) -> None:
    file = io.BytesIO()
    wide = Wide(file)
    first = asked(wide, 1, 0, 3)
    again = asked(wide, 1, 2, 2)
    assert first[:9] == bytes([0, 7, 0, 0, 0, 9, 1, 3, 6])
    assert readings_of(2, np.frombuffer(first[9:], ">u2").astype(np.int64)[2:]).tolist() == [1]
    assert readings_of(2, np.frombuffer(again[9:], ">u2").astype(np.int64)[:1]).tolist() == [2]

    (tmp_path / "answers").write_bytes(file.getvalue() + b"torn")
    handed = Handed.load(tmp_path / "answers")
    later = handed.last_us(1) + 1
    assert handed.counts(1, 5, until_us=later).tolist() == [1, 1, 2, 1, 0]
    assert handed.counts(1, 5, until_us=0).tolist() == [0] * 5
    assert handed.counts(2, 5, until_us=later).tolist() == [0] * 5
    assert len(handed.when(1, 2)) == 2
    assert len(handed.when(1, 3)) == 1
    assert handed.last_us(2) == 0


@pytest.mark.parametrize(
    ("unit", "first", "count", "function", "code"),
    [(9, 0, 1, 3, 1), (1, 0, 1, 6, 1), (1, 0, 126, 3, 3), (1, 65_535, 2, 3, 3), (1, 0, 0, 4, 3)],
)
def test_what_cannot_be_read_is_refused_and_not_written_down(
    unit: int, first: int, count: int, function: int, code: int
) -> None:
    file = io.BytesIO()
    answer = asked(Wide(file), unit, first, count, function)
    assert answer[-3:] == bytes([unit, function | 0x80, code])
    assert file.getvalue() == b""


def test_a_register_is_not_read_more_often_than_its_values_can_tell() -> None:
    file = io.BytesIO()
    wide = Wide(file)
    for _ in range(65_535):
        last = asked(wide, 1, 0, 1)
    assert last[7] == 3
    assert asked(wide, 1, 0, 1)[7:] == bytes([0x83, 4])
    assert len(file.getvalue()) == 65_535 * ANSWER.itemsize


def test_an_edge_reads_each_register_of_each_unit_once_a_second(tmp_path: Path) -> None:
    registers = registers_of(24_000)
    demo = {
        "plant": "demo",
        "broker": {"host": "h"},
        "buffer": {},
        "page": {"port": 0},
        "edge": "x",
    }
    told = edge_told(demo, tmp_path, registers)
    tags = [tag for device in told["devices"] for tag in device["groups"][0]["tags"]]
    assert len(tags) == 24_000
    assert len({(tag["unit_id"], tag["address"]) for tag in tags}) == 24_000
    assert told["devices"][0]["groups"][0]["every_ms"] == 1_000
    assert place(path(3, 77)) == (3, 77)
    assert tags[0]["path"] == path(1, 0)
