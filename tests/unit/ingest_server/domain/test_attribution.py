"""Quantities to orders: who is believed, where doubtful time goes; arrival order is nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.domain.assignments import (
    UNASSIGNED,
    Assignment,
    Run,
    Source,
    cleaned_order,
    differing_spans,
    timeline,
    timelines,
)
from ingest_server.domain.attribution import Key, Rows, attribute
from ingest_server.domain.buckets import MINUTE_US
from ingest_server.domain.facts import Cause, Facts, no_facts

S = 1_000_000
UNALLOCATED = Key(place="unallocated")
NOBODY = Key(place="unassigned")


def said(at_s: int, order: str | None, source: Source = "plc", **more: Any) -> Assignment:
    return Assignment(equipment="press-1", at_us=at_s * S, order=order, source=source, **more)


def order(number: str, operation: str | None = None) -> Key:
    return Key(place="order", run=Run(order=number, operation=operation))


def facts_of(*made: tuple[Any, ...]) -> Facts:
    """(from_s, ts_s, quantity[, discontinuous]) tuples as facts."""
    count = len(made)
    return Facts(
        from_us=np.array([row[0] * S for row in made], dtype=np.int64),
        ts_us=np.array([row[1] * S for row in made], dtype=np.int64),
        quantity=np.array([row[2] for row in made], dtype=np.float64),
        cause=np.full(count, Cause.COUNT, dtype=np.uint8),
        discontinuous=np.array([len(row) > 3 and row[3] for row in made], dtype=np.bool_),
        before=np.zeros(count, dtype=np.int64),
        value=np.zeros(count, dtype=np.int64),
    )


def content(rows: Rows) -> list[tuple[Key, int, float, int]]:
    return [
        (rows.keys[key], minute, quantity, count)
        for key, minute, quantity, count in zip(
            rows.key.tolist(),
            rows.minute_us.tolist(),
            rows.quantity.tolist(),
            rows.facts.tolist(),
            strict=True,
        )
    ]


def runs_at(assignments: list[Assignment], *at_s: int) -> list[str | None]:
    line = timeline(assignments)
    index = line.run_at(np.array(at_s, dtype=np.int64) * S)
    return [line.runs[i].order for i in index]


def test_nothing_said_is_unassigned() -> None:
    assert runs_at([], 0, 100) == [None, None]


def test_a_run_begins_at_its_own_instant() -> None:
    assert runs_at([said(10, "A"), said(20, "B")], 9, 10, 19, 20) == [None, "A", "A", "B"]


def test_an_empty_tag_releases_the_equipment() -> None:
    assert runs_at([said(10, "A"), said(20, None)], 15, 25) == ["A", None]


def test_the_plc_is_believed_before_a_scan_and_a_scan_before_a_start() -> None:
    assignments = [
        said(0, "started", "explicit"),
        said(10, "scanned", "scan"),
        said(20, "tagged", "plc"),
        said(25, "started later", "explicit"),
        said(30, None, "plc"),
        said(40, None, "scan"),
        said(50, None, "explicit"),
    ]
    assert runs_at(assignments, 5, 15, 27, 35, 45, 55) == [
        "started",
        "scanned",
        "tagged",
        "scanned",
        "started later",
        None,
    ]


def test_of_two_at_the_same_instant_the_later_in_the_stream_holds() -> None:
    assert runs_at([said(10, "A", seq=2), said(10, "B", seq=1)], 10) == ["A"]


def test_the_same_scanned_twice_is_one_run() -> None:
    line = timeline([said(10, "A", "scan"), said(20, "A", "scan", seq=1)])
    rows = attribute(facts_of((5, 11, 1), (15, 25, 3, True)), line, gap_us=MINUTE_US)
    assert rows.by_key() == {order("A"): 4}


def test_every_segment_names_who_said_it() -> None:
    line = timeline([said(10, "A", "scan", author="wang"), said(20, None, "scan", author="li")])
    assert [who.author if who else None for who in line.said_by] == ["wang", None]


def test_equipments_have_their_own_timelines() -> None:
    other = Assignment(equipment="press-2", at_us=0, order="B", source="plc")
    lines = timelines([said(0, "A"), other])
    assert {name: line.runs[-1].order for name, line in lines.items()} == {
        "press-1": "A",
        "press-2": "B",
    }


LINE = [said(0, "A"), said(100, "B"), said(200, None)]


@pytest.mark.parametrize(
    ("made", "key"),
    [
        ((10, 20, 5), order("A")),
        ((90, 100, 5), order("B")),
        ((99, 101, 5), order("B")),
        ((10, 99, 5, True), order("A")),
        ((90, 101, 5, True), UNALLOCATED),
        ((10, 150, 5), UNALLOCATED),
        ((100, 199, 5), order("B")),
        ((105, 95, 5), UNALLOCATED),
        ((150, 145, 5), order("B")),
        ((205, 210, 5), NOBODY),
        ((-10, -5, 5), NOBODY),
        ((-10, 5, 5, True), UNALLOCATED),
    ],
)
def test_a_quantity_of_unknown_timing_across_a_boundary_is_unallocated(
    made: tuple[Any, ...], key: Key
) -> None:
    rows = attribute(facts_of(made), timeline(LINE), gap_us=MINUTE_US)
    assert rows.by_key() == {key: 5}


def test_a_tag_reported_on_change_knows_its_timing_after_any_silence() -> None:
    rows = attribute(facts_of((10, 150, 5)), timeline(LINE), gap_us=None)
    assert rows.by_key() == {order("B"): 5}


def test_an_operation_is_part_of_the_run() -> None:
    line = timeline([said(0, "A", operation="10"), said(50, "A", operation="20")])
    rows = attribute(facts_of((1, 2, 1), (40, 60, 2, True), (60, 61, 4)), line, gap_us=None)
    assert rows.by_key() == {order("A", "10"): 1, UNALLOCATED: 2, order("A", "20"): 4}


def test_rows_are_sums_by_minute_of_event_time() -> None:
    line = timeline([said(0, "A")])
    rows = attribute(facts_of((0, 59, 1), (59, 60, 2), (60, 119, 4)), line, gap_us=None)
    assert content(rows) == [(order("A"), 0, 1.0, 1), (order("A"), MINUTE_US, 6.0, 2)]


def test_rows_without_a_quantity_leave_nothing() -> None:
    assert len(attribute(no_facts(), timeline([]), gap_us=None)) == 0
    assert len(attribute(facts_of((0, 1, 0)), timeline([]), gap_us=None)) == 0


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("WO-7\0\0\0", "WO-7"),
        ("  WO-7  ", "WO-7"),
        ("WO-7\0OLD-9", "WO-7"),
        ("\x02WO-7\r\n", "WO-7"),
        ("工单-7", "工单-7"),
        ("", None),
        ("\0\0", None),
        ("   ", None),
        (None, None),
        ("x" * 80, "x" * 64),
    ],
)
def test_an_order_number_is_kept_without_padding(text: str | None, kept: str | None) -> None:
    assert cleaned_order(text) == kept


def test_a_late_assignment_names_the_span_to_do_again() -> None:
    before = timeline([said(0, "A"), said(200, "C")])
    after = timeline([said(0, "A"), said(100, "B"), said(200, "C")])
    assert differing_spans(before, after) == ((100 * S, 200 * S),)
    assert differing_spans(after, timeline([])) == ((0, None),)
    assert differing_spans(after, after) == ()


assignments_of_any_kind = st.lists(
    st.builds(
        Assignment,
        equipment=st.just("press-1"),
        at_us=st.integers(0, 10).map(lambda s: s * 30 * S),
        order=st.sampled_from(["A", "B", None]),
        operation=st.sampled_from([None, "10"]),
        source=st.sampled_from(["plc", "scan", "explicit"]),
        seq=st.integers(0, 3),
    ),
    max_size=12,
)
facts_of_any_kind = st.lists(
    st.tuples(
        st.integers(-60, 360),
        st.integers(-60, 360),
        st.sampled_from([0.0, 1.0, 0.1, 3.3, 7.0]),
        st.booleans(),
    ),
    max_size=30,
)


@given(assignments=assignments_of_any_kind, made=facts_of_any_kind, data=st.data())
def test_any_arrival_order_of_assignments_and_facts_gives_the_same_rows(
    assignments: list[Assignment], made: list[Any], data: st.DataObject
) -> None:
    shuffled_assignments = data.draw(st.permutations(assignments))
    shuffled_facts = data.draw(st.permutations(made))
    repeated = [*shuffled_assignments, *assignments[:3]]
    one = attribute(facts_of(*made), timeline(assignments), gap_us=MINUTE_US)
    two = attribute(facts_of(*shuffled_facts), timeline(repeated), gap_us=MINUTE_US)
    assert content(one) == content(two)


def test_arrival_order_does_not_even_move_the_rounding() -> None:
    made = [(place, place + 1, 0.1 * place) for place in range(40)]
    line = timeline([said(0, "A")])
    one = attribute(facts_of(*made), line, gap_us=None)
    two = attribute(facts_of(*made[::-1]), line, gap_us=None)
    assert content(one) == content(two)


@given(assignments=assignments_of_any_kind, made=facts_of_any_kind)
def test_no_quantity_is_lost_or_doubled_by_attribution(
    assignments: list[Assignment], made: list[Any]
) -> None:
    rows = attribute(facts_of(*made), timeline(assignments), gap_us=MINUTE_US)
    assert rows.quantity.sum() == pytest.approx(sum(row[2] for row in made))
    assert rows.facts.sum() == sum(row[2] != 0 for row in made)


@given(assignments=assignments_of_any_kind, at_s=st.integers(-10, 400))
def test_the_timeline_agrees_with_asking_every_source_in_turn(
    assignments: list[Assignment], at_s: int
) -> None:
    """The reference: for each source what it said last, the first source that holds an order."""
    expected = UNASSIGNED
    for source in ("explicit", "scan", "plc"):
        past = [a for a in assignments if a.source == source and a.at_us <= at_s * S]
        if past:
            last = max(past, key=lambda a: (a.at_us, a.seq, a.order or "", a.operation or ""))
            if last.order is not None:
                expected = Run(order=last.order, operation=last.operation)
    line = timeline(assignments)
    assert line.runs[line.run_at(np.array([at_s * S]))[0]] == expected
