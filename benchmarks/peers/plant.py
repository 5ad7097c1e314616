"""The PLC, the way to the broker, and the count of what arrives: the same for every gateway.

Invariants: a poll begins with the request for register 0; every register then holds the poll's
number, so that each value that arrives says which reading of which tag it is; what was handed out
is noted before it is sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rig.modbus_requests import HEAD, REQUEST, Requests

MOST_POLLS: Final = 4_000


class Plc:
    """Holding registers of one Modbus TCP device."""

    def __init__(self, tags: int) -> None:
        self.handed: NDArray[np.bool_] = np.zeros((MOST_POLLS, tags), np.bool_)
        """[poll, tag]: whether that value was given to whoever asked."""
        self.poll = 0
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Requests(self.answer), "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    def answer(self, request: bytes) -> bytes:
        """The answer to one whole request of 12 bytes."""
        fields: tuple[int, ...] = REQUEST.unpack(request)
        number, _, _, unit, function, address, count = fields
        if address == 0:
            self.poll += 1
        self.handed[self.poll, address : address + count] = True
        body = struct.pack(">H", self.poll) * count
        return HEAD.pack(number, 0, 3 + len(body), unit, function, len(body)) + body


class Arrivals:
    """How often each reading arrived at the broker's other side."""

    def __init__(self, tags: int) -> None:
        self.seen: NDArray[np.uint8] = np.zeros((MOST_POLLS, tags), np.uint8)
        self.total = 0

    def add(self, tags: NDArray[np.intp], polls: NDArray[np.intp]) -> None:
        """Count values that are the number of a poll; others are none of ours."""
        ours = (polls > 0) & (polls < MOST_POLLS)
        np.add.at(self.seen, (polls[ours], tags[ours]), 1)
        self.total += int(ours.sum())


class Gate:
    """The way from a gateway to the broker; `shut` is an outage: cut off, and refused."""

    def __init__(self, broker_port: int) -> None:
        self.port = 0
        self._broker_port = broker_port
        self._server: asyncio.Server | None = None
        self._ways: set[asyncio.Task[None]] = set()
        self._open = True

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._way, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def shut(self) -> None:
        """Cut every connection; new ones are closed at once."""
        self._open = False
        for way in self._ways:
            way.cancel()

    def open(self) -> None:
        """Let them through again."""
        self._open = True

    async def stop(self) -> None:
        """End of all."""
        self.shut()
        await asyncio.gather(*self._ways, return_exceptions=True)
        if self._server is not None:
            self._server.close()

    async def _way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._ways.add(task)
        try:
            if self._open:
                to, back = await asyncio.open_connection("127.0.0.1", self._broker_port)
                pumps = [
                    asyncio.ensure_future(_pump(reader, back)),
                    asyncio.ensure_future(_pump(to, writer)),
                ]
                try:
                    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for pump in pumps:
                        pump.cancel()
                    back.transport.abort()
        except (asyncio.CancelledError, OSError):
            return
        finally:
            self._ways.discard(task)
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
