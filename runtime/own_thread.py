"""A thread for blocking work that comes again and again and takes much memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

T = TypeVar("T")


class Apart(Protocol):
    """Has work done by the thread; what it raises is raised."""

    def __call__(self, work: Callable[[], T], /) -> asyncio.Future[T]: ...


@contextmanager
def own_thread(name: str) -> Iterator[Apart]:
    """Always the same thread, until the end of the block, which waits for nothing.

    A thread keeps the most that malloc ever gave it (its arena): work that visits all threads of a
    pool in turn takes that as many times.
    """
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    def apart(work: Callable[[], T], /) -> asyncio.Future[T]:
        return loop.run_in_executor(executor, work)

    try:
        yield apart
    finally:
        executor.shutdown(wait=False)
