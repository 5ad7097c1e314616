"""Requests of one Modbus TCP client, answered whole as they come: for servers made for tests."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Final

REQUEST: Final = struct.Struct(">HHHBBHH")
"""A read: transaction, protocol, length, unit, function, first address, count."""
HEAD: Final = struct.Struct(">HHHBBB")
"""What an answer begins with: transaction, protocol, length, unit, function, bytes that follow (or
the code of a refusal)."""


class Requests(asyncio.Protocol):
    """`answer` gives the bytes for one whole request of 12."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every whole request; the rest waits for what comes."""
        data = self._rest + data
        whole = len(data) // REQUEST.size * REQUEST.size
        self._rest = data[whole:]
        answers = [
            self._answer(data[at : at + REQUEST.size]) for at in range(0, whole, REQUEST.size)
        ]
        if self._transport is not None and answers:
            self._transport.write(b"".join(answers))
