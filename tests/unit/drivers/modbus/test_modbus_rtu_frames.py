"""What received bytes mean on a bus where nothing but shape and checksum tells an answer."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.modbus.plan import FUNCTIONS, Block, Item
from drivers.modbus.rtu import (
    Answer,
    Damaged,
    Question,
    Waiting,
    crc16,
    judge,
    tell_apart,
)
from drivers.modbus.tcp import Asked, objection

FRAMES = 1_000
EXAMPLES = 500
"""Half a million for each parser, a million together."""


def crc(data: bytes) -> bytes:
    """Bit by bit, written independently of the table."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


def framed(*body: int) -> bytes:
    return bytes(body) + crc(bytes(body))


ASKED = Question(unit=7, function=3, start=100, count=2, size=4)
GOOD = framed(7, 3, 4, 1, 2, 3, 4)
ANSWER = Answer(payload=bytes([1, 2, 3, 4]))
questions = st.builds(
    lambda unit, function, start, count: Question(
        unit=unit,
        function=function,
        start=start,
        count=count,
        size=2 * count if function > 2 else (count + 7) // 8,
    ),
    st.integers(1, 247),
    st.integers(1, 4),
    st.integers(0, 65_000),
    st.integers(1, 125),
)


def test_the_checksum_is_that_of_the_specification() -> None:
    # The frame of the specification's example: unit 2, function 7, checksum 0x1241.
    assert crc16(b"\x02\x07") == 0x1241


@given(st.binary(max_size=300))
def test_the_checksum_by_table_is_the_one_by_bits(data: bytes) -> None:
    assert struct.pack("<H", crc16(data)) == crc(data)


def test_a_request_is_what_the_specification_says() -> None:
    item = Item(row=0, unit=17, table="holding", address=0x6B, width=3)
    block = Block(unit=17, table="holding", start=0x6B, count=3, items=(item,), origin=0)
    question = Question.of(block)
    assert question.frame == framed(0x11, 3, 0, 0x6B, 0, 3)
    assert question.answer_bytes == 11
    assert set(FUNCTIONS.values()) == {1, 2, 3, 4}


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize(
    "received",
    [
        GOOD,
        ASKED.frame + GOOD,
        b"\x00" + GOOD,
        b"\xff\xff\x13" + GOOD,
        framed(9, 3, 4, 7, 7, 7, 7) + GOOD,
        framed(7, 3, 2, 7, 7) + GOOD,
        framed(7, 0x84, 2) + GOOD,
        GOOD[:-1] + bytes([GOOD[-1] ^ 1]) + GOOD,
    ],
)
def test_the_answer_is_found_behind_echoes_noise_and_answers_to_others(
    received: bytes, silent: bool
) -> None:
    assert judge(received, ASKED, silent=silent) == ANSWER


def test_an_exception_is_an_answer() -> None:
    assert judge(framed(7, 0x83, 2), ASKED, silent=False) == Answer(exception=2)


@pytest.mark.parametrize("cut", range(len(GOOD)))
def test_a_part_of_an_answer_is_waited_for_until_there_is_silence(cut: int) -> None:
    part = GOOD[:cut]
    assert judge(part, ASKED, silent=False) == Waiting(started=cut > 0)
    found = judge(part, ASKED, silent=True)
    assert isinstance(found, Damaged if cut else Waiting)


def test_what_looks_like_an_answer_inside_of_anothers_is_none() -> None:
    outer = framed(9, 3, len(GOOD) + 1, *GOOD, 0)
    for cut in range(1, len(outer)):
        assert isinstance(judge(outer[:cut], ASKED, silent=False), Waiting)
    assert judge(outer, ASKED, silent=False) == Waiting(strays=1)


@pytest.mark.parametrize(
    ("received", "reason", "answered"),
    [
        (GOOD[:-1] + b"\0", "wrong checksum", True),
        (GOOD[:5], "an answer cut short: 5 of 9 bytes", True),
        (b"\xff", "1 bytes without an answer in them", False),
        (GOOD[:3] + GOOD[4:], "an answer cut short: 8 of 9 bytes", True),
    ],
)
def test_damage_says_what_it_is(received: bytes, reason: str, answered: bool) -> None:
    assert judge(received, ASKED, silent=True) == Damaged(reason=reason, answered=answered)


