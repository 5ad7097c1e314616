"""RTU frames: the request for a block, and which of the received bytes are its answer. Pure.

MODBUS over Serial Line V1.02, 2.5.1: unit, function, data, CRC-16 (low byte first). A frame does
not carry its length and no number tells to which request it belongs; its function and byte count
say where it ends, and silence says that no more will come.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from drivers.modbus.config import LAST
from drivers.modbus.decode import payload_size
from drivers.modbus.plan import FUNCTIONS, Block

ECHO: Final = 8
"""Bytes of a request; adapters that hear themselves give them back."""
_REFUSAL: Final = 5
_FRAME: Final = 5
"""Bytes of an answer besides its data: unit, function, byte count, CRC."""
_READS: Final = frozenset(FUNCTIONS.values())


def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)  # noqa: PLW2901
        table.append(value)
    return tuple(table)


_CRC: Final = _table()


def crc16(data: bytes) -> int:
    """The checksum of 6.2.2, polynomial 0xA001 reflected, begun at 0xFFFF."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A request to read; only reading functions can be expressed."""

    unit: int
    function: int
    start: int
    count: int
    size: int
    """Bytes of data its answer has."""

    @classmethod
    def of(cls, block: Block) -> Question:
        """The question that asks for a block."""
        return cls(
            unit=block.unit,
            function=FUNCTIONS[block.table],
            start=block.start,
            count=block.count,
            size=payload_size(block),
        )

    @property
    def frame(self) -> bytes:
        """What is sent. Raises ValueError for a function that does not read."""
        if self.function not in _READS:
            raise ValueError(f"function {self.function} does not read")
        body = struct.pack(">BBHH", self.unit, self.function, self.start, self.count)
        return body + struct.pack("<H", crc16(body))

    @property
    def answer_bytes(self) -> int:
        """Length of the whole answer."""
        return _FRAME + self.size

    def confusable(self, other: Question) -> bool:
        """Whether an answer to `other`, or a refusal of it, might be taken for ours."""
        return (self.unit, self.function) == (other.unit, other.function) and self != other


def tell_apart(question: Question, owed: Iterable[Question]) -> Question:
    """A question to ask before this one, whose answer cannot be that of any in `owed`.

    Units answer in the order in which they are asked: once this one is answered, the answers to the
    others do not come any more. It asks for a part of the same addresses where that has another
    size, for more of them otherwise: then a refusal is an answer too.
    """
    bits = question.function in (1, 2)
    used = {question.size, *(other.size for other in owed)}
    size = next(size for size in (range(1, 250) if bits else range(2, 250, 2)) if size not in used)
    count = 8 * size if bits else size // 2
    return Question(
        unit=question.unit,
        function=question.function,
        start=min(question.start, LAST + 1 - count),
        count=count,
        size=size,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The answer, without its byte count, or an exception code."""

    payload: bytes = b""
    exception: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """No answer yet, and nothing that could not be a part of what is to come."""

    strays: int = 0
    """Whole frames that answer something else."""
    started: bool = False
    """Some bytes are there that are not a whole frame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Damaged:
    """Silence, and what came is no answer."""

    reason: str
    answered: bool
    """Whether this was, by its length or its beginning, what is left of the answer."""


def judge(received: bytes, question: Question, *, silent: bool) -> Answer | Waiting | Damaged:
    """What the bytes received since a question mean; `silent`: no more come at present.

    Our own echo, whole frames that answer something else, and noise before a frame are passed over.
    While bytes can still come, a frame that may have begun is waited for: what looks like an answer
    inside of another one is none.
    """
    echo, at, strays, left = question.frame, 0, 0, 0
    while at < len(received):
        frame = _frame(received, at)
        if frame is None:
            if received.startswith(echo, at):
                at += ECHO
            elif not silent and echo.startswith(received[at:]):
                break
            else:
                at, left = at + 1, left + 1
            continue
        whole, end = frame
        if not whole:
            if not silent:
                break
            at, left = at + 1, left + 1
            continue
        answer = _answer(received[at:end], question)
        if answer is not None:
            return answer
        at, strays = end, strays + 1
    left += len(received) - at
    if silent and left:
        return Damaged(reason=_reason(received, question), answered=_is_rest(received, question))
    return Waiting(strays=strays, started=left > 0)


def _frame(received: bytes, at: int) -> tuple[bool, int] | None:
    """(whole, end) of an answer, to anything, that begins at `at`; None: none begins there."""
    left = len(received) - at
    if left < 3:
        known = left < 2 or received[at + 1] & 0x7F in _READS
        return (False, at) if known else None
    function, count = received[at + 1], received[at + 2]
    if function & 0x7F not in _READS:
        return None
    if function & 0x80:
        end = at + _REFUSAL
        fits = count != 0
    else:
        end = at + _FRAME + count
        fits = count != 0 and (function <= 2 or count % 2 == 0) and count <= 250
    if not fits:
        return None
    if end > len(received):
        return False, end
    if crc16(received[at : end - 2]) != received[end - 2] | received[end - 1] << 8:
        return None
    return True, end


def _answer(frame: bytes, question: Question) -> Answer | None:
    unit, function, count = frame[0], frame[1], frame[2]
    if unit != question.unit:
        return None
    if function == question.function | 0x80:
        return Answer(exception=count)
    if function == question.function and count == question.size:
        return Answer(payload=frame[3:-2])
    return None


def _is_rest(received: bytes, question: Question) -> bool:
    header = bytes([question.unit, question.function, question.size])
    return header in received or len(received) >= question.answer_bytes - 2


def _reason(received: bytes, question: Question) -> str:
    at = received.find(bytes([question.unit, question.function]))
    if at < 0:
        return f"{len(received)} bytes without an answer in them"
    if len(received) - at < question.answer_bytes:
        return f"an answer cut short: {len(received) - at} of {question.answer_bytes} bytes"
    return "wrong checksum"
