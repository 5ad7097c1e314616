"""When a silent broker is asked, and when it is given up."""

from __future__ import annotations

from runtime.mqtt_alive import SignsOfLife, Verdict


def quarters(life: SignsOfLife, count: int, *, listening: bool = True) -> list[Verdict]:
    return [life.quarter_passed(listening=listening) for _ in range(count)]


def test_a_silent_broker_is_asked_after_half_and_lost_after_one_and_a_half() -> None:
    life = SignsOfLife(20)
    assert (life.quarter_s, life.lost_after_s) == (5, 30)
    said = []
    for _ in range(6):
        verdict = life.quarter_passed(listening=True)
        said.append(verdict)
        if verdict == "ask":
            life.said()
    assert said[:2] == ["well", "ask"]
    assert said[-1] == "lost"
    assert "lost" not in said[:-1]


def test_an_answer_starts_the_count_again() -> None:
    life = SignsOfLife(20)
    for _ in range(20):
        assert quarters(life, 2) == ["well", "ask"]
        life.said()
        life.heard()


def test_a_broker_that_only_talks_is_told_that_we_live() -> None:
    """The broker gives up a client it has not heard for one and a half keep-alive times."""
    life = SignsOfLife(20)
    asked = []
    for _ in range(12):
        life.heard()
        verdict = life.quarter_passed(listening=True)
        asked.append(verdict)
        if verdict == "ask":
            life.said()
    assert asked == ["well", "ask"] * 6


def test_silence_proves_nothing_while_nobody_listens() -> None:
    life = SignsOfLife(20)
    seen = []
    for _ in range(100):
        verdict = life.quarter_passed(listening=False)
        seen.append(verdict)
        if verdict == "ask":
            life.said()
    assert "lost" not in seen
    assert seen.count("ask") == 50, "we still tell the broker that we live"


def test_a_busy_connection_needs_no_question() -> None:
    life = SignsOfLife(20)
    for _ in range(50):
        life.heard()
        life.said()
        assert life.quarter_passed(listening=True) == "well"
