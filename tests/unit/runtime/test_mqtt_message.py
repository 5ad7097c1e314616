"""How long messages wait for their acknowledgement."""

from __future__ import annotations

from runtime.mqtt_message import InHand


def test_the_oldest_that_is_not_acknowledged_counts() -> None:
    now_s = 100.0
    in_hand = InHand(clock_s=lambda: now_s)
    assert in_hand.oldest_s() == 0.0
    for mid in (1, 2, 3):
        in_hand.took(mid)
        now_s += 1
    assert in_hand.oldest_s() == 3.0
    in_hand.gave(2)
    assert in_hand.oldest_s() == 3.0
    in_hand.took(1)  # delivered again
    assert in_hand.oldest_s() == 3.0
    in_hand.gave(1)
    in_hand.gave(1)
    assert in_hand.oldest_s() == 1.0
    in_hand.gave(3)
    assert in_hand.oldest_s() == 0.0
