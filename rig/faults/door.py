"""The listening socket of a fault proxy: open, refusing, or silent to SYNs, always on one port.

Invariants: the port is ours from opening to closing, also while it refuses; nobody but a client is
handed on; what is accepted is handed on in the same step, so no cancellation can lose it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Final

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 128
_BUFFER: Final = 64 * 1024
_MOST_FILLERS: Final = 16
_ANSWER_S: Final = 0.1


def tuned(end: socket.socket) -> socket.socket:
    """Non-blocking, without Nagle, with buffers small enough for back-pressure to be felt."""
    end.settimeout(0)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    return end


def close_by_reset(end: socket.socket) -> None:
    """Close by RST: lingering for no time throws away what is unsent (socket(7))."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


def close_in_order(end: socket.socket) -> None:
    """Close by FIN; what has arrived is read away, since unread bytes make the kernel send RST."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_WR)
        for _ in range(64):
            if not end.recv(_BUFFER):
                break
    end.close()


class Door:
    """One port on loopback, opened by `open` and given back by `close`."""

    def __init__(self, let_in: Callable[[socket.socket], None], *, port: int = 0) -> None:
        self.port = port
        self._let_in = let_in
        self._holder: socket.socket | None = None
        self._listener: socket.socket | None = None
        self._fillers: list[socket.socket] = []
        self._filler_ports: set[int] = set()

    def open(self) -> None:
        """Take the port and listen; needs the running loop."""
        listener = self._listening()
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        listener.listen(_BACKLOG)
        asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def refuse(self) -> None:
        """Stop listening: the kernel refuses, and keeps those already connected."""
        self._stop_accepting()
        self._close(*self._fillers, self._listener)
        self._fillers.clear()
        self._filler_ports.clear()
        self._listener = None

    async def fall_silent(self) -> None:
        """Leave SYNs unanswered: with a full backlog the kernel drops them (listen(2), Linux).

        Connections of our own fill it, shortened to one, until one is not answered.
        """
        self._stop_accepting()
        listener = self._listening()
        listener.listen(0)
        loop = asyncio.get_running_loop()
        for _ in range(_MOST_FILLERS):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._fillers.append(filler)
            filler.settimeout(0)
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await loop.sock_connect(filler, (HOST, self.port))
            except TimeoutError:
                return
            self._filler_ports.add(int(filler.getsockname()[1]))
        raise OSError(f"the backlog of port {self.port} does not fill")

    def close(self) -> None:
        """Give the port back."""
        self._stop_accepting()
        self._close(*self._fillers, self._listener, self._holder)
        self._fillers.clear()
        self._listener = self._holder = None

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, (_, port) = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # gone again before its turn
        if port in self._filler_ports:
            self._filler_ports.discard(port)
            client.close()
        else:
            self._let_in(tuned(client))

    def _stop_accepting(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)

    def _listening(self) -> socket.socket:
        if self._holder is None:
            # Bound and never listening: it answers nobody and keeps the port from others.
            self._holder = self._bound()
            self.port = int(self._holder.getsockname()[1])
        if self._listener is None:
            self._listener = tuned(self._bound())
        return self._listener

    @staticmethod
    def _close(*ends: socket.socket | None) -> None:
        for end in ends:
            if end is not None:
                end.close()

    def _bound(self) -> socket.socket:
        end = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            end.bind((HOST, self.port))
        except BaseException:
            end.close()
            raise
        return end
