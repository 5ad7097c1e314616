"""From bytes to texts, however they are cut, and whatever else comes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.scanner.config import ScannerGroup
from drivers.scanner.decode import ENDS, Patterns, Repeats, Splitter, Texts


def splitter(terminator: Any = "any", longest: int = 10) -> tuple[Splitter, Counter[str]]:
    dropped: Counter[str] = Counter()
    return Splitter(terminator, longest, dropped), dropped


@pytest.mark.parametrize(
    ("terminator", "sent", "expected"),
    [
        ("any", b"A\rB\nC\r\nD\n\rE", [b"A", b"B", b"C", b"D"]),
        ("cr", b"A\rB\nC\r", [b"A", b"B\nC"]),
        ("lf", b"A\nB\rC\n", [b"A", b"B\rC"]),
        ("crlf", b"A\r\nB\nC\rD\r\n", [b"A", b"B\nC\rD"]),
        ("etx", b"\x02A\x03\x02B\x03", [b"\x02A", b"\x02B"]),
    ],
)
def test_each_terminator_ends_a_line_however_the_bytes_are_cut(
    terminator: Any, sent: bytes, expected: list[bytes]
) -> None:
    for step in range(1, len(sent) + 1):
        lines, dropped = splitter(terminator)
        got = [
            line for at in range(0, len(sent), step) for line in lines.feed(sent[at : at + step])
        ]
        assert got == expected
        assert not +dropped


def reference(sent: bytes, end: bytes, longest: int) -> list[bytes]:
    return [line for line in sent.split(end)[:-1] if 0 < len(line) <= longest]


@given(
    st.sampled_from(["cr", "lf", "crlf", "etx"]),
    st.lists(st.sampled_from([b"A", b"\r", b"\n", b"\x03", b"12345"]), max_size=60),
    st.integers(1, 9),
)
def test_lines_are_those_of_the_whole_stream_however_it_is_cut(
    terminator: Any, parts: list[bytes], step: int
) -> None:
    sent = b"".join(parts)
    lines, _ = splitter(terminator, 8)
    got = [line for at in range(0, len(sent), step) for line in lines.feed(sent[at : at + step])]
    assert got == reference(sent, ENDS[terminator], 8)


def test_a_line_without_end_is_dropped_once_and_the_next_one_read() -> None:
    lines, dropped = splitter("crlf", 10)
    for _ in range(1000):
        assert lines.feed(b"x" * 50) == []
        assert lines.held <= 11
    assert lines.feed(b"rest\r") == []
    assert lines.feed(b"\nGOOD\r\n") == [b"GOOD"]
    assert dropped["too_long"] == 1


def test_a_begin_whose_rest_does_not_come_is_not_joined_with_the_next() -> None:
    lines, dropped = splitter()
    assert lines.feed(b"WO12") == []
    lines.forget()
    lines.forget()
    assert lines.feed(b"WO77\r") == [b"WO77"]
    assert dropped["incomplete"] == 1


def test_texts_lose_their_frame_and_garbage_is_counted_by_reason() -> None:
    dropped: Counter[str] = Counter()
    texts = Texts(encoding="utf-8", prefix="\x02", suffix="#", dropped=dropped)
    lines = [b"\x02A#", b"A#", b"\x02A", b"\x02", b"\x02#", b"\x02\xff\xfe#", b"\x02A\0#"]
    assert texts.of([*lines, "\x02订单#".encode()]) == ["A", "订单"]
    assert dropped == {"malformed": 3, "undecodable": 2}


def test_a_frame_is_not_counted_twice_where_prefix_and_suffix_overlap() -> None:
    dropped: Counter[str] = Counter()
    texts = Texts(encoding="ascii", prefix="AB", suffix="BA", dropped=dropped)
    assert texts.of([b"ABA"]) == []
    assert dropped["malformed"] == 1


def test_repetitions_prolong_the_window_and_others_do_not_end_it() -> None:
    repeats = Repeats(1_000_000)
    assert repeats.fresh(["a", "a", "b"], 0) == ["a", "b"]
    assert repeats.fresh(["a"], 900_000) == []
    assert repeats.fresh(["a"], 1_800_000) == []
    assert repeats.fresh(["b"], 1_800_000) == ["b"]
    assert repeats.fresh(["a"], 2_800_000) == ["a"]
    # The clock was set back: rather twice than not at all.
    assert repeats.fresh(["a"], 5) == ["a"]
    assert Repeats(0).fresh(["a", "a"], 0) == ["a", "a"]


def test_the_memory_of_repetitions_is_bounded() -> None:
    repeats = Repeats(10**12)
    for n in range(5_000):
        repeats.fresh([str(n)], n)
    assert len(repeats._last_us) <= 1_000
    assert repeats.fresh(["4999"], 5_000) == []


def test_only_parts_that_were_there_become_values() -> None:
    tags = [{"path": name, "address": name} for name in ("order", "op", "line")]
    group = ScannerGroup.model_validate(
        {"pattern": r"WO(?P<order>\d*)(?:-(?P<op>\d+))?", "tags": tags}
    )
    other = ScannerGroup.model_validate({"tags": [{"path": "all", "address": "line"}]})
    patterns = Patterns([group, other], (0, 3, 4))
    assert patterns.values("WO17-20") == [(0, "17"), (1, "20"), (2, "WO17-20"), (3, "WO17-20")]
    assert patterns.values("WO17") == [(0, "17"), (2, "WO17"), (3, "WO17")]
    assert patterns.values("WO") == [(2, "WO"), (3, "WO")]
    assert patterns.values("xWO17") == [(3, "xWO17")]
    assert Patterns([group], (0, 3)).values("xWO17") == []


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**63), st.sampled_from(sorted(ENDS)))
def test_no_noise_raises_or_fills_the_memory(seed: int, terminator: Any) -> None:
    chance = np.random.default_rng(seed)
    lines, dropped = splitter(terminator, 64)
    texts = Texts(encoding="gb18030", prefix="", suffix="", dropped=dropped)
    noise = chance.bytes(50_000).replace(b"\xaa", ENDS[terminator])
    at = 0
    for size in chance.integers(1, 200, 1_000).tolist():
        for text in texts.of(lines.feed(noise[at : at + size])):
            assert 0 < len(text) <= 64
        at = (at + size) % len(noise)
        assert lines.held <= 64 + 1
    assert dropped["too_long"] + dropped["undecodable"] > 0
