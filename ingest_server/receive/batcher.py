"""Between broker and database: a bounded line of messages, taken in groups by rows or by time."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """When a group is full, how long its first message waits for others, what may wait at most.

    `behind`: how many times `rows` a group may have where more waits already: a transaction costs
    the same statements and the same wait for the disk, whatever it holds.
    """

    rows: int = 5_000
    behind: int = 1
    messages: int = 500
    linger_s: float = 0.2
    waiting_messages: int = 1_000
    waiting_rows: int = 50_000


class Batcher(Generic[T]):
    """A line with one reader. `put` waits while it is full, `take` until a group is due.

    Invariants: order is kept; a group holds whole messages and at least one; at most the limits of
    waiting messages and rows (plus one message) are in the line.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._line: deque[tuple[T, int, float]] = deque()
        self._rows = 0
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._line)

    def oldest_s(self) -> float:
        """How long the first in the line has waited, seconds; 0 where none waits."""
        return asyncio.get_running_loop().time() - self._line[0][2] if self._line else 0.0

    async def put(self, item: T, *, rows: int) -> None:
        """Add a message with that many rows; waits for room."""
        while self._is_full():
            self._room.clear()
            await self._room.wait()
        self._line.append((item, rows, asyncio.get_running_loop().time()))
        self._rows += rows
        self._changed.set()

    async def take(self) -> list[T]:
        """The next group: full, or as it is when its first message has waited long enough."""
        loop = asyncio.get_running_loop()
        while not (count := self._group()):
            self._changed.clear()
            left_s = None
            if self._line:
                left_s = max(self._line[0][2] + self._limits.linger_s - loop.time(), 0.0)
            try:
                async with asyncio.timeout(left_s):
                    await self._changed.wait()
            except TimeoutError:
                count = min(len(self._line), self._limits.messages)
                break
        group = [self._line.popleft() for _ in range(count)]
        self._rows -= sum(rows for _, rows, _ in group)
        self._room.set()
        return [item for item, _, _ in group]

    def _group(self) -> int:
        """How many messages make a full group now; 0 where it is not full and may wait."""
        limits = self._limits
        if self._rows < limits.rows and len(self._line) < limits.messages:
            return 0
        most = limits.rows * limits.behind
        rows = 0
        for place, (_, each, _) in enumerate(self._line):
            rows += each
            if place and rows > most:
                return place
            if rows >= most or place + 1 >= limits.messages:
                return place + 1
        return len(self._line)

    def _is_full(self) -> bool:
        limits = self._limits
        return len(self._line) >= limits.waiting_messages or self._rows >= limits.waiting_rows
