"""When a broker is tried again: soon after its return, never by everybody at once."""

from __future__ import annotations

import random

from runtime.errors import Reconfigure, RetryLater
from runtime.reconnect import Reconnect

AWAY = RetryLater("LS-1101", broker="b", reason="refused")
BUSY = RetryLater("LS-1110", broker="b", reason="server busy")
LOST = RetryLater("LS-1103", broker="b", reason="reset")


def test_a_broker_that_was_away_for_hours_is_found_within_two_seconds_of_its_return() -> None:
    again = Reconnect()
    pauses = [again.pause_s(AWAY, worked=False, lot=0.0) for _ in range(5_000)]
    assert max(pauses) <= 1.2
    assert pauses[0] < pauses[-1]


def test_a_broker_that_says_no_is_asked_more_and_more_rarely() -> None:
    for error in (BUSY, LOST, Reconfigure("LS-1104", broker="b")):
        again = Reconnect()
        pauses = [again.pause_s(error, worked=False, lot=0.0) for _ in range(8)]
        assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_good_connection_makes_its_end_the_first_failure() -> None:
    again = Reconnect()
    for _ in range(6):
        again.pause_s(BUSY, worked=False, lot=0.0)
    assert again.pause_s(LOST, worked=True, lot=0.0) == 0.5


def test_refusals_are_remembered_while_a_broker_comes_and_goes() -> None:
    again = Reconnect()
    for _ in range(3):
        again.pause_s(BUSY, worked=False, lot=0.0)
        again.pause_s(AWAY, worked=False, lot=0.0)
    assert again.pause_s(BUSY, worked=False, lot=0.0) == 4


def test_five_hundred_edges_do_not_return_in_one_instant() -> None:
    lot = random.Random(5)
    edges = [Reconnect() for _ in range(500)]
    for _ in range(20):
        pauses = [one.pause_s(AWAY, worked=False, lot=lot.random()) for one in edges]
    in_50_ms = [sum(start <= one < start + 0.05 for one in pauses) for start in
                (0.6 + 0.05 * step for step in range(12))]  # fmt: skip
    assert sum(in_50_ms) == 500
    assert max(in_50_ms) < 80
