"""Shared by the tests of counting: short ways to write readings and to read facts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import orjson

from ingest_server.domain.counters import CounterConfig, CounterState, fold
from ingest_server.domain.facts import Cause, Facts, joined

S = 1_000_000
BAD = 0x8000_0000


def columns(readings: Sequence[tuple[int, int] | tuple[int, int, int]]) -> tuple[Any, Any, Any]:
    """(second, value[, quality]) tuples as the three columns of a fold."""
    ts = np.array([row[0] * S for row in readings], dtype=np.int64)
    value = np.array([row[1] for row in readings], dtype=np.int64)
    q = np.array([row[2] if len(row) == 3 else 0 for row in readings], dtype=np.uint32)
    return ts, value, q


def fold_split(
    config: CounterConfig, cols: tuple[Any, Any, Any], cuts: Sequence[int]
) -> tuple[CounterState, Facts]:
    """The fold of all readings in batches cut at `cuts`, the state through JSON between them."""
    state, parts = CounterState(), []
    bounds = [0, *sorted(cuts), len(cols[0])]
    for low, high in pairwise(bounds):
        state, facts = fold(config, state, *(column[low:high] for column in cols))
        parts.append(facts)
        state = CounterState.from_json(orjson.loads(orjson.dumps(state.to_json())))
    return state, joined(parts)


def shown(facts: Facts) -> list[tuple[str, float]]:
    """(cause, quantity) of every row, for reading."""
    return [
        (Cause(cause).name.lower(), float(quantity))
        for cause, quantity in zip(facts.cause, facts.quantity, strict=True)
    ]


def rows(facts: Facts) -> list[tuple[Any, ...]]:
    """Every column of every row as Python values, for comparison."""
    return list(
        zip(
            facts.ts_us.tolist(),
            facts.from_us.tolist(),
            facts.quantity.tolist(),
            facts.cause.tolist(),
            facts.discontinuous.tolist(),
            facts.before.tolist(),
            facts.value.tolist(),
            strict=True,
        )
    )
