"""What is asked of a device now: units that fail rest, refused blocks are halved down to the tag.

Pure: time and chance are arguments. One `Health` serves all groups of one connection.

Invariants: a group's blocks always carry each of its values exactly once; a block refused as such
is halved until the refused value stands alone; a unit that fails costs at most one attempt each
time its pause is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.modbus.breaker import CLOSED, Breaker
from drivers.modbus.plan import Block, halve
from runtime.supervise import Backoff
from wire import quality

UNIT_PAUSES: Final = Backoff(first_s=0.5, most_s=30.0, spread=0.3)
"""Between attempts at a unit that does not answer."""
BLOCK_PAUSES: Final = Backoff(first_s=0.5, most_s=30.0, spread=0.3)
"""Between attempts at a block whose unit answers that it cannot."""
REFUSED_PAUSES: Final = Backoff(first_s=60.0, most_s=60.0, spread=0.1)
"""Between attempts at an address that the device does not have."""
MOST_HALVINGS: Final = 32
"""In one reading, so that a group full of wrong addresses does not hold up the others."""
MOST_RETRIES: Final = 8
"""Refused addresses tried again in one reading."""

Gate = Literal["ask", "probe", "rest"]
Verdict = Literal["unit", "block", "halve", "refused"]

_CODES: Final[dict[int, Verdict]] = {
    1: "refused",  # illegal function: the unit has no such table
    2: "halve",  # illegal data address
    3: "halve",  # illegal data value: more at once than this device can
    10: "unit",  # gateway path unavailable
    11: "unit",  # gateway target device failed to respond
}
NAMES: Final[dict[int, str]] = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
"""MODBUS Application Protocol V1.1b3, 7."""


def verdict(code: int, *, alone: bool) -> Verdict:
    """Whom an exception code concerns; `alone`: the block asked for one value only."""
    found = _CODES.get(code, "block")
    return "refused" if found == "halve" and alone else found


@dataclass(slots=True)
class GroupState:
    """The blocks by which a group is read at present."""

    first: tuple[Block, ...]
    blocks: list[Block] = field(default_factory=list)
    breakers: dict[Block, Breaker] = field(default_factory=dict)
    mended: set[int] = field(default_factory=set)
    """Blocks of the first plan of which a part works again that did not."""

    def __post_init__(self) -> None:
        self.blocks = list(self.first)

    def halve(self, block: Block) -> tuple[Block, Block]:
        """Put two blocks in the place of one."""
        halves = halve(block)
        at = self.blocks.index(block)
        self.blocks[at : at + 1] = halves
        self.breakers.pop(block, None)
        return halves

    def restore(self) -> None:
        """Read blocks of the first plan whole again where nothing of them is refused any more.

        Only between two readings.
        """
        for origin in self.mended:
            parts = [block for block in self.blocks if block.origin == origin]
            if not any(part in self.breakers for part in parts):
                at = self.blocks.index(parts[0])
                self.blocks = [block for block in self.blocks if block.origin != origin]
                self.blocks.insert(at, self.first[origin])
        self.mended.clear()


class Health:
    """Breakers of units and blocks."""

    def __init__(self, groups: Sequence[tuple[Block, ...]]) -> None:
        self.groups = [GroupState(first=blocks) for blocks in groups]
        self.units: dict[int, Breaker] = {
            block.unit: CLOSED for blocks in groups for block in blocks
        }
        self._silent: dict[int, int] = {}

    def gate(self, group: int, block: Block, now_s: float) -> tuple[Gate, int]:
        """Whether to ask a block now, and if not, the quality of its points."""
        unit = self.units[block.unit]
        if unit.state(now_s) == "open":
            return "rest", quality.BAD_NO_COMMUNICATION
        if unit.state(now_s) == "half_open":
            return "probe", quality.BAD_NO_COMMUNICATION
        breakers = self.groups[group].breakers
        # A block's hash goes over all its items: nothing is looked up where there is nothing.
        breaker = breakers.get(block, CLOSED) if breakers else CLOSED
        state = breaker.state(now_s)
        return ("rest" if state == "open" else "ask"), breaker.quality

    def refused_before(self, group: int, block: Block) -> bool:
        """Whether a block is one that the device refused or failed when last asked."""
        breakers = self.groups[group].breakers
        return bool(breakers) and block in breakers

    def answered(self, group: int, block: Block) -> bool:
        """Values came. Returns whether the unit was failing before."""
        self._silent.clear()
        state = self.groups[group]
        if state.breakers and state.breakers.pop(block, None) is not None:
            state.mended.add(block.origin)
        return self._unit_works(block.unit)

    def unit_failed(self, unit: int, code: int, *, now_s: float, lot: float, silent: bool) -> bool:
        """A unit, or the gateway for it, gave no values; `silent`: nothing came at all.

        True where the unit worked before.
        """
        if silent:
            self._silent[unit] = self._silent.get(unit, 0) + 1
        else:
            self._silent.clear()
        before = self.units[unit]
        self.units[unit] = before.failed(now_s=now_s, lot=lot, backoff=UNIT_PAUSES, quality=code)
        return not before.failures

    def block_failed(
        self, group: int, block: Block, code: int, *, now_s: float, lot: float
    ) -> bool:
        """The unit answered that it cannot at present. True where it could before."""
        self._silent.clear()
        self._unit_works(block.unit)
        return self._rest(group, block, code, BLOCK_PAUSES, now_s=now_s, lot=lot)

    def refused(self, group: int, block: Block, *, now_s: float, lot: float) -> bool:
        """The device does not have what the block asks. True where that is new."""
        self._silent.clear()
        self._unit_works(block.unit)
        return self._rest(
            group, block, quality.BAD_CONFIGURATION, REFUSED_PAUSES, now_s=now_s, lot=lot
        )

    def all_silent(self) -> bool:
        """Whether no unit answered at all since any last did, in three requests or more."""
        return self._silent.keys() == self.units.keys() and sum(self._silent.values()) >= 3

    def all_failing(self) -> bool:
        """Whether no unit works."""
        return all(breaker.failures for breaker in self.units.values())

    def _unit_works(self, unit: int) -> bool:
        failing = bool(self.units[unit].failures)
        self.units[unit] = CLOSED
        return failing

    def _rest(
        self, group: int, block: Block, code: int, pauses: Backoff, *, now_s: float, lot: float
    ) -> bool:
        breakers = self.groups[group].breakers
        before = breakers.get(block, CLOSED)
        breakers[block] = before.failed(now_s=now_s, lot=lot, backoff=pauses, quality=code)
        return not before.failures