@given(questions, st.binary(max_size=40), st.data())
def test_whatever_is_taken_was_sent_with_a_right_checksum(
    question: Question, noise: bytes, data: st.DataObject
) -> None:
    payload = data.draw(st.binary(min_size=question.size, max_size=question.size))
    frame = framed(question.unit, question.function, question.size, *payload)
    found = judge(noise + frame, question, silent=True)
    if isinstance(found, Answer) and found.exception is None:
        body = bytes([question.unit, question.function, question.size]) + found.payload
        assert body + crc(body) in noise + frame
    assert judge(frame, question, silent=False) == Answer(payload=payload)


@given(questions, st.lists(questions, max_size=20))
def test_a_question_that_tells_apart_has_an_answer_like_no_other(
    question: Question, others: list[Question]
) -> None:
    first = tell_apart(question, others)
    assert first.size not in {question.size, *(other.size for other in others)}
    assert first.count <= (2000 if first.function <= 2 else 125)
    assert first.start + first.count <= 65_536
    assert (first.unit, first.function) == (question.unit, question.function)
    assert first.size == (2 * first.count if first.function > 2 else first.count // 8)
    assert not question.confusable(question)


def mutated(frame: bytes, chance: np.random.Generator, count: int) -> list[bytes]:
    """Random bytes, and the frame with bytes changed, lost and added."""
    noise = chance.bytes(count * 16)
    places = chance.integers(0, len(frame), count).tolist()
    kinds = chance.integers(0, 5, count).tolist()
    made = []
    for at, (place, kind) in enumerate(zip(places, kinds, strict=True)):
        junk = noise[at * 16 : at * 16 + 1 + place % 15]
        made.append(
            [
                junk,
                frame[:place] + junk[:1] + frame[place + 1 :],
                frame[:place] + frame[place + 1 :],
                frame[:place] + junk + frame[place:],
                junk + frame[: place + 1],
            ][kind]
        )
    return made


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**63), questions.filter(lambda question: question.size <= 16))
def test_no_random_frame_is_taken_for_an_answer_that_was_not_sent(
    seed: int, question: Question
) -> None:
    chance = np.random.default_rng(seed)
    payload = bytes(range(question.size))
    right = Answer(payload=payload)
    frame = framed(question.unit, question.function, question.size, *payload)
    for received in mutated(frame, chance, FRAMES):
        found = judge(received, question, silent=True)
        if isinstance(found, Answer) and found != right:
            # Two bytes of checksum cannot exclude it: then a whole frame must stand there.
            body = (
                bytes([question.unit, question.function | 0x80, found.exception])
                if found.exception is not None
                else bytes([question.unit, question.function, question.size]) + found.payload
            )
            assert body + crc(body) in received


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**63))
def test_no_random_tcp_frame_is_believed_without_its_head(seed: int) -> None:
    chance = np.random.default_rng(seed)
    data = bytes([4, 1, 2, 3, 4])
    frame = struct.pack(">HHHBB", 77, 0, len(data) + 2, 7, 3) + data
    request = Asked(transaction=77, unit=7, function=3)
    for received in mutated(frame, chance, FRAMES):
        if objection(received, request, ()) is None and len(received) >= 8:
            assert received[:4] == frame[:4]
            assert received[6] == 7
            assert received[7] & 0x7F == 3


def test_two_answers_of_different_shape_cannot_be_confused() -> None:
    choose = random.Random(5)
    for _ in range(200):
        other = Question(
            unit=choose.choice([7, 8]),
            function=choose.choice([3, 4]),
            start=choose.choice([100, 200]),
            count=choose.choice([2, 3]),
            size=0,
        )
        expected = (other.unit, other.function) == (7, 3)
        assert ASKED.confusable(other) == expected
