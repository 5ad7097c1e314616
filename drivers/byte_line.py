"""A line that carries bytes both ways, whatever it is made of; and the one over TCP.

Invariants: `received` and `ended` are called in the event loop only; after `ended`, and after
`close`, nothing more is received; a line is opened once. Nothing is sent but by `send`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final, Protocol

_PROBES: Final = 3
"""Unanswered keep-alive probes after which the other side is gone."""


class ByteLine(Protocol):
    """Open it, send, close it; what comes is handed to the callbacks given at making."""

    async def open(self) -> None:
        """Connect; raises OSError (a time-out is one too)."""

    async def send(self, frame: bytes) -> None:
        """Hand bytes over to be sent; raises OSError where that cannot be."""

    def close(self) -> None:
        """Stop receiving at once; may be called again."""

    async def closed(self) -> None:
        """Wait until the line is free to be opened by another, after `close`."""


Received = Callable[[bytes], None]
Ended = Callable[[str], None]
"""Called once with the reason when the other side, or the port, is gone."""


class TcpLine(asyncio.Protocol):
    """A `ByteLine` over one TCP connection: made by `open`, or accepted by a server."""

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        *,
        timeout_s: float = 3.0,
        keepalive_s: float = 15.0,
        received: Received,
        ended: Ended,
    ) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._keepalive_s = keepalive_s
        self._received = received
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.Event()
        self._closing = False

    async def open(self) -> None:
        """Connect; raises OSError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._timeout_s):
            await loop.create_connection(lambda: self, self._host, self._port)

    async def send(self, frame: bytes) -> None:
        """Hand bytes to the socket."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("not connected")
        self._transport.write(frame)

    def hold(self) -> None:
        """Take nothing from the socket, so that the other side has to wait, until `go_on`."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Take from the socket again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Close the socket without waiting for what was not sent yet."""
        self._closing = True
        if self._transport is not None:
            self._transport.abort()

    async def closed(self) -> None:
        """Wait until the socket is closed."""
        if self._transport is not None:
            await self._gone.wait()

    # -- asyncio.Protocol ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is connected; a peer that vanishes without a word is noticed by probes."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(f"{transport!r} is no stream")
        self._transport = transport
        probe_every(transport.get_extra_info("socket"), self._keepalive_s)
        if self._closing:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        if not self._closing:
            self._received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed, by whomever."""
        self._gone.set()
        if not self._closing:
            self._closing = True
            self._ended(str(exc) if exc is not None else "the other side closed the connection")


def probe_every(connection: socket.socket, keepalive_s: float) -> None:
    """Have the system probe a silent TCP connection, since one that is cut stays open otherwise."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    every_s = max(1, round(keepalive_s / _PROBES))
    for name, value in (
        ("TCP_KEEPIDLE", max(1, round(keepalive_s))),
        ("TCP_KEEPINTVL", every_s),
        ("TCP_KEEPCNT", _PROBES),
    ):
        # Not every system has all three by these names.
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
