""" "Cleared" without "raised", and the horn at every return."""

from __future__ import annotations

from dataclasses import replace

from ingest_server.domain.alarm_news import Occurrence, Verdict, decide

HIDDEN_AND_GONE = Occurrence(key="hot@0.1", raised_us=0, learned_us=0, cleared_us=5)


def told(occurrence: Occurrence, *, hidden: bool) -> Verdict:
    return decide(occurrence, hidden=hidden, caught_up=True, late_after_us=60_000_000)


def test_what_was_hidden_is_not_cleared_aloud() -> None:
    assert told(HIDDEN_AND_GONE, hidden=True) is Verdict.NOTHING


def test_a_clear_is_not_a_raise_and_comes_once() -> None:
    raised = replace(HIDDEN_AND_GONE, told_raise=True)
    assert told(raised, hidden=False) is Verdict.CLEARED
    assert told(replace(raised, told_clear=True), hidden=False) is Verdict.NOTHING
