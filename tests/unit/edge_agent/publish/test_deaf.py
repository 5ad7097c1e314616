"""A connection on which nothing is heard is given up, ever more rarely while nobody is there."""

from __future__ import annotations

from edge_agent.publish.deaf import Patience


def ended_s(patience: Patience, answers: int = 3) -> float:
    """After how many seconds a silent connection is given up."""
    patience.connected(answers, 1_000.0, lot=0.0)
    seconds = 1
    while not patience.is_over(answers, 1_000.0 + seconds, waiting=True):
        seconds += 1
    return seconds - 1


def test_a_silent_connection_is_given_up_ever_more_rarely() -> None:
    patience = Patience(10.0)
    assert [ended_s(patience) for _ in range(6)] == [60, 120, 240, 480, 600, 600]


def test_who_waits_for_nothing_or_hears_something_stays() -> None:
    patience = Patience(10.0)
    patience.connected(0, 0.0, lot=0.0)
    assert not any(patience.is_over(0, float(at), waiting=False) for at in range(1_000))
    assert not any(
        patience.is_over(at // 59, float(at), waiting=True) for at in range(1_000, 2_000)
    )
    assert patience.is_over(2_000 // 59, 2_061.0, waiting=True)


def test_an_answer_makes_it_patient_anew() -> None:
    patience = Patience(10.0)
    assert ended_s(patience) == 60
    patience.connected(3, 0.0, lot=0.0)
    assert not patience.is_over(4, 1.0, waiting=True)
    assert ended_s(patience) == 60


def test_many_edges_do_not_come_back_in_one_moment() -> None:
    limits = []
    for lot in (0.0, 0.5, 1.0):
        patience = Patience(10.0)
        patience.connected(0, 0.0, lot=lot)
        limits.append(patience.limit_s)
    assert limits == [60.0, 67.5, 75.0]
