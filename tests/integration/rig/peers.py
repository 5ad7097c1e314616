"""A server that writes down what it sees, and plain clients, to see a link from both sides."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

LIMIT_S = 20.0


class Peer:
    """One end of a connection: what has arrived, and how it ended, if it did."""

    def __init__(self, end: socket.socket) -> None:
        end.settimeout(0)
        self.end = end
        self._got = bytearray()
        self.ended = ""
        """Empty while open; then "fin" or the name of the error."""
        self._task = asyncio.create_task(self._read())

    @property
    def got(self) -> bytes:
        """Everything that has arrived."""
        return bytes(self._got)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(self.end, 65_536):
                self._got += data
            self.ended = "fin"
        except OSError as error:
            self.ended = type(error).__name__

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self.end, data)

    async def stop_reading(self) -> None:
        """Leave what arrives in the kernel's buffers."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def read_on(self) -> None:
        """Take up reading again."""
        self._task = asyncio.create_task(self._read())

    async def close(self) -> None:
        await self.stop_reading()
        self.end.close()

    async def abort(self) -> None:
        """Close by RST."""
        self.end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self.close()


class Upstream:
    """A TCP server on loopback; each connection is a `Peer` in the order of arrival."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0)
        self.port = int(self._listener.getsockname()[1])

    def listen(self) -> None:
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        end, _ = self._listener.accept()
        self.peers.append(Peer(end))

    async def stop(self) -> None:
        """Nobody listens any more; those connected stay."""
        if self._listener.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()

    async def close(self) -> None:
        await self.stop()
        for peer in self.peers:
            await peer.close()


async def connect(port: int, *, limit_s: float = LIMIT_S) -> Peer:
    """A client connected to a port; raises TimeoutError where nobody answers."""
    end = socket.socket()
    end.settimeout(0)
    try:
        async with asyncio.timeout(limit_s):
            await asyncio.get_running_loop().sock_connect(end, ("127.0.0.1", port))
    except BaseException:
        end.close()
        raise
    return Peer(end)


def descriptors() -> int:
    gc.collect()
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@contextlib.asynccontextmanager
async def nothing_left_behind() -> AsyncIterator[None]:
    """Fails when a task or descriptor that was made inside outlives it."""
    tasks, opened = asyncio.all_tasks(), descriptors()
    yield
    assert asyncio.all_tasks() == tasks
    assert descriptors() == opened
