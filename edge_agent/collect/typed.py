"""What people, or readers that are keyboards, type: taken once, and durable before it is confirmed.

Invariants:
- the sender names each text with an id of its own; a text is taken once an id, however often it is
  sent and however often the agent starts in between;
- `KEPT` and `KEPT_BEFORE` are said only of what is durable in the buffer;
- texts that wait for the disk are bounded by the writer's own bound, and by `MOST_PENDING`.

Nothing typed goes to a device: it enters the stream as the values of a device that is not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from drivers.base import Typed
from edge_agent.buffer.store import BufferBlocked, BufferDamaged
from edge_agent.buffer.writer import Writer
from wire.frame import StreamClass
from wire.samples import Samples

MOST_PENDING: Final = 1_000
BURST: Final = 100
A_SECOND: Final = 20.0
_WAIT_S: Final = 10.0


class Outcome(StrEnum):
    """What became of a text."""

    KEPT = "kept"
    KEPT_BEFORE = "kept_before"
    REPEATS = "repeats"
    UNMATCHED = "unmatched"
    MALFORMED = "malformed"
    TOO_LONG = "too_long"
    UNDECODABLE = "undecodable"
    NO_DEVICE = "no_device"
    TOO_MANY = "too_many"
    NOT_NOW = "not_now"
    DISK = "disk"

    @property
    def again(self) -> bool:
        """Whether the same text under the same id should be sent again."""
        return self in (Outcome.TOO_MANY, Outcome.NOT_NOW, Outcome.DISK)

    @property
    def good(self) -> bool:
        """Whether the text stands in the buffer."""
        return self in (Outcome.KEPT, Outcome.KEPT_BEFORE)


class Line(Protocol):
    """A device whose values are typed."""

    def typed(self, text: str) -> tuple[Typed, Mapping[StreamClass, Samples]] | None:
        """What a text says, and the samples of it; None while the device is not open."""


class Allowance:
    """So many at once, so many a second; a token bucket, pure in `now_s` (monotonic)."""

    def __init__(self, *, burst: int = BURST, a_second: float = A_SECOND) -> None:
        self._burst = float(burst)
        self._a_second = a_second
        self._left = float(burst)
        self._at_s: float | None = None

    def take(self, now_s: float) -> bool:
        """Whether one more is within bounds; counts it if so."""
        passed_s = 0.0 if self._at_s is None else max(0.0, now_s - self._at_s)
        self._at_s = now_s
        self._left = min(self._burst, self._left + passed_s * self._a_second)
        if self._left < 1:
            return False
        self._left -= 1
        return True


class TypedTexts:
    """Takes what is typed for the devices that `lines` names at the time, by id."""

    def __init__(self, lines: Callable[[], Mapping[str, Line]], writer: Writer) -> None:
        self._lines = lines
        self._writer = writer
        self._pending: set[UUID] = set()
        self._allowances: dict[str, Allowance] = {}
        self._turn = asyncio.Lock()

    async def take(self, device: str, text: str, receipt: UUID, *, now_s: float) -> Outcome:
        """Take a text for a device; returns when it is durable, or with the reason why it is not.

        `receipt`: the sender's id of the text. `now_s`: monotonic clock.
        """
        async with self._turn:
            outcome = await self._hand_in(device, text, receipt, now_s)
        if outcome is not None:
            return outcome
        waiting = frozenset(self._pending)
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._writer.commit()
        except (BufferBlocked, BufferDamaged, TimeoutError):
            return Outcome.DISK
        self._pending -= waiting
        return Outcome.KEPT

    async def _hand_in(self, device: str, text: str, receipt: UUID, now_s: float) -> Outcome | None:
        """Hand the text in; None where it waits for the disk now."""
        if receipt in self._pending:
            return None
        try:
            if await self._writer.store.has_received(receipt):
                return Outcome.KEPT_BEFORE
        except (BufferBlocked, BufferDamaged):
            return Outcome.DISK
        line = self._lines().get(device)
        if line is None:
            return Outcome.NO_DEVICE
        if self._writer.full or len(self._pending) >= MOST_PENDING:
            return Outcome.DISK
        if not self._allowances.setdefault(device, Allowance()).take(now_s):
            return Outcome.TOO_MANY
        found = line.typed(text)
        if found is None:
            return Outcome.NOT_NOW
        typed, parts = found
        if typed.reason != "values":
            return Outcome(typed.reason)
        self._writer.put_received(parts, receipt)
        self._pending.add(receipt)
        return None
