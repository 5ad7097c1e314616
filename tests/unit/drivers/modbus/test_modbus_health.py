"""When what failed is asked again."""

from __future__ import annotations

import pytest

from drivers.modbus.breaker import CLOSED
from drivers.modbus.health import UNIT_PAUSES, Health, verdict
from drivers.modbus.plan import Item, Limits, plan
from wire import quality

LIMITS = Limits(registers=125, bits=2000, gap=8)


def health(*addresses: int, unit: int = 1) -> Health:
    items = [
        Item(row=row, unit=unit, table="holding", address=address, width=1)
        for row, address in enumerate(addresses)
    ]
    return Health([plan(items, LIMITS)])


def test_pauses_double_up_to_the_longest_and_chance_shortens_them() -> None:
    breaker, pauses = CLOSED, []
    for _ in range(9):
        breaker = breaker.failed(now_s=100.0, lot=0.0, backoff=UNIT_PAUSES, quality=1)
        pauses.append(breaker.until_s - 100)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    lucky = CLOSED.failed(now_s=0.0, lot=1.0, backoff=UNIT_PAUSES, quality=1)
    assert lucky.until_s == pytest.approx(0.35)


def test_an_open_breaker_lets_one_attempt_through_after_its_pause() -> None:
    breaker = CLOSED.failed(now_s=10.0, lot=0.0, backoff=UNIT_PAUSES, quality=1)
    assert CLOSED.state(0.0) == "closed"
    assert breaker.state(10.49) == "open"
    assert breaker.state(10.5) == "half_open"


@pytest.mark.parametrize(
    ("code", "alone", "expected"),
    [
        (1, False, "refused"),
        (2, False, "halve"),
        (2, True, "refused"),
        (3, False, "halve"),
        (4, False, "block"),
        (6, True, "block"),
        (10, False, "unit"),
        (11, True, "unit"),
        (99, False, "block"),
    ],
)
def test_an_exception_code_concerns_the_unit_the_block_or_one_address(
    code: int, alone: bool, expected: str
) -> None:
    assert verdict(code, alone=alone) == expected


def test_a_unit_that_fails_rests_then_is_probed_then_works() -> None:
    state = health(0)
    (block,) = state.groups[0].blocks
    assert state.unit_failed(1, quality.BAD_TIMEOUT, now_s=0, lot=0, silent=True)
    assert state.gate(0, block, 0.4)[0] == "rest"
    assert state.gate(0, block, 0.5)[0] == "probe"
    assert not state.unit_failed(1, quality.BAD_TIMEOUT, now_s=0.5, lot=0, silent=True)
    assert state.gate(0, block, 1.4)[0] == "rest"
    assert state.answered(0, block)
    assert state.gate(0, block, 1.4)[0] == "ask"


def test_a_refused_address_rests_a_minute_and_is_read_with_the_others_once_it_exists() -> None:
    state = health(0, 1)
    group = state.groups[0]
    (whole,) = group.blocks
    left, right = group.halve(whole)
    assert not state.answered(0, left)
    assert state.refused(0, right, now_s=0, lot=0)
    group.restore()
    assert group.blocks == [left, right]
    assert state.gate(0, right, 59.9) == ("rest", quality.BAD_CONFIGURATION)
    assert state.gate(0, right, 60.0)[0] == "ask"
    state.answered(0, right)
    assert group.blocks == [left, right]
    group.restore()
    assert group.blocks == [whole]


def test_blocks_split_for_a_device_that_takes_less_stay_split() -> None:
    state = health(0, 1)
    group = state.groups[0]
    halves = group.halve(group.blocks[0])
    for half in halves:
        state.answered(0, half)
    group.restore()
    assert group.blocks == list(halves)


def test_all_are_silent_only_when_no_unit_answered_three_times() -> None:
    items = [Item(row=u, unit=u, table="holding", address=0, width=1) for u in (1, 2)]
    state = Health([plan(items, LIMITS)])
    one, _ = state.groups[0].blocks

    def silence(unit: int) -> None:
        state.unit_failed(unit, quality.BAD_TIMEOUT, now_s=0, lot=0, silent=True)

    for _ in range(5):
        silence(1)
    assert not state.all_silent()
    silence(2)
    assert state.all_silent()
    state.answered(0, one)
    silence(2)
    assert not state.all_silent()
