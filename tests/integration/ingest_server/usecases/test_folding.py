"""Readings become quantities, assignments and alarms in the transaction that stores them."""

from __future__ import annotations

import random
from collections.abc import Callable

from ingest_server.receive.committer import Committer
from ingest_server.usecases.progress import Progress
from runtime.clock import from_datetime
from tests.integration.ingest_server.receive.model_edge import (
    DEFAULT_TAGS,
    START_US,
    Epoch,
    started,
)
from tests.integration.ingest_server.usecases.conftest import PLAN, Apply, Handle, Rows
from wire.frame import StreamClass
from wire.ids import EdgeId
from wire.records import Event

EDGE = EdgeId(plant="demo", edge="line-a")
GOOD, TEMPERATURE, ORDER = 1, 2, 4


def made(rows: Rows) -> dict[str, float]:
    found = rows("SELECT run, sum(quantity) FROM production_1m GROUP BY run")
    return {str(run): float(str(quantity)) for run, quantity in found}


def shift(epoch: Epoch) -> None:
    """Ten pieces before any order, twenty for A-100, five for the second, then none again."""
    epoch.sample([(GOOD, 1000), (ORDER, "")])
    epoch.sample([(GOOD, 1004), (GOOD, 1010)])
    epoch.sample([(ORDER, "A-100"), (GOOD, 1010), (GOOD, 1015)])
    epoch.sample([(GOOD, 1030)])
    epoch.sample([(ORDER, "工单七"), (GOOD, 1030), (GOOD, 1035)])
    epoch.sample([(ORDER, ""), (GOOD, 1036)])


def damage_counter(rows: Rows) -> None:
    """A counter's state is one that this release does not know."""
    rows("INSERT INTO fold_state (tag_id, fold, state) SELECT tag_id, 'counter', '{\"v\": 99}' "
         "FROM tag WHERE path = 'press/good'")  # fmt: skip


def test_pieces_go_to_the_order_that_ran(
    put: Apply, handle: Handle, drain: Callable[[], int], rows: Rows
) -> None:
    put()
    epoch = started(EDGE)
    shift(epoch)
    handle(*epoch.records)
    assert drain() > 0
    assert made(rows) == {"unassigned": 11, "order:A-100": 20, "order:工单七": 5}
    assert rows("SELECT count(*) FROM production_dirty") == [(0,)]
    assert rows("SELECT order_no, source FROM assignment ORDER BY assignment_id") == [
        (None, "plc"),
        ("A-100", "plc"),
        ("工单七", "plc"),
        (None, "plc"),
    ]


def test_the_same_figures_however_the_records_are_grouped_or_repeated(
    put: Apply, handle: Handle, drain: Callable[[], int], rows: Rows
) -> None:
    put()
    epoch = started(EDGE)
    shift(epoch)
    lot = random.Random(7)
    for place in range(len(epoch.records)):
        handle(*epoch.records[max(0, place - lot.randrange(3)) : place + 1])
        if lot.random() < 0.5:
            drain()
    drain()
    assert made(rows) == {"unassigned": 11, "order:A-100": 20, "order:工单七": 5}
    assert rows("SELECT sum(quantity) FROM count_fact") == [(36,)]


def test_an_order_that_is_learned_late_moves_what_was_made(
    put: Apply, handle: Handle, drain: Callable[[], int], rows: Rows
) -> None:
    put(PLAN.replace("edge: line-a, tag: press/order", "edge: scanner, tag: press/order"))
    counts, says = started(EDGE), started(EdgeId(plant="demo", edge="scanner"))
    counts.sample([(GOOD, 0), (GOOD, 10), (GOOD, 20), (GOOD, 30)], step_us=60_000_000)
    says.now_us += 90_000_000
    says.sample([(ORDER, "A-100")])
    handle(*counts.records)
    drain()
    assert made(rows) == {"unassigned": 30}
    committer = Committer(handle_dsn(rows), clock=lambda: START_US)
    try:
        from ingest_server.receive.arrival import look_at
        from wire.topics import up

        committer.handle([look_at(up(says.edge, "data"), record) for record in says.records])
    finally:
        committer.close()
    drain()
    assert made(rows) == {"order:A-100": 30}  # the first count is at 120 s, after the order


