"""Counts after "done" are dropped."""

from __future__ import annotations

from dataclasses import replace

from ingest_server.domain.restatements import Kind, settled
from tests.cases.domain_events import RUNNING, counted, how_far, outputs, said


def test_pieces_after_completion_restate_the_order() -> None:
    state, first = counted([(0, 0), (10, 10)])
    _, late = counted([(20, 12)], state)
    line = [said(0, "WO-1")]
    done = how_far(outputs(first, line))
    found = settled(done, how_far([*outputs(first, line), *outputs(late, line)]), cause="late data")
    assert (found.kind, found.good, found.progress.good) == (Kind.RESTATEMENT, 2, 12)


def test_pieces_after_closing_are_a_correction() -> None:
    closed = replace(RUNNING, closed=True)
    _, facts = counted([(0, 0), (10, 12)])
    _, first = counted([(0, 0), (10, 10)])
    line = [said(0, "WO-1")]
    found = settled(
        how_far(outputs(first, line), closed), how_far(outputs(facts, line), closed), cause="late"
    )
    assert (found.kind, found.good, found.progress.good) == (Kind.CORRECTION, 2, 10)
