"""Both ways of watching a socket behave the same."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest

from runtime.platform import socket_watcher
from runtime.readiness import LoopWatcher, SocketWatcher, ThreadWatcher

LIMIT_S = 10


@pytest.fixture(params=[LoopWatcher, ThreadWatcher])
def kind(request: pytest.FixtureRequest) -> type[LoopWatcher | ThreadWatcher]:
    made: type[LoopWatcher | ThreadWatcher] = request.param
    return made


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    for one in (left, right):
        one.setblocking(False)
    with left, right:
        yield left, right


async def test_bytes_are_reported_in_the_loop_until_watching_ends(
    kind: type[LoopWatcher | ThreadWatcher], pair: tuple[socket.socket, socket.socket]
) -> None:
    left, right = pair
    watcher: SocketWatcher = kind(asyncio.get_running_loop())
    got: list[bytes] = []
    places: set[threading.Thread] = set()
    enough = asyncio.Event()

    def read() -> None:
        places.add(threading.current_thread())
        got.append(left.recv(1))
        if len(got) == 50:
            enough.set()

    watcher.watch_reads(left.fileno(), read)
    right.send(b"x" * 50)
    async with asyncio.timeout(LIMIT_S):
        await enough.wait()
    watcher.watch_reads(left.fileno(), None)
    right.send(b"y")
    await asyncio.sleep(0.02)  # nothing may come: there is no condition to wait for
    assert b"".join(got) == b"x" * 50
    assert places == {threading.current_thread()}
    watcher.close()


async def test_a_full_socket_is_reported_when_it_takes_more(
    kind: type[LoopWatcher | ThreadWatcher], pair: tuple[socket.socket, socket.socket]
) -> None:
    left, right = pair
    with pytest.raises(BlockingIOError):
        while True:
            left.send(b"x" * 4096)
    watcher: SocketWatcher = kind(asyncio.get_running_loop())
    writable = asyncio.Event()
    watcher.watch_writes(left.fileno(), writable.set)
    await asyncio.sleep(0.02)
    assert not writable.is_set()
    with pytest.raises(BlockingIOError):
        while True:
            right.recv(65536)
    async with asyncio.timeout(LIMIT_S):
        await writable.wait()
    watcher.watch_writes(left.fileno(), None)
    watcher.close()


async def test_closing_ends_the_thread_and_all_watching(
    kind: type[LoopWatcher | ThreadWatcher], pair: tuple[socket.socket, socket.socket]
) -> None:
    left, right = pair
    before = set(threading.enumerate())
    watcher: SocketWatcher = kind(asyncio.get_running_loop())
    called: list[bool] = []
    watcher.watch_reads(left.fileno(), lambda: called.append(True))
    watcher.watch_writes(left.fileno(), lambda: called.append(True))
    watcher.close()
    watcher.close()
    right.send(b"x")
    called.clear()
    await asyncio.sleep(0.02)
    assert set(threading.enumerate()) == before
    assert called == []
    watcher.watch_reads(left.fileno(), None)


async def test_a_loop_that_is_busy_is_not_flooded_by_the_thread(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    left, right = pair
    watcher = ThreadWatcher(asyncio.get_running_loop())
    called: list[bool] = []
    watcher.watch_reads(left.fileno(), lambda: called.append(True))
    right.send(b"x")
    # The loop does not run meanwhile: one call is scheduled, not thousands.
    threading.Event().wait(0.03)
    await asyncio.sleep(0)
    assert len(called) <= 1
    watcher.close()


class ProactorLike(asyncio.SelectorEventLoop):
    add_reader = asyncio.AbstractEventLoop.add_reader


def test_the_kind_is_chosen_by_what_the_loop_can_do() -> None:
    for loop, expected in (
        (asyncio.SelectorEventLoop(), LoopWatcher),
        (ProactorLike(), ThreadWatcher),
    ):
        watcher = socket_watcher(loop)
        assert type(watcher) is expected
        watcher.close()
        loop.close()
