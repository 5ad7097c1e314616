"""The planner reads every value exactly once, whole, within the limits."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus.config import Table
from drivers.modbus.plan import Block, Item, Limits, halve, plan

TABLES: list[Table] = list(get_args(Table))


def item(row: int, address: int, width: int = 1, unit: int = 1, table: Table = "holding") -> Item:
    return Item(row=row, unit=unit, table=table, address=address, width=width)


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[Item], Limits]:
    limits = Limits(
        registers=draw(st.integers(4, 125)),
        bits=draw(st.integers(1, 2000)),
        gap=draw(st.integers(0, 20)),
    )
    items = []
    for row in range(draw(st.integers(1, 60))):
        table = draw(st.sampled_from(TABLES))
        width = draw(st.sampled_from([1, 2, 4])) if table in ("input", "holding") else 1
        address = draw(st.integers(0, 400))
        items.append(item(row, address, width, draw(st.integers(1, 3)), table))
    return items, limits


def carries_each_once(blocks: list[Block], items: list[Item]) -> None:
    carried = [one for block in blocks for one in block.items]
    assert sorted(one.row for one in carried) == [one.row for one in items]
    for block in blocks:
        for one in block.items:
            assert (one.unit, one.table) == (block.unit, block.table)
            assert block.start <= one.address
            assert one.end <= block.start + block.count


@given(plans())
def test_every_value_lies_whole_in_exactly_one_request_within_the_limits(
    given_: tuple[list[Item], Limits],
) -> None:
    items, limits = given_
    blocks = list(plan(items, limits))
    carries_each_once(blocks, items)
    for at, block in enumerate(blocks):
        longest, gap = limits.of(block.table)
        assert block.origin == at
        assert 1 <= block.count <= longest
        used = {place for one in block.items for place in range(one.address, one.end)}
        assert {block.start, block.start + block.count - 1} <= used
        reach = block.start
        for place in sorted(used):
            assert place - reach <= gap + 1
            reach = place


@given(plans())
def test_halving_ends_at_single_values_and_loses_none(given_: tuple[list[Item], Limits]) -> None:
    items, limits = given_
    left, done = list(plan(items, limits)), []
    while left:
        block = left.pop()
        if len(block.items) == 1:
            done.append(block)
            continue
        halves = halve(block)
        assert all(half.count <= block.count and half.origin == block.origin for half in halves)
        left += halves
    carries_each_once(done, items)


@pytest.mark.parametrize(
    ("addresses", "gap", "expected"),
    [
        ([0, 1, 2], 0, [(0, 3)]),
        ([0, 2], 0, [(0, 1), (2, 1)]),
        ([0, 9], 8, [(0, 10)]),
        ([0, 10], 8, [(0, 1), (10, 1)]),
        ([0, 124], 125, [(0, 125)]),
        ([0, 125], 125, [(0, 1), (125, 1)]),
        ([5, 5, 4], 0, [(4, 2)]),
    ],
)
def test_near_registers_share_a_request(
    addresses: list[int], gap: int, expected: list[tuple[int, int]]
) -> None:
    items = [item(row, address) for row, address in enumerate(addresses)]
    found = plan(items, Limits(registers=125, bits=2000, gap=gap))
    assert [(block.start, block.count) for block in found] == expected


def test_values_that_overlap_are_read_together() -> None:
    items = [item(0, 10, 4), item(1, 11), item(2, 12, 2), item(3, 14)]
    (block,) = plan(items, Limits(registers=125, bits=2000, gap=0))
    assert (block.start, block.count) == (10, 5)


def test_a_refused_block_is_cut_at_its_widest_gap() -> None:
    items = [item(0, 0), item(1, 1), item(2, 2), item(3, 9), item(4, 11)]
    (block,) = plan(items, Limits(registers=125, bits=2000, gap=8))
    left, right = halve(block)
    assert [one.address for one in left.items] == [0, 1, 2]
    assert [one.address for one in right.items] == [9, 11]


def test_a_value_longer_than_any_request_is_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        plan([item(0, 0, 4)], Limits(registers=3, bits=1, gap=0))


def test_a_request_is_told_in_words() -> None:
    (block,) = plan([item(0, 4, 2), item(1, 8)], Limits(registers=125, bits=1, gap=8))
    assert str(block) == "unit 1: holding 4..8 (5 registers, 2 tags, function 3)"
