"""The PLC clock steps back."""

from __future__ import annotations

import numpy as np

from ingest_server.domain.order_tags import OrderTagState, fold
from tests.cases.domain_events import S, counted, outputs, said


def test_a_stepped_clock_counts_what_was_made_and_no_wrap() -> None:
    _, facts = counted([(7200, 100), (7210, 110), (3615, 115), (3625, 120)])
    assert facts.total() == 20
    assert facts.discontinuous.tolist() == [False, False, True, False]


def test_after_the_step_pieces_go_to_the_order_that_runs() -> None:
    """From 7200 s to 3600 s; what runs began at 7000 s, the next order begins at 3800 s."""
    told = [(0, "WO-1"), (7000, "WO-2"), (3600, "WO-2"), (3800, "WO-3")]
    ts_us = np.array([at * S for at, _ in told], np.int64)
    _, words = fold(OrderTagState(), ts_us, [order for _, order in told])
    _, facts = counted([(3700, 0), (3710, 10), (3900, 30), (8000, 70)])
    line = [said(at // S, order, seq=seq) for seq, (at, order, _) in enumerate(words)]
    made = {output.order: output.quantity for output in outputs(facts, line)}
    assert made == {"WO-2": 10, "WO-3": 60}
