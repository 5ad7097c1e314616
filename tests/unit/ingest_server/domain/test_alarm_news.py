"""Whom to tell: the decision's table, row by row, and what must never be sent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.domain.alarm_news import Occurrence, Verdict, decide

MINUTE = 60_000_000
FRESH = Occurrence(key="temp@0.1", raised_us=0, learned_us=2_000_000)
LATE = replace(FRESH, learned_us=3 * 60 * MINUTE)
CLOSED = {"cleared_us": 5 * MINUTE}


@pytest.mark.parametrize(
    ("occurrence", "hidden", "caught_up", "verdict"),
    [
        (FRESH, False, True, Verdict.RAISED),
        (FRESH, False, False, Verdict.RAISED),
        (FRESH, True, True, Verdict.NOTHING),
        (replace(FRESH, **CLOSED), False, True, Verdict.RAISED),
        (replace(FRESH, told_raise=True), False, True, Verdict.NOTHING),
        (replace(FRESH, told_raise=True, **CLOSED), False, True, Verdict.CLEARED),
        (replace(FRESH, told_raise=True, **CLOSED), True, True, Verdict.CLEARED),
        (replace(FRESH, told_raise=True, told_clear=True, **CLOSED), False, True, Verdict.NOTHING),
        (LATE, False, True, Verdict.STANDING),
        (LATE, False, False, Verdict.WAIT),
        (LATE, True, True, Verdict.NOTHING),
        (replace(LATE, **CLOSED), False, True, Verdict.DIGEST),
        (replace(LATE, **CLOSED), False, False, Verdict.DIGEST),
        (replace(LATE, **CLOSED), True, True, Verdict.DIGEST),
    ],
)
def test_the_verdict_follows_the_table(
    occurrence: Occurrence, hidden: bool, caught_up: bool, verdict: Verdict
) -> None:
    found = decide(occurrence, hidden=hidden, caught_up=caught_up, late_after_us=5 * MINUTE)
    assert found is verdict


@given(
    steps=st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=12),
    start=st.sampled_from([FRESH, LATE]),
)
def test_nothing_is_told_twice_and_no_clear_comes_without_its_raise(
    steps: list[tuple[bool, bool, bool]], start: Occurrence
) -> None:
    occurrence, sent = start, []
    for hidden, caught_up, clears in steps:
        if clears and occurrence.cleared_us is None:
            occurrence = replace(occurrence, **CLOSED)
        verdict = decide(occurrence, hidden=hidden, caught_up=caught_up, late_after_us=5 * MINUTE)
        if verdict in (Verdict.RAISED, Verdict.STANDING):
            occurrence = replace(occurrence, told_raise=True)
        elif verdict in (Verdict.CLEARED, Verdict.DIGEST):
            occurrence = replace(occurrence, told_raise=True, told_clear=True)
        else:
            continue
        sent.append(verdict)
    assert len(sent) == len(set(sent))
    assert sent in (
        [],
        [Verdict.DIGEST],
        [Verdict.RAISED],
        [Verdict.STANDING],
        [Verdict.RAISED, Verdict.CLEARED],
        [Verdict.STANDING, Verdict.CLEARED],
    )
