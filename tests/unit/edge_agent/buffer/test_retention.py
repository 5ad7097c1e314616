"""What leaves the buffer, in which order, and what takes its place."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.buffer.retention import cost, decide, headroom
from edge_agent.buffer.rows import Bounds, Row, Usage
from wire.frame import StreamClass

KEY, BULK = StreamClass.KEY, StreamClass.BULK
NOW_US = 1_000_000_000
BOUNDS = Bounds(max_bytes=10_000, min_free_bytes=0, max_age_us=1_000_000, keep_acked_us=1_000)
ROOMY = Usage(used=0, file=0, free=10**12)


def _row(number: int, cls: StreamClass = BULK, *, acked: bool = False, ord_: int = 1) -> Row:
    return Row(
        id=number + 10_000 * (cls is KEY) + 100_000 * ord_,
        ord=ord_,
        cls=cls,
        seq=number,
        through=number,
        tombstone=None,
        exact=True,
        samples=10,
        from_us=NOW_US - 500_000 + number,
        to_us=NOW_US - 500_000 + number + 5,
        at_us=NOW_US - 500_000 + number,
        size=800,
        acked=acked,
    )


def _used(count: int) -> Usage:
    """So much that about `count` records have to go."""
    over = count * cost(800) - headroom(BOUNDS)
    return Usage(used=BOUNDS.max_bytes + over, file=BOUNDS.max_bytes + over, free=10**12)


def test_nothing_goes_while_all_bounds_are_kept() -> None:
    rows = [_row(1, acked=True), _row(2), _row(3, KEY)]
    assert not decide(rows, ROOMY, now_us=NOW_US, bounds=BOUNDS)


def test_acknowledged_records_go_first_oldest_first_and_leave_no_tombstone() -> None:
    rows = [_row(1, KEY), _row(2, BULK), *(_row(n, KEY, acked=True) for n in (5, 4, 3))]
    plan = decide(rows, _used(2), now_us=NOW_US, bounds=BOUNDS)
    assert plan.delete == (_row(3, KEY).id, _row(4, KEY).id)
    assert not plan.bury


def test_then_bulk_and_key_last() -> None:
    rows = [_row(n, cls) for cls in (KEY, BULK) for n in (2, 3)]
    three = decide(rows, _used(3), now_us=NOW_US, bounds=BOUNDS)
    assert [(run.cls, run.seq, run.through) for run in three.bury] == [(BULK, 2, 3), (KEY, 2, 2)]
    one = decide(rows, _used(1), now_us=NOW_US, bounds=BOUNDS)
    assert [(run.cls, run.seq, run.through) for run in one.bury] == [(BULK, 2, 2)]


def test_a_tombstone_says_span_count_and_cause_of_what_it_replaces() -> None:
    [run] = decide([_row(2), _row(3)], _used(2), now_us=NOW_US, bounds=BOUNDS).bury
    assert (run.samples, run.cause, run.exact) == (20, "overflow", True)
    assert (run.from_us, run.to_us) == (_row(2).from_us, _row(3).to_us)


def test_a_tombstone_never_spans_a_missing_number_such_as_a_tag_table() -> None:
    rows = [_row(2), _row(3), _row(5)]
    plan = decide(rows, _used(3), now_us=NOW_US, bounds=BOUNDS)
    assert [(run.seq, run.through) for run in plan.bury] == [(2, 3), (5, 5)]


def test_a_tombstone_grows_instead_of_getting_neighbours() -> None:
    old = replace(_row(2), through=6, tombstone="overflow", exact=False, samples=50, size=100)
    [run] = decide([old, _row(7)], _used(1), now_us=NOW_US, bounds=BOUNDS).bury
    assert (run.seq, run.through, run.samples, run.exact) == (2, 7, 60, False)
    assert run.ids == (old.id, _row(7).id)
    other = replace(old, tombstone="age")
    [run] = decide([other, _row(7)], _used(1), now_us=NOW_US, bounds=BOUNDS).bury
    assert (run.seq, run.through) == (7, 7)
    assert not decide([old], _used(1), now_us=NOW_US, bounds=BOUNDS)


def test_what_is_too_old_goes_in_any_class_without_need_for_room() -> None:
    late_us = NOW_US + BOUNDS.max_age_us
    plan = decide([_row(2), _row(2, KEY)], ROOMY, now_us=late_us, bounds=BOUNDS)
    assert [(run.cls, run.cause) for run in plan.bury] == [(BULK, "age"), (KEY, "age")]


def test_acknowledged_records_are_kept_until_they_were_kept_long_enough() -> None:
    kept, done = _row(3, acked=True), replace(_row(2, acked=True), kept_enough=True)
    assert decide([kept, done], ROOMY, now_us=NOW_US, bounds=BOUNDS).delete == (done.id,)


def test_a_full_disk_costs_acknowledged_records_but_of_others_only_what_growth_needs() -> None:
    bounds = replace(BOUNDS, max_bytes=160_000, min_free_bytes=10**6)
    rows = [_row(n, acked=n < 10) for n in range(1, 30)]
    spare = Usage(used=100_000, file=100_000 + headroom(bounds), free=0)
    plan = decide(rows, spare, now_us=NOW_US, bounds=bounds)
    assert len(plan.delete) == 9
    assert not plan.bury
    tight = replace(spare, file=100_000)
    [run] = decide([_row(n) for n in range(1, 30)], tight, now_us=NOW_US, bounds=bounds).bury
    assert run.cause == "disk"
    assert (run.through) * cost(800) >= headroom(bounds) > (run.through - 1) * cost(800)


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(2, 60), st.sampled_from([KEY, BULK])),
        unique=True,
        max_size=80,
    ),
    st.integers(0, 100),
    st.integers(0, 60),
)
def test_key_is_never_given_up_while_bulk_is_left(
    places: list[tuple[int, int, StreamClass]], need: int, acked: int
) -> None:
    rows = [_row(seq, cls, ord_=ord_, acked=seq <= acked) for ord_, seq, cls in places]
    plan = decide(rows, _used(need), now_us=NOW_US, bounds=BOUNDS)
    buried = {one for run in plan.bury for one in run.ids}
    gone = buried | set(plan.delete)
    unacked = {row.id: row for row in rows if not row.acked}
    assert buried <= set(unacked)
    if any(unacked[one].cls is KEY for one in buried):
        assert {one for one, row in unacked.items() if row.cls is BULK} <= gone
    if buried:
        assert {row.id for row in rows if row.acked} <= gone
    for run in plan.bury:
        assert len(run.ids) == run.through - run.seq + 1
