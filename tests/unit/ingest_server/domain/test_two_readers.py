"""One buffer on two machines: both read the same counters, and nothing is counted twice."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.domain import counter_columns
from ingest_server.domain.counters import CounterConfig
from ingest_server.domain.tag_rows import TagRows

S = 1_000_000
TABLE = counter_columns.table(
    [CounterConfig(kind="cumulative", modulus=65536, max_rate=3_000.0, cadence_us=S // 2)]
)
Record = list[tuple[int, int]]
"""(time, value) of each reading."""


def rows_of(record: Record) -> TagRows:
    count = len(record)
    return TagRows(
        tag=np.zeros(count, np.intp),
        ts_us=np.array([at_us for at_us, _ in record], np.int64),
        f=np.zeros(count),
        i=np.array([value for _, value in record], np.int64),
        floating=np.zeros(count, np.bool_),
        q=np.zeros(count, np.uint32),
    )


def counted(records: list[Record], *, beside: bool = True) -> float:
    states = np.zeros(1, counter_columns.STATE)
    sum_ = 0.0
    for record in records:
        rows = rows_of(record)
        if beside:
            rows = counter_columns.news(TABLE, states, rows)
        states, _, facts = counter_columns.fold(TABLE, states, rows)
        sum_ += float(facts.quantity.sum())
    return sum_


def read_by(lot: random.Random, *, start: int, rate: int, late_us: int) -> list[Record]:
    """What a reader has of a counter over ten seconds, in records of some readings.

    A value is up to `late_us` older than its stamp.
    """
    at_us, readings = lot.randrange(S // 2), []
    while at_us < 10 * S:
        true_us = at_us - lot.randrange(late_us + 1)
        readings.append((at_us, (start + rate * max(true_us, 0) // S) % 65536))
        at_us += S // 2
    readings.append((10 * S + lot.randrange(S), (start + rate * 10) % 65536))
    records = []
    while readings:
        size = lot.randint(1, 4)
        records.append(readings[:size])
        readings = readings[size:]
    return records


def in_turns(lot: random.Random, first: list[Record], second: list[Record]) -> list[Record]:
    lines, found = [list(first), list(second)], []
    while lines[0] or lines[1]:
        line = lines[lot.randrange(2)]
        if line:
            found.append(line.pop(0))
    return found


@given(
    seed=st.integers(0, 2**32 - 1),
    start=st.sampled_from([0, 3, 700, 30_000, 65_000]),
    rate=st.sampled_from([0, 1, 40, 1_000]),
    late_us=st.sampled_from([0, 300_000]),
)
def test_what_two_readers_bring_in_turns_is_counted_once(
    seed: int, start: int, rate: int, late_us: int
) -> None:
    lot = random.Random(seed)
    first = read_by(lot, start=start, rate=rate, late_us=late_us)
    second = read_by(lot, start=start, rate=rate, late_us=late_us)
    records = in_turns(lot, first, second)
    baseline = records[0][0][1]
    made = ((start + rate * 10) - baseline) % 65536
    assert counted(records) == made


def test_without_that_the_same_parts_count_twice() -> None:
    one: list[Record] = [[(n * S, 100 * n), (n * S + S // 2, 100 * n + 50)] for n in range(10)]
    both = [record for pair in zip(one, one, strict=True) for record in pair]
    assert counted(both) == counted(one) == 950
    assert counted(both, beside=False) > 950


def test_a_counter_that_really_falls_is_believed_and_the_first_reading_is_the_baseline() -> None:
    assert counted([[(S, 40_000)], [(2 * S, 40_100)], [(3 * S, 7)], [(4 * S, 9)]]) == 109


def test_a_small_count_that_falls_to_nothing_with_the_next_order_is_believed() -> None:
    """Scrap of an order is often 1: a fall by one is no older look where it is stamped later."""
    assert counted([[(S, 0)], [(5 * S, 1)], [(25 * S, 0)], [(48 * S, 1)]]) == 2


def test_a_value_from_before_its_stamp_is_not_taken_for_a_fall() -> None:
    assert counted([[(S, 0)], [(5 * S, 1)], [(7 * S, 0)], [(8 * S, 1)]]) == 1
