"""Batches of nodes, and when refused ones are asked again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.opcua.plan import REFUSED_PAUSE_S, Rests, chunks, limit_of
from wire import quality


@given(st.integers(0, 5000), st.integers(1, 700))
def test_every_row_is_in_exactly_one_batch_in_order_and_within_the_limit(
    count: int, limit: int
) -> None:
    rows = np.arange(count) * 3
    parts = chunks(rows, limit)
    assert all(1 <= part.size <= limit for part in parts)
    assert len(parts) == -(-count // limit)
    joined = np.concatenate(parts) if parts else np.empty(0, np.intp)
    assert joined.tolist() == rows.tolist()


@pytest.mark.parametrize(
    ("configured", "servers", "expected"),
    [(500, None, 500), (500, 0, 500), (500, 100, 100), (50, 100, 50)],
)
def test_the_lower_limit_counts_and_zero_is_none(
    configured: int, servers: int | None, expected: int
) -> None:
    assert limit_of(configured, servers) == expected


def test_a_refused_node_rests_and_comes_back() -> None:
    rests = Rests(3)
    rows = np.arange(3)
    q = np.array([0, quality.BAD_NODE_UNKNOWN | quality.NO_VALUE, 0x8005_0000], np.uint32)
    assert rests.heard(rows, q, 100.0).tolist() == [1]
    # A passing fault is no reason to rest.
    assert rests.due(100.1).tolist() == [0, 2]
    assert rests.quality.tolist() == [0, quality.BAD_NODE_UNKNOWN, 0]
    again = 100.0 + REFUSED_PAUSE_S
    assert rests.due(again).tolist() == [0, 1, 2]
    # Still unknown: it rests again, and is not new any more.
    assert rests.heard(rows, q, again).tolist() == []
    assert rests.due(again + 1).tolist() == [0, 2]
    assert rests.heard(rows, np.zeros(3, np.uint32), again + 100).tolist() == []
    assert rests.due(again + 100).tolist() == [0, 1, 2]
    assert rests.quality.tolist() == [0, 0, 0]


def test_what_cannot_be_asked_at_all_never_comes_due() -> None:
    rests = Rests(2)
    rests.forever([1], quality.BAD_NODE_UNKNOWN)
    assert rests.due(1e12).tolist() == [0]
