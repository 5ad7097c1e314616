"""The server's time, estimated from answers that come late, oddly or all at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clock.server_time import ServerTime

SECOND = 1_000_000
AHEAD = 1_700_000_000 * SECOND


def heard(*answers: tuple[int, int]) -> ServerTime:
    """`answers`: elapsed seconds, and how many microseconds its stamp is from the truth."""
    found = ServerTime()
    for elapsed_s, off_us in answers:
        found.add(AHEAD + elapsed_s * SECOND + off_us, elapsed_s * SECOND)
    return found


def test_it_is_unknown_before_three_answers_over_two_seconds() -> None:
    assert heard().ahead_us is None
    assert heard((0, 0), (2, 0)).ahead_us is None
    assert heard((0, 0), (1, 0), (1, 0)).ahead_us is None
    assert heard((0, 0), (1, 0), (2, 0)).ahead_us == AHEAD


def test_the_answer_with_the_least_delay_counts() -> None:
    assert heard((0, -900), (1, -20), (2, -700)).ahead_us == AHEAD - 20


def test_answers_of_long_ago_do_not_count() -> None:
    found = heard((0, 5), (1, 5), (2, 5))
    assert found.present_us(302 * SECOND) == AHEAD + 302 * SECOND + 5
    assert found.present_us(303 * SECOND) is None
    for elapsed_s in (400, 401, 402):
        found.add(AHEAD + elapsed_s * SECOND, elapsed_s * SECOND)
    assert found.ahead_us == AHEAD


def test_answers_read_all_at_once_do_not_count() -> None:
    assert heard(*[(0, -n) for n in range(16)]).ahead_us is None


def test_a_server_that_answers_often_is_known_as_soon() -> None:
    found = ServerTime()
    for tenth in range(26):
        elapsed_us = tenth * SECOND // 10
        found.add(AHEAD + elapsed_us - 1_000 * (tenth % 7), elapsed_us)
    assert found.ahead_us == AHEAD


@given(
    delays=st.lists(st.integers(0, 3 * SECOND), min_size=3, max_size=16),
    odd=st.lists(st.integers(61 * SECOND, 10**6 * SECOND), max_size=8),
    shuffled=st.randoms(use_true_random=False),
)
def test_fewer_odd_answers_than_honest_ones_change_nothing(
    delays: list[int], odd: list[int], shuffled: object
) -> None:
    few = odd[: (len(delays) - 1) // 2]
    said = [-delay for delay in delays] + few
    shuffled.shuffle(said)  # type: ignore[attr-defined]
    found = heard(*enumerate(said[:16])).ahead_us
    honest = [one for one in said[:16] if one <= 0]
    assert found == AHEAD + max(honest)
