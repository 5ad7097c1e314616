"""A PLC's order tag: it speaks when it changes, and a stepped clock misleads nobody."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.domain.assignments import Assignment, Timeline, cleaned_order, timeline
from ingest_server.domain.order_tags import OrderTagState, Said, Word, fold, usable
from wire.quality import HISTORICAL, NO_VALUE

S = 1_000_000
BAD = 0x8000_0000
Reading = tuple[Any, ...]
"""Second, text, quality (0 if not given)."""


def taken(
    state: OrderTagState, readings: list[Reading], *, beside: bool = False
) -> tuple[OrderTagState, tuple[Said, ...]]:
    """One record's worth, its state saved and restored."""
    ts_us = np.array([row[0] * S for row in readings], np.int64)
    q = np.array([row[2] if len(row) > 2 else 0 for row in readings], np.uint32)
    told = np.flatnonzero(usable(state, ts_us, q, beside=beside))
    state, words = fold(state, ts_us[told], [cleaned_order(readings[at][1]) for at in told])
    return OrderTagState.from_json(orjson.loads(orjson.dumps(state.to_json()))), words


def run(readings: list[Reading], cuts: list[int] | None = None) -> list[Said]:
    state, made = OrderTagState(), list[Said]()
    for low, high in pairwise([0, *sorted(cuts or []), len(readings)]):
        state, words = taken(state, readings[low:high])
        made += words
    return made


def line_of(words: list[Said]) -> Timeline:
    return timeline(
        Assignment(equipment="press-1", at_us=at_us, order=order, source="plc", seq=seq)
        for seq, (at_us, order, _) in enumerate(words)
    )


def orders_at(line: Timeline, *seconds: int) -> list[str | None]:
    return [line.runs[run].order for run in line.run_at(np.array(seconds) * S)]


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([(0, "A")], [(0, "A")]),
        ([(0, "")], [(0, None)]),
        ([(0, "A"), (1, "A"), (2, "A\0\0")], [(0, "A")]),
        ([(0, "A"), (1, "B"), (2, "  "), (3, "B")], [(0, "A"), (1, "B"), (2, None), (3, "B")]),
        ([(0, "A"), (1, None, NO_VALUE | BAD), (2, "", BAD), (3, "A")], [(0, "A")]),
        ([(0, "A"), (1, "Z", HISTORICAL), (2, "B")], [(0, "A"), (2, "B")]),
        ([(5, "A"), (5, "B"), (5, "A")], [(5, "A"), (5, "B"), (5, "A")]),
        # An old stamp of what has run since then says nothing new.
        ([(10, "A"), (90, "A"), (10, "A"), (91, "A")], [(10, "A")]),
        ([], []),
    ],
)
def test_the_tag_speaks_only_when_it_changes(
    readings: list[Reading], expected: list[tuple[int, str | None]]
) -> None:
    assert [(at_us // S, order) for at_us, order, _ in run(readings)] == expected


def test_what_runs_after_a_step_gets_the_repeated_hour() -> None:
    line = line_of(run([(0, "A"), (100, "B"), (150, "B"), (40, "B"), (41, "B")]))
    assert orders_at(line, 39, 41, 120) == ["A", "B", "B"]


def test_an_order_that_ended_does_not_run_once_more_when_the_clock_comes_to_its_begin() -> None:
    """B began at 100 the first time through; at 110 of the second time C runs since 70."""
    made = run([(0, "A"), (100, "B"), (150, "B"), (40, "B"), (70, "C"), (110, "C"), (200, "C")])
    assert orders_at(line_of(made), 41, 71, 99, 101, 500) == ["B", "C", "C", "C", "C"]


def test_only_words_of_times_that_were_spoken_of_before_are_marked_as_stepped() -> None:
    made = run([(0, "A"), (100, "B"), (150, "B"), (40, "B"), (70, "C"), (200, "D")])
    assert [(at_us // S, order, stepped) for at_us, order, stepped in made] == [
        (0, "A", False),
        (100, "B", False),
        (40, "B", True),
        (70, "C", True),
        (100, "C", True),
        (200, "D", False),
    ]


def test_a_second_reader_is_heard_only_behind_the_first() -> None:
    state, _ = taken(OrderTagState(), [(0, "A"), (10, "B")])
    state, words = taken(state, [(9, "A"), (10, "A")], beside=True)
    assert words == ()
    _, words = taken(state, [(11, "C")], beside=True)
    assert words == ((11 * S, "C", False),)


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        ({"v": 1, "known": True, "order": "A", "at_us": 7}, ((7, "A"),)),
        ({"v": 1, "known": True, "order": None}, ((0, None),)),
        ({"v": 1, "known": False, "order": None}, ()),
    ],
)
def test_the_state_of_an_earlier_release_is_understood(
    saved: dict[str, Any], words: tuple[Word, ...]
) -> None:
    assert OrderTagState.from_json(saved).words == words


def test_a_state_of_an_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version None"):
        OrderTagState.from_json({})


READINGS = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.sampled_from(["A", "A\0", "B", "C", "", " "]),
        st.sampled_from([0, 0, 0, BAD, HISTORICAL]),
    ),
    max_size=25,
)


@given(readings=READINGS, cuts=st.lists(st.integers(0, 25), max_size=5))
def test_any_batching_with_restarts_says_the_same(readings: list[Reading], cuts: list[int]) -> None:
    assert run(readings, [cut for cut in cuts if cut <= len(readings)]) == run(readings)


@given(readings=READINGS)
def test_from_each_reading_on_runs_what_it_says_until_another_says_something_else(
    readings: list[Reading],
) -> None:
    runs: list[str | None] = [None] * 30
    for at_s, text, q in readings:
        if q == 0:
            runs[at_s:] = [cleaned_order(text)] * (30 - at_s)
    assert orders_at(line_of(run(readings)), *range(30)) == runs
