"""RTU frames over a serial port, or over TCP as they are: asks one thing, believes one answer.

Invariants:
- one request at a time, each after the silence that ends a frame (t3.5);
- an answer counts only with the unit, function, byte count and checksum that were asked for; since
  nothing in it says which address it is of, a unit that owes an answer to an earlier request of the
  last `LATE_S` seconds is first asked something whose answer looks different from that;
- damaged answers never break the link, only a port or a connection that is gone does.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Final

from drivers.byte_line import ByteLine, TcpLine
from drivers.modbus.config import AnyRtu, ModbusRtuDevice
from drivers.modbus.link import Broken, Garbled, NoAnswer, Refusal
from drivers.modbus.plan import Block
from drivers.modbus.rtu import ECHO, Answer, Damaged, Question, judge, tell_apart

LATE_S: Final = 10.0
"""For so long an answer that was not waited for any more can still come."""
_MOST_OWED: Final = 32
_MOST_WAITING: Final = 1_024
"""Bytes held: an answer, an echo, and some late ones."""
_RETRIES: Final = 1
"""After a damaged answer; not after none, which would cost the others another time-out."""
_SHORTEST_SILENCE_S: Final = 0.001_75
"""t3.5 above 19,200 bits a second (Serial Line V1.02, 2.5.1.1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Owed:
    """A question whose answer was not waited for any more."""

    question: Question
    asked_s: float


class RtuLink:
    """See `drivers.modbus.link.Link`."""

    def __init__(self, config: AnyRtu, counts: Counter[str]) -> None:
        self._timeout_s = config.timeout_ms / 1000
        self._silence_s = config.silence_ms / 1000
        self._character_s = 0.0
        self._between_s = 0.0
        self._config = config
        self._counts = counts
        self._line: ByteLine | None = None
        self._received = bytearray()
        self._news = asyncio.Event()
        self._heard_s = 0.0
        """When the line was last busy, loop time."""
        self._owed: list[_Owed] = []
        self.broken = ""

    async def open(self) -> None:
        """Open the port or connect; raises Broken."""
        config = self._config
        if isinstance(config, ModbusRtuDevice):
            from drivers.serial_line import SerialLine

            self._character_s = config.serial.character_s
            self._between_s = max(3.5 * self._character_s, _SHORTEST_SILENCE_S)
            self._line = SerialLine(config.serial, received=self._take, ended=self._end)
        else:
            self._line = TcpLine(
                config.host,
                config.port,
                timeout_s=config.connect_timeout_ms / 1000,
                received=self._take,
                ended=self._end,
            )
        try:
            await self._line.open()
        except TimeoutError:
            raise Broken("no connection in time") from None
        except OSError as error:
            raise Broken(str(error)) from error

    def close(self) -> None:
        """See `Link.close`."""
        self._end("closed")
        if self._line is not None:
            self._line.close()

    async def closed(self) -> None:
        """See `Link.closed`."""
        if self._line is not None:
            await self._line.closed()

    async def ask(self, block: Block) -> bytes | Refusal:
        """See `Link.ask`."""
        question = Question.of(block)
        retries = 0
        while True:
            try:
                await self._settle(question)
                answer = await self._once(question)
            except Garbled:
                if retries == _RETRIES or self.broken:
                    raise
                retries += 1
                self._counts["retries"] += 1
            else:
                if answer.exception is not None:
                    return Refusal(code=answer.exception)
                return answer.payload

    async def _settle(self, question: Question) -> None:
        """Make sure that no answer still to come can be taken for that to this question."""
        now_s = asyncio.get_running_loop().time()
        self._owed = [owed for owed in self._owed if now_s - owed.asked_s < LATE_S]
        if any(question.confusable(owed.question) for owed in self._owed):
            self._counts["settled"] += 1
            await self._once(tell_apart(question, (owed.question for owed in self._owed)))
            self._owed = [owed for owed in self._owed if owed.question.unit != question.unit]

    async def _once(self, question: Question) -> Answer:
        now_s = asyncio.get_running_loop().time
        await self._quiet()
        if self._received:
            self._counts["stale_bytes"] += len(self._received)
            self._received.clear()
        asked_s, answered = now_s(), False
        try:
            await self._send(question.frame)
            answer = await self._answer(question, asked_s)
            answered = True
        except Garbled as garbled:
            answered = bool(garbled.args[1:])
            raise
        finally:
            if not answered:
                owed = _Owed(question=question, asked_s=asked_s)
                self._owed = [*self._owed, owed][-_MOST_OWED:]
        return answer

    async def _send(self, frame: bytes) -> None:
        if self.broken or self._line is None:
            raise Broken(self.broken or "not connected")
        try:
            await self._line.send(frame)
        except OSError as error:
            self._end(str(error))
            raise Broken(self.broken) from error
        self._heard_s = asyncio.get_running_loop().time() + len(frame) * self._character_s

    async def _answer(self, question: Question, asked_s: float) -> Answer:
        """Wait for it; Garbled has a second argument where the damaged answer was ours."""
        now_s = asyncio.get_running_loop().time
        on_the_line_s = (ECHO + question.answer_bytes) * self._character_s
        until_s = asked_s + self._timeout_s + on_the_line_s
        strays = 0
        while True:
            self._news.clear()
            if self.broken:
                raise Broken(self.broken)
            silent_s = self._heard_s + self._silence_s
            found = judge(bytes(self._received), question, silent=now_s() >= silent_s)
            if isinstance(found, Answer):
                return found
            if isinstance(found, Damaged):
                raise Garbled(found.reason, *(["ours"] if found.answered else []))
            self._counts["strays"] += max(0, found.strays - strays)
            strays = max(strays, found.strays)
            if now_s() >= until_s:
                if found.started:
                    raise Garbled("bytes without an end")
                raise NoAnswer
            wake_s = min(until_s, silent_s) if found.started else until_s
            await self._wait(wake_s)

    async def _wait(self, until_s: float) -> None:
        """Until something comes, or that time."""
        try:
            async with asyncio.timeout_at(until_s):
                await self._news.wait()
        except TimeoutError:
            return

    async def _quiet(self) -> None:
        """Until the line has been silent for t3.5."""
        now_s = asyncio.get_running_loop().time
        until_s = now_s() + self._timeout_s
        while (rest_s := self._heard_s + self._between_s - now_s()) > 0:
            if now_s() > until_s:
                raise Garbled("the line is never silent")
            await asyncio.sleep(rest_s)

    def _take(self, data: bytes) -> None:
        self._heard_s = asyncio.get_running_loop().time()
        self._received += data[: _MOST_WAITING - len(self._received)]
        self._news.set()

    def _end(self, reason: str) -> None:
        if not self.broken:
            self.broken = reason
        self._news.set()
