"""The agent's own time: two of three witnesses decide, whatever is set and whoever is silent."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clock.timeline import (
    FAR_US,
    SMALL_US,
    Change,
    Choice,
    Known,
    Segment,
    Source,
    Timeline,
    begin,
    look,
)

SECOND = 1_000_000
HOUR = 3_600 * SECOND
TRUE = 1_700_000_000 * SECOND
"""The true time when the elapsed time is 0."""


@dataclass(kw_only=True)
class Computer:
    """Elapsed time goes on; its clock is off by what somebody made of it."""

    off_us: int = 0
    elapsed_us: int = 1_000 * SECOND
    timeline: Timeline = field(
        default_factory=lambda: Timeline(segment=Segment(from_us=0, at_us=0))
    )

    @property
    def true_us(self) -> int:
        return TRUE + self.elapsed_us

    @property
    def wall_us(self) -> int:
        return self.true_us + self.off_us

    @property
    def error_us(self) -> int:
        return self.timeline.at(self.elapsed_us) - self.true_us

    def start(self, known: Known | None = None, *, boot: str = "b") -> Change | None:
        self.timeline, change = begin(
            known, boot=boot, elapsed_us=self.elapsed_us, wall_us=self.wall_us
        )
        return change

    def look(self, *, server_off_us: int | None = None, after_us: int = SECOND) -> Change | None:
        self.elapsed_us += after_us
        server_us = None if server_off_us is None else self.true_us + server_off_us
        self.timeline, change = look(
            self.timeline, elapsed_us=self.elapsed_us, wall_us=self.wall_us, server_us=server_us
        )
        return change

    def restart(self, *, boot: str = "b") -> Change | None:
        known = self.timeline.known("b", self.elapsed_us)
        self.elapsed_us += 5 * SECOND
        return self.start(known, boot=boot)


def confirmed(off_us: int = 0) -> Computer:
    """One that the server has confirmed."""
    computer = Computer(off_us=off_us)
    computer.start()
    assert computer.look(server_off_us=-100) is None
    assert computer.timeline.heard
    return computer


def choice(change: Change | None) -> Choice | None:
    return None if change is None else change.choice


@pytest.mark.parametrize("step_us", [6 * HOUR, -6 * HOUR, 2 * SECOND, -2 * SECOND, 90 * SECOND])
@pytest.mark.parametrize("server_off_us", [None, -200])
def test_a_clock_that_is_set_moves_no_event_times(step_us: int, server_off_us: int | None) -> None:
    computer = confirmed()
    computer.off_us = step_us
    assert choice(computer.look(server_off_us=server_off_us)) is Choice.HELD
    for _ in range(100):
        assert computer.look(server_off_us=server_off_us) is None
        assert abs(computer.error_us) <= 1_000
    assert computer.timeline.source is Source.HELD
    computer.off_us = 0
    assert choice(computer.look(server_off_us=server_off_us)) is Choice.AGREED
    assert abs(computer.error_us) <= 1_000
    assert computer.timeline.source is Source.WALL


def test_it_goes_on_over_a_restart_of_the_agent_while_the_clock_is_wrong() -> None:
    computer = confirmed()
    computer.off_us = 6 * HOUR
    assert computer.restart() is None
    assert abs(computer.error_us) <= 1_000
    assert choice(computer.look()) is Choice.HELD
    computer.restart()
    assert computer.look() is None, "it was told already"
    computer.off_us = 0
    assert choice(computer.look()) is Choice.AGREED
    assert abs(computer.error_us) <= 1_000


def test_before_the_server_was_heard_the_clock_counts_as_synchronisation_sets_it() -> None:
    computer = Computer(off_us=-20 * HOUR)
    computer.start()
    assert computer.look() is None
    computer.off_us = 0
    change = computer.look()
    assert choice(change) is Choice.ADOPTED
    assert change is not None
    assert change.after_us - change.before_us == 20 * HOUR
    assert computer.error_us == 0


def test_after_another_start_of_the_computer_nothing_of_the_old_elapsed_time_counts() -> None:
    computer = confirmed()
    computer.elapsed_us += HOUR
    known = computer.timeline.known("b", computer.elapsed_us)
    again = Computer(elapsed_us=10 * SECOND, off_us=2 * HOUR)
    assert again.start(known, boot="c") is None
    assert again.timeline.at(again.elapsed_us) == again.wall_us
    assert not again.timeline.heard


def test_a_clock_behind_what_the_server_confirmed_once_cannot_be_right() -> None:
    known = confirmed().timeline.known("b", 2_000 * SECOND)
    computer = Computer(elapsed_us=1_100 * SECOND, off_us=-200 * 24 * HOUR)
    change = computer.start(known, boot="c")
    assert choice(change) is Choice.BEHIND
    assert computer.timeline.at(computer.elapsed_us) == known.sure_us
    assert computer.look() is None
    assert computer.error_us < 0
    computer.off_us = 0
    assert choice(computer.look()) is Choice.ADOPTED
    assert computer.error_us == 0


@pytest.mark.parametrize("off_us", [-26 * 365 * 24 * HOUR, -HOUR, 6 * HOUR])
def test_with_a_dead_battery_and_no_synchronisation_the_servers_time_counts(off_us: int) -> None:
    computer = Computer(off_us=off_us)
    computer.start()
    assert computer.look() is None
    assert choice(computer.look(server_off_us=-300)) is Choice.SERVER
    assert computer.error_us == -300
    for _ in range(100):
        assert computer.look(server_off_us=-900) is None
        assert computer.error_us == -300
    computer.restart()
    assert computer.look() is None
    assert computer.timeline.source is Source.SERVER
    computer.off_us = 0
    assert choice(computer.look(server_off_us=-300)) is Choice.AGREED
    assert abs(computer.error_us) <= 2_000


def test_a_server_that_is_set_moves_nothing() -> None:
    computer = confirmed()
    for _ in range(10):
        assert computer.look(server_off_us=6 * HOUR) is None
        assert computer.error_us == 0
    computer.off_us = -3 * HOUR
    assert choice(computer.look(server_off_us=6 * HOUR)) is Choice.HELD
    assert computer.error_us == 0


def test_a_clock_set_right_is_followed_once_the_server_says_so() -> None:
    computer = confirmed(off_us=-3 * 60 * SECOND)
    computer.off_us = 0
    assert choice(computer.look()) is Choice.HELD, "nobody says which is right"
    assert choice(computer.look(server_off_us=-100)) is Choice.ADOPTED
    assert computer.error_us == 0


def test_a_server_heard_first_far_off_the_truth_is_left_when_it_is_set_right() -> None:
    computer = Computer(off_us=-24 * HOUR)
    computer.start()
    computer.look(server_off_us=6 * HOUR)
    assert computer.error_us == 6 * HOUR
    assert choice(computer.look(server_off_us=0)) is Choice.SERVER
    assert computer.error_us == 0


@given(offs=st.lists(st.integers(-SMALL_US // 2, SMALL_US // 2), max_size=30))
def test_small_differences_are_followed_without_ever_going_back(offs: list[int]) -> None:
    computer = confirmed()
    last_us = computer.timeline.at(computer.elapsed_us)
    for off_us in offs:
        computer.off_us = off_us
        for tenth in range(1, 10):
            between = computer.timeline.at(computer.elapsed_us + tenth * SECOND // 10)
            assert between > last_us
            last_us = between
        assert computer.look() is None
        assert computer.timeline.at(computer.elapsed_us) >= last_us
        last_us = computer.timeline.at(computer.elapsed_us)
    for _ in range(12):
        computer.look()
    assert abs(computer.error_us - computer.off_us) <= 5_000


_OFFS = st.sampled_from([0, 6 * HOUR, -6 * HOUR, 10 * SECOND, -30 * 24 * HOUR, FAR_US + SECOND])
_HAPPENINGS = st.one_of(
    st.tuples(st.just("set"), _OFFS),
    st.tuples(st.just("server"), st.one_of(st.none(), st.integers(-3 * SECOND, 0))),
    st.tuples(st.just("restart"), st.none()),
)


@given(happenings=st.lists(_HAPPENINGS, max_size=40))
def test_whatever_is_set_and_restarted_the_time_confirmed_once_stays_true(
    happenings: list[tuple[str, int | None]],
) -> None:
    computer, server = confirmed(), None
    for what, value in happenings:
        if what == "set":
            computer.off_us = value or 0
        elif what == "server":
            server = value
        else:
            computer.restart()
            assert abs(computer.error_us) <= 1_000
        before_us = computer.timeline.at(computer.elapsed_us)
        computer.look(server_off_us=server)
        assert abs(computer.error_us) <= 1_000
        assert computer.timeline.at(computer.elapsed_us) > before_us


@given(
    off_us=st.integers(-30 * 365 * 24 * HOUR, 365 * 24 * HOUR),
    delay_us=st.integers(0, 3 * SECOND),
    looks=st.integers(0, 5),
)
def test_within_five_minutes_of_the_server_or_by_it_from_its_first_word_on(
    off_us: int, delay_us: int, looks: int
) -> None:
    computer = Computer(off_us=off_us)
    computer.start()
    for _ in range(looks):
        computer.look()
    computer.look(server_off_us=-delay_us)
    assert abs(computer.error_us) <= FAR_US + delay_us