def test_after_the_devices_clock_stepped_back_pieces_go_to_what_runs(
    put: Apply, handle: Handle, drain: Callable[[], int], rows: Rows
) -> None:
    """Back by an hour while the second order runs; an order follows that the plan does not know."""
    put()
    epoch = started(EDGE)
    minute_us = 60_000_000
    epoch.sample([(ORDER, "A-100"), (GOOD, 0), (GOOD, 10)])
    epoch.now_us += 90 * minute_us
    epoch.sample([(ORDER, "工单七"), (GOOD, 10), (GOOD, 30)])
    handle(*epoch.records)
    drain()
    epoch.now_us -= 60 * minute_us
    epoch.sample([(ORDER, "工单七"), (GOOD, 31), (GOOD, 36)])
    epoch.now_us += 10 * minute_us
    epoch.sample([(ORDER, "X-1"), (GOOD, 36), (GOOD, 43)])
    epoch.now_us += 80 * minute_us  # by now its clock has passed the second order's first begin
    epoch.sample([(ORDER, "X-1"), (GOOD, 43), (GOOD, 143)])
    handle(*epoch.records[3:])
    drain()
    # Twenty of the second order's pieces were made after its first begin, the first time through.
    assert made(rows) == {"order:A-100": 10, "order:工单七": 26, "order:X-1": 107}


def handle_dsn(rows: Rows) -> str:
    """The DSN that `rows` works on."""
    closure = rows.__closure__  # type: ignore[attr-defined]
    return str(next(c.cell_contents for c in closure if str(c.cell_contents).startswith("postg")))


def test_a_gap_over_a_change_of_order_is_unallocated(
    put: Apply, handle: Handle, drain: Callable[[], int], rows: Rows
) -> None:
    put()
    epoch = started(EDGE)
    epoch.sample([(ORDER, "A-100"), (GOOD, 0), (GOOD, 10)])
    epoch.sample([(GOOD, 20)])
    epoch.sample([(ORDER, "工单七"), (GOOD, 50)])
    gone = epoch.tombstone(seq=4, through=4)
    handle(*epoch.records[:3], gone, *epoch.records[4:])
    drain()
    assert made(rows) == {"order:A-100": 10, "unallocated": 40}


def test_what_a_reading_after_missed_polls_brings_over_a_change_of_order_is_unallocated(
    put: Apply, handle: Handle, drain: Callable[[], int], rows: Rows
) -> None:
    """The parts of the first order's end were made while nobody looked, as was its end."""
    put()
    epoch = Epoch(edge=EDGE, cls=StreamClass.BULK)
    epoch.open()
    epoch.define(*(tag.model_copy(update={"device": "plc"}) for tag in DEFAULT_TAGS))
    epoch.sample([(ORDER, "A-100"), (GOOD, 0), (GOOD, 10)])
    since = epoch.now_us + 200_000
    epoch.sample([(ORDER, "工单七"), (GOOD, 13)])
    until = epoch.now_us
    epoch.sample([(GOOD, 20)])
    handle(*epoch.records)
    drain()
    assert made(rows) == {"order:A-100": 10, "order:工单七": 10}
    # An agent tells of missed polls after the reading that ended them.
    told = {"at_us": until, "from_us": since, "to_us": until, "cause": "not_collected"}
    handle(epoch.events(Event(kind="not_collected", device="other", **told)))
    assert drain() == 0
    handle(epoch.events(Event(kind="not_collected", device="plc", **told)))
    assert drain() == 1
    assert made(rows) == {"order:A-100": 10, "unallocated": 3, "order:工单七": 7}


def test_a_process_that_begins_anew_goes_on_where_the_last_one_stopped(
    put: Apply, migrated: str, drain: Callable[[], int], rows: Rows
) -> None:
    from ingest_server.receive.arrival import look_at
    from wire.topics import up

    put()
    epoch = started(EDGE)
    shift(epoch)
    for record in epoch.records:
        committer = Committer(migrated, clock=lambda: START_US)
        committer.handle([look_at(up(EDGE, "data"), record)])
        committer.close()
    drain()
    assert made(rows) == {"unassigned": 11, "order:A-100": 20, "order:工单七": 5}


