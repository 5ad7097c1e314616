"""Which requests read a group: values gathered into blocks, and blocks halved where one is refused.

Pure. Every value lies whole in exactly one block; a block keeps within the device's limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

from drivers.modbus.config import ModbusCommon, Order, Table

FUNCTIONS: Final[dict[Table, int]] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
"""Function codes (MODBUS Application Protocol V1.1b3, 6.1 to 6.4)."""
_BITS_A_REGISTER = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One value to be read: `row` is its place among the tags of its group."""

    row: int
    unit: int
    table: Table
    address: int
    width: int
    """Registers, or bits of the bit tables."""
    order: Order = "ABCD"

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.width


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One request: `count` registers or bits from `start`, and the values it carries."""

    unit: int
    table: Table
    start: int
    count: int
    items: tuple[Item, ...]
    """Ordered by address."""
    origin: int
    """Which block of the first plan this is, or is a part of."""

    def __str__(self) -> str:
        what = "bits" if self.table in ("coil", "discrete") else "registers"
        return (
            f"unit {self.unit}: {self.table} {self.start}..{self.start + self.count - 1} "
            f"({self.count} {what}, {len(self.items)} tags, function {FUNCTIONS[self.table]})"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one request may have, and how much may be read for nothing."""

    registers: int
    bits: int
    gap: int
    """Unused registers read along; 16 times as many bits."""

    def of(self, table: Table) -> tuple[int, int]:
        """(longest request, widest gap) in units of the table."""
        if table in ("coil", "discrete"):
            return self.bits, self.gap * _BITS_A_REGISTER
        return self.registers, self.gap


def items_of(device: ModbusCommon, group: int) -> tuple[Item, ...]:
    """The values of a group, in the order of its tags."""
    return tuple(
        Item(
            row=row,
            unit=device.unit_id if tag.unit_id is None else tag.unit_id,
            table=tag.place.table,
            address=tag.place.address,
            width=tag.width,
            order=tag.word_order or device.word_order,
        )
        for row, tag in enumerate(device.groups[group].tags)
    )


def limits_of(device: ModbusCommon) -> Limits:
    """The limits that a device's configuration states."""
    return Limits(registers=device.max_registers, bits=device.max_bits, gap=device.max_gap)


def plan(items: Iterable[Item], limits: Limits) -> tuple[Block, ...]:
    """Blocks that read every item once.

    Values whose distance is at most the gap share a request as far as its limit allows; values may
    overlap. Raises ValueError where a value is longer than a request may be.
    """
    blocks: list[Block] = []
    ordered = sorted(items, key=lambda item: (item.unit, item.table, item.address, item.end))
    for (_, table), of_table in groupby(ordered, key=lambda item: (item.unit, item.table)):
        longest, gap = limits.of(table)
        chosen: list[Item] = []
        end = 0
        for item in of_table:
            if item.width > longest:
                raise ValueError(f"{item} is longer than {longest}")
            fits = chosen and max(end, item.end) - chosen[0].address <= longest
            if chosen and not (fits and item.address - end <= gap):
                blocks.append(_block(chosen, len(blocks)))
                chosen = []
            end = max(end, item.end) if chosen else item.end
            chosen.append(item)
        blocks.append(_block(chosen, len(blocks)))
    return tuple(blocks)


def halve(block: Block) -> tuple[Block, Block]:
    """Two requests in place of one that was refused, for at least two items.

    It is cut at the widest gap, since addresses that do not exist are often what was read along;
    otherwise in the middle.
    """
    items = block.items
    middle = len(items) / 2
    reach = items[0].end
    best, best_at = (0, -middle), len(items) // 2
    for at, (_, item) in enumerate(pairwise(items), start=1):
        score = (max(item.address - reach, 0), -abs(at - middle))
        if score[0] > 0 and score > best:
            best, best_at = score, at
        reach = max(reach, item.end)
    return _block(items[:best_at], block.origin), _block(items[best_at:], block.origin)


def _block(items: Iterable[Item], origin: int) -> Block:
    chosen = tuple(items)
    start = chosen[0].address
    return Block(
        unit=chosen[0].unit,
        table=chosen[0].table,
        start=start,
        count=max(item.end for item in chosen) - start,
        items=chosen,
        origin=origin,
    )
