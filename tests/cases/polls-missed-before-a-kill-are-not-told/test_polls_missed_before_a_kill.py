"""Polls missed before a kill are not told."""

from __future__ import annotations

from edge_agent.collect.schedule import Missed, MissedPolls

S = 1_000_000


def test_a_standstill_is_told_with_the_next_poll() -> None:
    gaps = MissedPolls(join_us=5 * S, longest_us=60 * S, at_once_us=S)
    stood_still = Missed(from_us=10 * S, to_us=13 * S, polls=15, reason="overrun")
    assert gaps.add(stood_still) is None
    assert gaps.due(13 * S) == stood_still