def test_an_alarm_is_raised_after_its_delay_and_cleared(
    put: Apply, handle: Handle, rows: Rows
) -> None:
    put()
    epoch = started(EDGE)
    epoch.sample([(TEMPERATURE, 70.0), (TEMPERATURE, 90.0), (TEMPERATURE, 91.0)])
    handle(*epoch.records)
    assert rows("SELECT count(*) FROM alarm") == [(0,)]
    epoch.sample([(TEMPERATURE, 92.0), (TEMPERATURE, 60.0)])
    handle(*epoch.records)
    [(raised, cleared, state, priority, late)] = rows(
        "SELECT raised_at, cleared_at, state, priority, late FROM alarm"
    )
    assert from_datetime(raised) == START_US + 4_000_000
    assert from_datetime(cleared) == START_US + 5_000_000
    assert (state, priority, late) == ("D", "high", True)
    assert rows("SELECT event, value FROM alarm_event ORDER BY event_id") == [
        ("raised", 91.0),
        ("cleared", 60.0),
    ]


def test_a_delay_ends_though_no_reading_comes(put: Apply, handle: Handle, rows: Rows) -> None:
    put()
    epoch = started(EDGE)
    epoch.sample([(TEMPERATURE, 90.0)])
    epoch.sample([(GOOD, 1), (GOOD, 2), (GOOD, 3)])
    handle(*epoch.records)
    assert rows("SELECT state FROM alarm") == [("B",)]


def test_an_acknowledged_alarm_is_normal_when_it_clears(
    put: Apply, handle: Handle, rows: Rows
) -> None:
    put()
    epoch = started(EDGE)
    epoch.sample([(TEMPERATURE, 90.0)] * 4)
    handle(*epoch.records)
    rows("UPDATE alarm SET acknowledged_at = now(), acknowledged_by = 'mei', state = 'C'")
    epoch.sample([(TEMPERATURE, 20.0)])
    handle(*epoch.records)
    assert rows("SELECT state FROM alarm") == [("A",)]


def test_a_plan_applied_in_between_counts_from_then_on(
    put: Apply, handle: Handle, drain: Callable[[], int], rows: Rows
) -> None:
    epoch = started(EDGE)
    epoch.sample([(GOOD, 5), (GOOD, 10)])
    handle(*epoch.records)
    put()
    epoch.sample([(GOOD, 20), (GOOD, 25)])
    handle(*epoch.records)
    drain()
    assert made(rows) == {"unassigned": 5}


def test_a_fold_that_fails_parks_its_stream_and_storing_goes_on(
    put: Apply, handle: Handle, committer: Committer, rows: Rows
) -> None:
    put()
    epoch, other = started(EDGE), started(EDGE, StreamClass.KEY)
    epoch.sample([(GOOD, 5)])
    handle(*epoch.records)
    damage_counter(rows)
    committer.close()  # as a process of an older release that is started after a newer one
    epoch.sample([(GOOD, 6)])
    epoch.sample([(GOOD, 7)])
    handle(*epoch.records[3:], *other.records)
    assert rows("SELECT count(*) FROM reading") == [(3,)]
    assert rows("SELECT class, cursor, applied FROM stream ORDER BY class") == [
        ("bulk", 5, 3),
        ("key", 2, 2),
    ]
    assert rows("SELECT code FROM notice") == [("LS-5415",)]
    epoch.sample([(GOOD, 8)])
    handle(*epoch.records[5:])
    assert rows("SELECT count(*) FROM notice") == [(1,)]
    assert rows("SELECT sum(quantity) FROM count_fact") == [(0,)]


def test_progress_waits_for_nobody_and_does_nothing_twice(migrated: str) -> None:
    one, two = Progress(migrated), Progress(migrated)
    assert one.drain() == two.drain() == 0
    one.close()
    two.close()
