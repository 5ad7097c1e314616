"""Whether received bytes can be the answer to the request under way. Pure.

MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3: transaction id, protocol id (0) and
length, two bytes each, then the unit and the function code (plus 0x80 in an exception).
"""

from __future__ import annotations

import struct
from collections.abc import Container
from dataclasses import dataclass

_LONGEST = 254
"""Unit, function and the longest data: 1 + 253."""
_SHORTEST = 3
"""Unit, function, one byte."""
_HEAD = struct.Struct(">HHHBB")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The request whose answer is awaited."""

    transaction: int
    unit: int
    function: int


def asked(frame: bytes) -> Asked:
    """What a request frame asks."""
    transaction, _, _, unit, function = _HEAD.unpack_from(frame)
    return Asked(transaction=transaction, unit=unit, function=function)


def objection(received: bytes, request: Asked | None, abandoned: Container[int]) -> str | None:
    """Why these bytes (whole frames, the last perhaps cut) cannot be an answer; None: they may be.

    `abandoned` holds transactions given up after a time-out: their late answers are no fault.
    """
    at = 0
    while len(received) - at >= _HEAD.size:
        transaction, protocol, length, unit, function = _HEAD.unpack_from(received, at)
        if protocol:
            return f"protocol id {protocol}"
        if not _SHORTEST <= length <= _LONGEST:
            return f"length {length}"
        if transaction not in abandoned:
            if request is None or transaction != request.transaction:
                return f"transaction id {transaction} was not asked"
            if unit != request.unit:
                return f"unit {unit} instead of {request.unit}"
            if function & 0x7F != request.function:
                return f"function {function} instead of {request.function}"
        at += 6 + length
    return None
