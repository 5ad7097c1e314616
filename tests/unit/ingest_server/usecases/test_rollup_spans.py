"""Marked minutes become spans: whole, within an hour, and bounded by how many tags there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest_server.usecases.rollup import HOUR_US, MINUTE_US, Span, spans_of


def minutes(*numbers: int, edge_id: int = 1) -> set[tuple[int, int]]:
    return {(edge_id, number * MINUTE_US) for number in numbers}


def test_neighbouring_minutes_are_computed_together() -> None:
    assert spans_of(minutes(0, 1, 2, 5), {1: 10}) == [
        Span(edge_id=1, from_us=0, to_us=3 * MINUTE_US),
        Span(edge_id=1, from_us=5 * MINUTE_US, to_us=6 * MINUTE_US),
    ]


def test_a_span_ends_with_its_hour() -> None:
    assert [span.from_us for span in spans_of(minutes(58, 59, 60, 61), {1: 10})] == [
        58 * MINUTE_US,
        60 * MINUTE_US,
    ]


def test_an_edge_with_many_tags_is_computed_minute_by_minute() -> None:
    assert len(spans_of(minutes(0, 1, 2), {1: 20_000})) == 3


def test_the_oldest_minutes_of_all_edges_come_first() -> None:
    marks = minutes(7, edge_id=1) | minutes(3, edge_id=2)
    assert [span.edge_id for span in spans_of(marks, {})] == [2, 1]


@given(
    st.sets(st.tuples(st.integers(1, 3), st.integers(-200, 200))),
    st.dictionaries(st.integers(1, 3), st.integers(1, 9_000)),
)
def test_every_marked_minute_is_in_one_span(
    marked: set[tuple[int, int]], tags: dict[int, int]
) -> None:
    marks = {(edge_id, number * MINUTE_US) for edge_id, number in marked}
    covered = [
        (span.edge_id, at_us)
        for span in spans_of(marks, tags)
        for at_us in range(span.from_us, span.to_us, MINUTE_US)
    ]
    assert sorted(covered) == sorted(marks)
    for span in spans_of(marks, tags):
        assert span.from_us // HOUR_US == (span.to_us - 1) // HOUR_US
