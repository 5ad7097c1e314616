"""Tells an event loop that a socket is readable or writable: by the loop itself or by a thread.

Invariants of `ThreadWatcher`: callbacks run in the loop's thread only; a socket whose callback is
scheduled is not watched until it ran, so a slow loop is not flooded; `close` ends the thread.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Protocol

Callback = Callable[[], None]


class SocketWatcher(Protocol):
    """Calls back in the loop while a socket (by descriptor) is readable or writable."""

    def watch_reads(self, fd: int, callback: Callback | None) -> None:
        """Call `callback` whenever `fd` has something to read; None ends it."""

    def watch_writes(self, fd: int, callback: Callback | None) -> None:
        """Call `callback` whenever `fd` takes more; None ends it."""

    def close(self) -> None:
        """End all watching; leaves no thread and no descriptor."""


class LoopWatcher:
    """The loop's own add_reader and add_writer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._reads: set[int] = set()
        self._writes: set[int] = set()

    def watch_reads(self, fd: int, callback: Callback | None) -> None:
        if callback is not None:
            self._reads.add(fd)
            self._loop.add_reader(fd, callback)
        elif fd in self._reads:
            self._reads.discard(fd)
            self._loop.remove_reader(fd)

    def watch_writes(self, fd: int, callback: Callback | None) -> None:
        if callback is not None:
            self._writes.add(fd)
            self._loop.add_writer(fd, callback)
        elif fd in self._writes:
            self._writes.discard(fd)
            self._loop.remove_writer(fd)

    def close(self) -> None:
        for fd in tuple(self._reads):
            self.watch_reads(fd, None)
        for fd in tuple(self._writes):
            self.watch_writes(fd, None)


class ThreadWatcher:
    """One thread in select() for loops that cannot watch sockets themselves."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._reads: dict[int, Callback] = {}
        self._writes: dict[int, Callback] = {}
        self._scheduled: set[tuple[int, int]] = set()
        self._thread: threading.Thread | None = None
        self._wake_out: socket.socket | None = None
        self._closed = False

    def watch_reads(self, fd: int, callback: Callback | None) -> None:
        self._change(self._reads, fd, callback)

    def watch_writes(self, fd: int, callback: Callback | None) -> None:
        self._change(self._writes, fd, callback)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._reads.clear()
            self._writes.clear()
        self._wake()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._wake_out is not None:
            self._wake_out.close()
            self._wake_out = None

    def _change(self, table: dict[int, Callback], fd: int, callback: Callback | None) -> None:
        with self._lock:
            if callback is None:
                table.pop(fd, None)
            elif not self._closed:
                table[fd] = callback
        if callback is not None and self._thread is None and not self._closed:
            wake_in, self._wake_out = socket.socketpair()
            wake_in.settimeout(0)
            self._wake_out.settimeout(0)
            self._thread = threading.Thread(
                target=self._run, args=(wake_in,), name="socket-watcher", daemon=True
            )
            self._thread.start()
        self._wake()

    def _wake(self) -> None:
        if self._wake_out is not None:
            try:
                self._wake_out.send(b"\0")
            except BlockingIOError:
                return  # it is full of wake-ups already

    def _run(self, wake_in: socket.socket) -> None:
        with wake_in, selectors.SelectSelector() as selector:
            selector.register(wake_in, selectors.EVENT_READ)
            while True:
                wanted = self._wanted()
                if wanted is None:
                    return
                _adjust(selector, wanted, keep=wake_in.fileno())
                try:
                    ready = selector.select()
                except (OSError, ValueError):
                    continue  # a descriptor was closed meanwhile; its removal is on its way
                for key, events in ready:
                    if key.fd == wake_in.fileno():
                        _drain(wake_in)
                        continue
                    for kind in (selectors.EVENT_READ, selectors.EVENT_WRITE):
                        if events & kind:
                            self._schedule(key.fd, kind)

    def _wanted(self) -> dict[int, int] | None:
        with self._lock:
            if self._closed:
                return None
            wanted: dict[int, int] = {}
            for kind, table in self._tables():
                for fd in table:
                    if (fd, kind) not in self._scheduled:
                        wanted[fd] = wanted.get(fd, 0) | kind
            return wanted

    def _tables(self) -> tuple[tuple[int, dict[int, Callback]], ...]:
        return ((selectors.EVENT_READ, self._reads), (selectors.EVENT_WRITE, self._writes))

    def _schedule(self, fd: int, kind: int) -> None:
        with self._lock:
            self._scheduled.add((fd, kind))
        try:
            self._loop.call_soon_threadsafe(self._call, fd, kind)
        except RuntimeError:
            return  # the loop is closed; whoever closes it closes us

    def _call(self, fd: int, kind: int) -> None:
        with self._lock:
            self._scheduled.discard((fd, kind))
            callback = dict(self._tables())[kind].get(fd)
        if callback is not None:
            callback()
        self._wake()


def _adjust(selector: selectors.SelectSelector, wanted: dict[int, int], *, keep: int) -> None:
    """Make the selector watch exactly `wanted` and the wake-up socket."""
    for key in tuple(selector.get_map().values()):
        if key.fd != keep and key.events != wanted.get(key.fd):
            selector.unregister(key.fd)
    for fd, events in wanted.items():
        if fd not in selector.get_map():
            selector.register(fd, events)


def _drain(wake_in: socket.socket) -> None:
    try:
        while wake_in.recv(4096):
            pass
    except BlockingIOError:
        return
