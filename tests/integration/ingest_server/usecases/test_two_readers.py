"""One buffer on two machines: both read the same, and everything is told of once."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from ingest_server.receive.committer import Committer
from ingest_server.usecases.refold import refold
from runtime.clock import now_us
from tests.integration.ingest_server.receive.model_edge import DEFAULT_TAGS, Epoch, started
from tests.integration.ingest_server.usecases.conftest import Apply, Handle, Rows
from tests.integration.ingest_server.usecases.test_folding import (
    EDGE,
    GOOD,
    ORDER,
    TEMPERATURE,
    damage_counter,
    made,
)

LATER_US = 300_000
"""So long after the one the other reads."""


def read_a_shift(epoch: Epoch, *, later_us: int) -> None:
    """Ten pieces of one order, twenty of the next; in the first it gets hot for a while."""
    epoch.open()
    epoch.define(*DEFAULT_TAGS)
    epoch.now_us += later_us
    epoch.sample([(ORDER, "A-100"), (GOOD, 1000), (TEMPERATURE, 90.0)])
    epoch.sample([(GOOD, 1010), (TEMPERATURE, 91.0), (TEMPERATURE, 92.0)])
    epoch.sample([(TEMPERATURE, 93.0), (TEMPERATURE, 20.0), (ORDER, "工单七")])
    epoch.sample([(GOOD, 1020), (GOOD, 1030), (TEMPERATURE, 20.0)])


def by_two(first: Epoch) -> tuple[list[bytes], list[bytes]]:
    one, two = first.successor(), first.successor()
    read_a_shift(one, later_us=0)
    read_a_shift(two, later_us=LATER_US)
    return one.records, two.records


def in_turns(seed: int, one: list[bytes], two: list[bytes]) -> list[bytes]:
    lot, lines, found = random.Random(seed), [list(one), list(two)], []
    while lines[0] or lines[1]:
        line = lines[lot.randrange(2)]
        if line:
            found.append(line.pop(0))
    return found


def told(rows: Rows) -> dict[str, list[tuple[object, ...]]]:
    return {
        "orders": rows("SELECT order_no FROM assignment ORDER BY at, assignment_id"),
        "alarms": rows("SELECT event FROM alarm_event ORDER BY event_id"),
        "open": rows("SELECT count(*) FROM alarm WHERE cleared_at IS NULL"),
    }


ONCE = {
    "orders": [("A-100",), ("工单七",)],
    "alarms": [("raised",), ("cleared",)],
    "open": [(0,)],
}


@pytest.mark.parametrize("seed", range(3))
def test_an_order_and_an_alarm_are_told_of_once_whoever_is_first(
    put: Apply, handle: Handle, drain: Callable[[], int], rows: Rows, seed: int
) -> None:
    put()
    first = started(EDGE)
    handle(*first.records)
    for record in in_turns(seed, *by_two(first)):
        handle(record)
    drain()
    assert told(rows) == ONCE
    assert made(rows) == {"order:A-100": 10, "order:工单七": 20}


def test_what_the_second_read_a_shift_ago_changes_nothing_now(
    put: Apply, handle: Handle, drain: Callable[[], int], rows: Rows
) -> None:
    put()
    first = started(EDGE)
    one, two = by_two(first)
    handle(*first.records, *one, *two)
    drain()
    assert told(rows) == ONCE
    assert made(rows) == {"order:A-100": 10, "order:工单七": 20}


def test_it_is_the_same_when_it_was_parked_in_between(
    put: Apply,
    handle: Handle,
    committer: Committer,
    drain: Callable[[], int],
    rows: Rows,
    migrated: str,
) -> None:
    put()
    first = started(EDGE)
    handle(*first.records)
    damage_counter(rows)
    committer.close()
    one, two = by_two(first)
    handle(*one, *two)
    assert rows("SELECT count(*) FROM unfolded WHERE beside") == [(4,)]
    assert told(rows) == {"orders": [], "alarms": [], "open": [(0,)]}
    rows("DELETE FROM fold_state WHERE fold = 'counter'")
    refold(migrated, clock=now_us)
    drain()
    assert told(rows) == ONCE
    assert made(rows) == {"order:A-100": 10, "order:工单七": 20}
