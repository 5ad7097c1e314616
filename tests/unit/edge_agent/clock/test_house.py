"""The agent's clock over what a computer has: its clock, the elapsed time, a small file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.clock import told
from edge_agent.clock.house import FILE, HouseClock
from edge_agent.clock.timeline import Change, Choice, Source
from runtime import messages

SECOND = 1_000_000
NOON = 1_700_000_000 * SECOND
HOUR = 3_600 * SECOND


class Computer:
    def __init__(self) -> None:
        self.elapsed_us = 100 * SECOND
        self.off_us = 0
        self.boot = "one"

    @property
    def true_us(self) -> int:
        return NOON + self.elapsed_us

    def clock(self) -> HouseClock:
        return HouseClock(
            wall=lambda: self.true_us + self.off_us,
            elapsed=lambda: self.elapsed_us,
            boot=lambda: self.boot,
        )

    def live(self, clock: HouseClock, seconds: int = 5, *, server: bool = True) -> list[Choice]:
        found: list[Change | None] = []
        for _ in range(seconds):
            self.elapsed_us += SECOND
            if server:
                clock.heard(self.true_us - 20_000)
            found.append(clock.look())
            if clock.save_due():
                clock.save()
        return [one.choice for one in found if one is not None]


@pytest.fixture
def computer() -> Computer:
    return Computer()


def test_before_it_begins_it_is_the_computers(computer: Computer) -> None:
    clock = computer.clock()
    assert clock() == computer.true_us
    assert clock.source is Source.WALL
    assert clock.offset_us is None
    assert clock.believed_offset_us == 0


def test_nothing_is_kept_before_the_server_was_heard(computer: Computer, tmp_path: Path) -> None:
    clock = computer.clock()
    assert clock.begin(tmp_path) is None
    computer.live(clock, server=False)
    assert not (tmp_path / FILE).exists()
    computer.live(clock)
    assert (tmp_path / FILE).exists()
    assert clock.offset_us == -20_000
    assert not clock.save_due()


def test_a_restart_within_the_same_start_of_the_computer_goes_on(
    computer: Computer, tmp_path: Path
) -> None:
    first = computer.clock()
    first.begin(tmp_path)
    computer.live(first)
    computer.elapsed_us += 7 * SECOND
    computer.off_us = 6 * HOUR
    second = computer.clock()
    assert second.begin(tmp_path) is None
    assert second() == computer.true_us
    assert computer.live(second, server=False) == [Choice.HELD]
    assert second() == computer.true_us
    assert second.wall_off_us == 6 * HOUR


def test_after_another_start_only_what_the_server_confirmed_counts(
    computer: Computer, tmp_path: Path
) -> None:
    first = computer.clock()
    first.begin(tmp_path)
    computer.live(first)
    computer.boot, computer.off_us = "two", -HOUR
    second = computer.clock()
    change = second.begin(tmp_path)
    assert change is not None
    assert change.choice is Choice.BEHIND
    assert abs(second() - computer.true_us) < 5 * SECOND, "at the last time that was kept"


@pytest.mark.parametrize("text", [b"", b"{}", b"[1]", b'{"boot": "one", "at_us": -5}'])
def test_a_file_that_cannot_be_read_costs_that_knowledge_alone(
    text: bytes, computer: Computer, tmp_path: Path
) -> None:
    (tmp_path / FILE).write_bytes(text)
    clock = computer.clock()
    assert clock.begin(tmp_path) is None
    assert clock() == computer.true_us
    computer.live(clock)
    assert clock.begin(tmp_path) is None, "a second time changes nothing"


def test_a_disk_that_refuses_is_asked_again(computer: Computer, tmp_path: Path) -> None:
    clock = computer.clock()
    folder = tmp_path / "not there yet"
    clock.begin(folder)
    computer.live(clock)
    assert clock.save_due()
    folder.mkdir()
    computer.live(clock, 1)
    assert not clock.save_due()


def test_how_far_it_was_put_forward_is_known(computer: Computer, tmp_path: Path) -> None:
    computer.off_us = -20 * HOUR
    clock = computer.clock()
    clock.begin(tmp_path)
    assert computer.live(clock, server=False) == []
    assert clock.skipped_us == 0
    assert computer.live(clock) == [Choice.SERVER]
    assert abs(clock.skipped_us - 20 * HOUR) < SECOND


def test_a_server_that_is_hours_off_says_nothing_of_devices_times(
    computer: Computer, tmp_path: Path
) -> None:
    clock = computer.clock()
    clock.begin(tmp_path)
    computer.live(clock)
    for _ in range(40):
        computer.elapsed_us += SECOND
        clock.heard(computer.true_us + 6 * HOUR)
        assert clock.look() is None
    assert clock.offset_us == 6 * HOUR
    assert clock.believed_offset_us == 0


@pytest.mark.parametrize("choice", list(Choice))
def test_every_decision_has_a_message_and_an_event(choice: Choice) -> None:
    change = Change(choice=choice, before_us=NOON, after_us=NOON + HOUR, wall_us=NOON - HOUR)
    code, params = told.message(change)
    assert params == {"step_s": 3_600.0, "off_s": -7_200.0}
    for lang in ("en", "zh"):
        assert messages.text(code, lang=lang, **params)  # type: ignore[arg-type]
    event = told.event(change)
    assert (event.from_us, event.to_us) == (NOON, NOON + HOUR)
    assert event.detail["code"] == code
