"""Two workers write at once: a count here, an order tag there."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ingest_server.domain.facts import Cause, Facts
from ingest_server.store import connection as connections
from ingest_server.store import folding
from ingest_server.store.copyrows import mark_fields
from ingest_server.store.folding import AssignmentRow, FoldRows, MinuteMarks
from tests.integration.ingest_server.receive.model_edge import START_US, started
from tests.integration.ingest_server.usecases.conftest import Apply, Handle, Rows
from wire.ids import EdgeId

MINUTE_US = 60_000_000
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def _count(tag_id: int) -> FoldRows:
    """Seven pieces, half a minute after the start."""
    steps = np.array([0], np.int64)
    facts = Facts(
        ts_us=np.array([START_US + MINUTE_US // 2], np.int64),
        from_us=np.array([START_US + MINUTE_US // 3], np.int64),
        quantity=np.array([7.0]),
        cause=np.array([Cause.COUNT], np.uint8),
        discontinuous=np.array([False]),
        before=steps,
        value=steps + 7,
    )
    equipment = np.array([mark_fields("demo", "press")], np.object_)
    marks = MinuteMarks(plant="demo", minute_us=START_US, equipment=equipment)
    return FoldRows(facts=[(tag_id, 1, facts)], marks=[marks])


def _order(tag_id: int) -> FoldRows:
    row = AssignmentRow(
        plant="demo", equipment="press", at_us=START_US, order="A-100", author="a", tag_id=tag_id,
        batch=1,
    )  # fmt: skip
    return FoldRows(assignments=[row])


def test_a_piece_and_its_order_committed_at_once_find_each_other(
    put: Apply, handle: Handle, drain: Callable[[], int], rows: Rows, migrated: str
) -> None:
    put()
    handle(*started(EdgeId(plant="demo", edge="line-a")).records)
    found = rows("SELECT tag_id FROM tag WHERE path = 'press/good'")
    tag_id = int(str(found[0][0]))
    counting = connections.connect(migrated, name="one")
    naming = connections.connect(migrated, name="two")

    def name_the_order() -> None:
        with naming.transaction():
            folding.write(naming, _order(tag_id))

    with counting, naming, ThreadPoolExecutor(1) as thread:
        with counting.transaction():
            folding.write(counting, _count(tag_id))
            named = thread.submit(name_the_order)
            limit_s = time.monotonic() + 10
            while rows(WAITING) == [(0,)] and not named.done() and time.monotonic() < limit_s:
                time.sleep(0.01)
            assert not named.done()
        # What the other has seen by now is what was there before it began.
        named.result(10)
    drain()
    assert rows("SELECT run, quantity FROM production_1m") == [("order:A-100", 7.0)]
