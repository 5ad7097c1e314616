"""One ingest worker: renews its lease, takes and gives shards, and runs a session for what it has.

Invariants:
- a session runs only for shards that were held at a renewal before it, and only as long as this
  worker is certainly alive to the others: when a renewal fails for a whole lease, by the clock of
  this process, the session is closed at once;
- shards are given back after the session that served them is closed;
- when a worker ends, for whatever reason, the next `run` is another worker.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeVar
from uuid import UUID, uuid4

from ingest_server.receive.database_clock import DatabaseClock
from ingest_server.receive.meters import LeaseMeters
from ingest_server.receive.sharing import RENEW_PER_LEASE, Decision, View, WorkerRow, decide
from ingest_server.store.errors import LeaseLost, StoreError
from ingest_server.store.leases import Leases
from runtime.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtime.logs import Logger

R = TypeVar("R")


class Serving(Protocol):
    """A session: receives for some shards until its connection is lost."""

    async def run(self) -> None: ...


class Worker:
    """`run` once; `session(worker, shards)` makes the session for those shards."""

    def __init__(
        self,
        dsn: str,
        *,
        name: str,
        lease_s: float,
        session: Callable[[UUID, tuple[int, ...]], Serving],
        log: Logger,
        meters: LeaseMeters | None = None,
        clock: DatabaseClock | None = None,
    ) -> None:
        self.worker = uuid4()
        self._meters = meters or LeaseMeters(Metrics())
        self._clock = clock or DatabaseClock()
        self._lease_s = lease_s
        self._session = session
        self._log = log
        self._leases = Leases(dsn, self.worker, name=name, lease_s=lease_s)
        self._deadline_s = 0.0
        self._serving: asyncio.Task[None] | None = None
        self._served: tuple[int, ...] = ()
        self._stopping = False

    async def run(self) -> None:
        """Share until something ends it: raises RetryLater or Reconfigure."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lease")
        try:
            self._deadline_s = asyncio.get_running_loop().time() + self._lease_s
            await self._call(self._leases.join)
            while True:
                await self._turn()
        finally:
            await self._stop()
            self._meters.serves(self._served, ())
            with suppress(StoreError):
                await self._call(self._leases.leave)
            await self._call(self._leases.close)
            self._thread.shutdown(wait=False)

    async def _turn(self) -> None:
        decision = await self._look()
        if decision is None:
            await self._pause()
            return
        if decision.lost:
            self._meters.lost()
            raise LeaseLost("LS-5425")
        if decision.evict or decision.cut:
            await self._take_over(decision)
            return
        if self._serving is not None and not self._stopping and decision.serve != self._served:
            self._stopping = True
            self._serving.cancel()
        if self._serving is None and (decision.release or decision.claim):
            await self._call(lambda: self._leases.release(decision.release))
            await self._call(lambda: self._leases.claim(self._free(decision)))
            return  # what was got shows at the next look, which also renews
        if self._serving is None and decision.serve:
            self._meters.serves(self._served, decision.serve)
            self._served = decision.serve
            self._stopping = False
            self._log.info("shards", count=len(decision.serve), workers=decision.workers)
            session = self._session(self.worker, decision.serve)
            self._serving = asyncio.create_task(session.run())
        await self._pause()

    async def _look(self) -> Decision | None:
        """What to do by what the database says; None where it says nothing at the moment."""
        asked_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(self._deadline_s):
                view = await self._call(self._view)
        except TimeoutError:
            self._meters.lost()
            raise LeaseLost("LS-5425") from None
        except StoreError as error:
            self._log.warning(error.code, **error.params)
            return None
        if view is None:
            return Decision(lost=True)
        self._deadline_s = asked_s + self._lease_s
        self._owners = view.owners
        return decide(view, self.worker, lease_us=round(self._lease_s * 1e6))

    def _view(self) -> View | None:
        if not self._leases.renew():
            return None
        # First the connections, then the workers: who joins in between is not taken for dead.
        connections = self._leases.connected()
        asked_us = self._clock.elapsed_us()
        now_us, workers = self._leases.workers()
        if workers:
            self._clock.said(now_us, asked_us=asked_us)
        return View(
            now_us=now_us,
            workers={
                worker: WorkerRow(worker=worker, name=name, renewed_us=renewed, until_us=until)
                for worker, name, renewed, until in workers
            },
            owners=self._leases.owners(),
            connected=frozenset(worker for what, worker in connections if what == "lease"),
            writers=frozenset(worker for what, worker in connections if what in _WRITE),
            since_us=self._leases.since_us,
        )

    async def _take_over(self, decision: Decision) -> None:
        seen = {row.worker: row.renewed_us for row in decision.evict}
        for row in decision.evict:
            self._log.warning("LS-5426", name=row.name)
        if seen:
            self._meters.took_over(len(seen))
            await self._call(lambda: self._leases.evict(seen))
        await self._call(lambda: self._leases.cut([*seen, *decision.cut]))

    def _free(self, decision: Decision) -> dict[int, UUID | None]:
        return {shard: self._owners[shard] for shard in decision.claim}

    async def _pause(self) -> None:
        """Until the next renewal is due, or the session has ended."""
        loop = asyncio.get_running_loop()
        pause_s = min(self._lease_s / RENEW_PER_LEASE, self._deadline_s - loop.time())
        if pause_s <= 0:
            raise LeaseLost("LS-5425")
        if self._serving is None:
            await asyncio.sleep(pause_s)
            return
        done, _ = await asyncio.wait({self._serving}, timeout=pause_s)
        if done:
            ended, self._serving = self._serving, None
            if not (self._stopping and ended.cancelled()):
                ended.result()

    async def _stop(self) -> None:
        ended, self._serving = self._serving, None
        if ended is not None:
            ended.cancel()
            await asyncio.wait({ended})
            if not ended.cancelled():
                # It ended by itself in the same moment: nobody is to read a traceback of that.
                ended.exception()

    async def _call(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


_WRITE = frozenset({"ingest", "partitions", "latest"})
