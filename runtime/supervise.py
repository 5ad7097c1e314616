"""Keeps the tasks of a program alive: one that raises is started again, with growing pauses.

Invariants: a task ends by returning or by `stop`, never silently, and nobody else cancels it;
nothing started here outlives `async with`; the failure of one task touches no other.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from weakref import WeakSet

from runtime.errors import LinesideError
from runtime.logs import Logger

Factory = Callable[[], Awaitable[None]]
Sleep = Callable[[float], Awaitable[None]]

_GRACE_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Backoff:
    """Pauses that double from `first_s` to `most_s` seconds, each shortened by up to `spread`.

    The spread keeps many edges that lost one broker from coming back in the same second.
    """

    first_s: float = 0.2
    most_s: float = 30.0
    spread: float = 0.2

    def pause_s(self, failures: int, *, at: float = 0.0) -> float:
        """Seconds to wait after so many failures in a row (first: 1); `at` in 0..1 is the lot."""
        doublings = min(max(failures, 1) - 1, 62)
        full_s = min(self.first_s * 2.0**doublings, self.most_s)
        return full_s * (1.0 - self.spread * at)


def cancels() -> int:
    """How often this task was asked to end. Compare: a TaskGroup of Python 3.11 may leave one."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def end_if_cancelled(since: int) -> None:
    """Raise CancelledError where this task was cancelled after `cancels()` had given `since`.

    `asyncio.wait_for` of Python 3.11 swallows a cancel when what it waits for is done at the same
    moment (cpython gh-86296), and libraries are full of it: call this behind theirs, or the task
    goes on.
    """
    if cancels() > since:
        raise asyncio.CancelledError


class Supervisor:
    """Starts named tasks and restarts those that fail; `restarts` counts by name."""

    def __init__(
        self,
        *,
        log: Logger,
        sleep: Sleep = asyncio.sleep,
        lot: Callable[[], float] = random.random,
    ) -> None:
        self.restarts: dict[str, int] = {}
        self._log = log
        self._sleep = sleep
        self._lot = lot
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ended: WeakSet[asyncio.Task[None]] = WeakSet()
        self._stopping = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop(_GRACE_S)

    @property
    def running(self) -> frozenset[str]:
        """Names of the tasks that have not ended (those in a pause before a restart included)."""
        return frozenset(name for name, task in self._tasks.items() if not task.done())

    def start(self, name: str, factory: Factory, *, backoff: Backoff | None = None) -> None:
        """Run `factory()` now, again after each failure; the name is free when its task ended."""
        if self._stopping:
            raise ValueError(f"the supervisor is stopping, {name!r} cannot start")
        if name in self.running:
            raise ValueError(f"a task named {name!r} is running")
        self.restarts.setdefault(name, 0)
        task = self._keep(name, factory, backoff or Backoff())
        self._tasks[name] = asyncio.create_task(task, name=name)

    async def wait(self) -> None:
        """Return when every task has ended by itself."""
        while pending := [task for task in self._tasks.values() if not task.done()]:
            await asyncio.wait(pending)

    async def stop_one(self, name: str, grace_s: float = _GRACE_S) -> None:
        """Cancel one task and wait for its end, at most `grace_s` seconds."""
        task = self._tasks.pop(name, None)
        if task is not None:
            await self._end({name: task}, grace_s)

    async def stop(self, grace_s: float) -> None:
        """Cancel every task and wait for their ends, at most `grace_s` seconds; names the stuck."""
        self._stopping = True
        tasks = dict(self._tasks)
        self._tasks.clear()
        await self._end(tasks, grace_s)

    async def _end(self, tasks: dict[str, asyncio.Task[None]], grace_s: float) -> None:
        for task in tasks.values():
            self._ended.add(task)
            task.cancel()
        if not tasks:
            return
        _, stuck = await asyncio.wait(tasks.values(), timeout=grace_s)
        if stuck:
            names = ", ".join(sorted(name for name, task in tasks.items() if task in stuck))
            self._log.warning("LS-1202", tasks=names, grace_s=grace_s)

    async def _keep(self, name: str, factory: Factory, backoff: Backoff) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began = loop.time()
            try:
                await factory()
            except asyncio.CancelledError as cancelled:
                failure: BaseException = cancelled
            except Exception as error:  # noqa: BLE001 - the outermost loop of every task
                failure = error
            else:
                return
            # Its count of cancels does not tell: one may have leaked out of something the task
            # awaited, and would stop it for good without a word; one may have been swallowed.
            if asyncio.current_task() in self._ended:
                raise asyncio.CancelledError from failure
            # A run longer than the longest pause was a good one: start counting afresh.
            failures = 1 if loop.time() - began > backoff.most_s else failures + 1
            self.restarts[name] += 1
            pause_s = backoff.pause_s(failures, at=self._lot())
            self._log.error(
                "LS-1201",
                task=name,
                reason=failure,
                pause_s=round(pause_s, 3),
                # Ours explain themselves; of the others the place matters.
                exc_info=None if isinstance(failure, LinesideError) else failure,
            )
            await self._sleep(pause_s)
