"""One direction of one connection: what is read on one side is written on the other, late or never.

Invariants:
- at most `BOUND` bytes wait here; beyond that the source is not read, so TCP holds its sender back;
- bytes leave in the order they came, and none leaves twice;
- the end of a side (FIN, RST) travels behind its bytes, through the same faults.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

from rig.faults.fault import BOTH, BlackHole, Direction, Fault, State, Truncate
from rig.faults.line import SEGMENT, Line, Shaper

BOUND: Final = 256 * 1024
_CHUNK: Final = 64 * 1024


class Ended(Exception):
    """The connection is over, and both ends are told: by FIN or, with `reset`, by RST."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "closed")
        self.reset = reset


@dataclass(kw_only=True, slots=True)
class Switch:
    """The faults in force, since which change each of them is, and what has passed so far."""

    seed: int
    state: State = field(default_factory=State)
    since: dict[Fault, int] = field(default_factory=dict)
    changes: int = 0
    lines: dict[Direction, Line] = field(default_factory=lambda: {way: Line() for way in BOTH})
    passed: dict[Direction, int] = field(default_factory=lambda: dict.fromkeys(BOTH, 0))
    swallowed: dict[Direction, int] = field(default_factory=lambda: dict.fromkeys(BOTH, 0))

    def turn(self, state: State) -> None:
        """Put other faults in force; what stays in force stays as it was."""
        self.changes += 1
        self.since = {fault: self.since.get(fault, self.changes) for fault in state.faults}
        for way in BOTH:
            if state.slow(way) != self.state.slow(way):
                self.lines[way] = Line()
        self.state = state


@dataclass(kw_only=True, slots=True)
class _Piece:
    """Bytes, or the end of a side, and when they may leave (the loop's clock)."""

    due_s: float
    data: memoryview = field(default_factory=lambda: memoryview(b""))
    end: Literal["", "fin", "rst"] = ""


class Pump:
    """From `source` to `target`; `opposite` is the other direction of the same connection."""

    def __init__(
        self,
        source: socket.socket,
        target: socket.socket,
        *,
        way: Direction,
        switch: Switch,
        number: int,
    ) -> None:
        self.opposite: Pump | None = None
        self.finished = False
        self._source = source
        self._target = target
        self._way: Direction = way
        self._switch = switch
        self._number = number
        self._pieces: deque[_Piece] = deque()
        self._waiting = 0
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._shaper: Shaper | None = None
        self._shaped_since = 0
        self._truncate: Truncate | None = None
        self._truncated_since = 0
        self._left = 0
        self._drip_s = 0.0

    @property
    def waiting(self) -> int:
        """Bytes read and not yet written."""
        return self._waiting

    def wake(self) -> None:
        """Other faults are in force."""
        self._wake.set()

    # -- reading ---------------------------------------------------------------------------------

    async def read(self) -> None:
        """Read until the source ends."""
        loop = asyncio.get_running_loop()
        while True:
            while self._waiting >= BOUND:
                self._room.clear()
                await self._room.wait()
            shaper = self._shaper_now()
            most = min(_CHUNK if shaper is None else SEGMENT, BOUND - self._waiting)
            try:
                data = await loop.sock_recv(self._source, most)
            except OSError:
                self.hang_up("rst")
                return
            if not data:
                self.hang_up("fin")
                return
            shaper = self._shaper_now()
            due_s = loop.time() if shaper is None else shaper.due(loop.time(), len(data))
            self._waiting += len(data)
            self._pieces.append(_Piece(due_s=due_s, data=memoryview(data)))
            self._wake.set()

    def hang_up(self, end: Literal["fin", "rst"]) -> None:
        """The source has ended; the target learns it behind the bytes that wait."""
        if self._pieces and self._pieces[-1].end:
            self._pieces[-1].end = end
        else:
            due_s = self._pieces[-1].due_s if self._pieces else 0.0
            self._pieces.append(_Piece(due_s=due_s, end=end))
        self._wake.set()

    def _shaper_now(self) -> Shaper | None:
        slow = self._switch.state.slow(self._way)
        if slow is None:
            return None
        since = self._switch.since[slow]
        if self._shaper is None or self._shaped_since != since:
            seed = f"{self._switch.seed}/{since}/{self._number}/{self._way}"
            self._shaper = Shaper(slow, self._switch.lines[self._way], seed=seed)
            self._shaped_since = since
        return self._shaper

    # -- writing ---------------------------------------------------------------------------------

    async def write(self) -> None:
        """Write what is due until the end has been passed on; raises Ended."""
        while True:
            self._wake.clear()
            state = self._switch.state
            self._count_truncation(state)
            if state.has(BlackHole) or not self._pieces:
                await self._wake.wait()
                continue
            piece = self._pieces[0]
            if state.vanished(self._way):
                self._switch.swallowed[self._way] += len(piece.data)
                self._taken(piece, len(piece.data))
                continue
            pause_s = self._pause_s(piece, state)
            if pause_s > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._wake.wait()
                continue
            if piece.end == "rst":
                raise Ended(reset=True)
            if piece.end == "fin":
                with contextlib.suppress(OSError):
                    self._target.shutdown(socket.SHUT_WR)
                self.finished = True
                return
            if not await self._send(piece, state):
                self.finished = True
                return

    def _pause_s(self, piece: _Piece, state: State) -> float:
        now_s = asyncio.get_running_loop().time()
        due_s = piece.due_s if state.slow(self._way) is not None else 0.0
        if state.drip(self._way) is not None:
            due_s = max(due_s, self._drip_s)
        return due_s - now_s

    async def _send(self, piece: _Piece, state: State) -> bool:
        """Write what may be written now of a piece; whether the target still takes anything."""
        loop = asyncio.get_running_loop()
        size = len(piece.data)
        drip = state.drip(self._way)
        if drip is not None:
            size = min(size, drip.size)
            self._drip_s = loop.time() + drip.every_s
        if self._truncate is not None:
            size = min(size, self._left)
            self._left -= size
        try:
            await loop.sock_sendall(self._target, piece.data[:size])
        except OSError:
            # The target's RST, which the other direction would only see as an end in order.
            if self.opposite is None or self.opposite.finished:
                raise Ended(reset=True) from None
            self.opposite.hang_up("rst")
            return False
        self._switch.passed[self._way] += size
        self._taken(piece, size)
        return True

    def _taken(self, piece: _Piece, size: int) -> None:
        piece.data = piece.data[size:]
        self._waiting -= size
        if not piece.data:
            self._pieces.popleft()
        self._room.set()

    def _count_truncation(self, state: State) -> None:
        """Follow the truncation in force; raises Ended where all its bytes have passed."""
        truncate = state.truncate(self._way)
        since = 0 if truncate is None else self._switch.since[truncate]
        if since != self._truncated_since:
            self._truncated_since = since
            self._truncate = truncate
            self._left = 0 if truncate is None else truncate.after_bytes
        if truncate is not None and self._left <= 0:
            raise Ended(reset=truncate.reset)
