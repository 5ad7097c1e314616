"""The contract of a link: one way to reach the units, which asks one thing at a time.

Invariants: at most one request is under way; once `broken` a link stays so, nothing reconnects by
itself; only the four reading functions can be asked.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from drivers.modbus.config import AnyModbus, ModbusDevice
from drivers.modbus.plan import Block


class NoAnswer(Exception):
    """The time for an answer is over; the link still stands."""


class Garbled(Exception):
    """What came cannot be used, the text says why; the link still stands."""


class Broken(Exception):
    """The link is of no use any more; the text says why.

    `wrong`: what came was not the answer to what was asked.
    """

    def __init__(self, reason: str, *, wrong: bool = False) -> None:
        super().__init__(reason)
        self.wrong = wrong


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """An exception answer (MODBUS Application Protocol V1.1b3, 7)."""

    code: int


class Link(Protocol):
    """Open it, ask, close it; a fresh one for every connection."""

    broken: str
    """Why the link is of no use any more; empty while it is."""

    async def open(self) -> None:
        """Connect; raises Broken."""

    async def ask(self, block: Block) -> bytes | Refusal:
        """The data of the answer to a block. Raises NoAnswer, Garbled or Broken."""

    def close(self) -> None:
        """Let go at once; whoever waits for an answer gets Broken."""

    async def closed(self) -> None:
        """Wait until another link may be opened, after `close`."""


def link_of(config: AnyModbus, counts: Counter[str]) -> Link:
    """An unopened link of the kind the configuration names."""
    # Each kind needs a library of its own, which the others do without.
    if isinstance(config, ModbusDevice):
        from drivers.modbus.tcp_link import TcpLink

        return TcpLink(config)
    from drivers.modbus.rtu_link import RtuLink

    return RtuLink(config, counts)
