"""A PLC's order tag: it speaks when it changes, and a stepped clock misleads nobody."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.domain.assignments import Assignment, timeline
from ingest_server.domain.order_tags import OrderTagState, fold
from wire.quality import HISTORICAL, NO_VALUE

S = 1_000_000
BAD = 0x8000_0000


def columns(readings: list[Any]) -> tuple[Any, Any, Any]:
    text = np.empty(len(readings), dtype=np.object_)
    text[:] = [row[1] for row in readings]
    return (
        np.array([row[0] * S for row in readings], dtype=np.int64),
        text,
        np.array([row[2] if len(row) > 2 else 0 for row in readings], dtype=np.uint32),
    )


def run(readings: list[Any], cuts: list[int] | None = None) -> list[Assignment]:
    cols, state, made = columns(readings), OrderTagState(), []
    for low, high in pairwise([0, *sorted(cuts or []), len(readings)]):
        part = [column[low:high] for column in cols]
        state, found = fold(state, *part, equipment="press-1", author="tag")
        made += found
        state = OrderTagState.from_json(orjson.loads(orjson.dumps(state.to_json())))
    return made


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ([(0, "A")], [(0, "A")]),
        ([(0, "")], [(0, None)]),
        ([(0, "A"), (1, "A"), (2, "A\0\0")], [(0, "A")]),
        ([(0, "A"), (1, "B"), (2, "  "), (3, "B")], [(0, "A"), (1, "B"), (2, None), (3, "B")]),
        ([(0, "A"), (1, None, NO_VALUE | BAD), (2, "", BAD), (3, "A")], [(0, "A")]),
        ([(0, "A"), (1, "Z", HISTORICAL), (2, "B")], [(0, "A"), (2, "B")]),
        ([(100, "A"), (40, "A"), (41, "A")], [(100, "A"), (40, "A")]),
        ([], []),
    ],
)
def test_the_tag_speaks_only_when_it_changes(readings: list[Any], expected: list[Any]) -> None:
    assert [(one.at_us // S, one.order) for one in run(readings)] == expected


def test_pieces_of_the_repeated_hour_go_to_the_order_that_runs() -> None:
    made = run([(0, "A"), (100, "B"), (40, "B"), (41, "B")])
    line = timeline(made)
    assert [line.runs[i].order for i in line.run_at(np.array([39, 41, 120]) * S)] == ["A", "B", "B"]


def test_a_state_of_an_unknown_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version None"):
        OrderTagState.from_json({})


@given(
    readings=st.lists(
        st.tuples(
            st.integers(0, 20),
            st.sampled_from(["A", "A\0", "B", "", " "]),
            st.sampled_from([0, 0, 0, BAD, HISTORICAL]),
        ),
        max_size=25,
    ),
    cuts=st.lists(st.integers(0, 25), max_size=5),
)
def test_any_batching_with_restarts_gives_the_same_assignments(
    readings: list[Any], cuts: list[int]
) -> None:
    assert run(readings, [cut for cut in cuts if cut <= len(readings)]) == run(readings)
