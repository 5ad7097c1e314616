"""The running order takes all."""

from __future__ import annotations

import numpy as np

from ingest_server.domain.assignments import timeline
from ingest_server.domain.attribution import Key, attribute
from ingest_server.domain.counters import CounterState, fold
from tests.cases.domain_events import BAD, COUNTER, S, said


def test_an_outage_over_a_change_of_order_is_unallocated() -> None:
    ts = np.array([0, 10, 20, 600, 610]) * S
    value = np.array([0, 5, 0, 105, 107])
    q = np.array([0, 0, BAD, 0, 0], dtype=np.uint32)
    _, facts = fold(COUNTER, CounterState(), ts, value, q)
    found = attribute(facts, timeline([said(0, "WO-1"), said(300, "WO-2")]), gap_us=None)
    by_order = {key.run.order or key.place: made for key, made in found.by_key().items()}
    assert by_order == {"WO-1": 5, "unallocated": 100, "WO-2": 2}
    assert Key(place="unallocated") in found.keys
