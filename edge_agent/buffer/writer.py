"""Group commit: samples and events wait in memory, at most `commit_every_ms`, then go to disk.

They go earlier where half of what may wait does: the collectors go on into the other half.

Invariants:
- what was handed in is committed in the order of handing in, in one transaction at a time: one
  record per class, more where the limits ask for it;
- at most `max_waiting` samples wait; then `put` does, which holds the collectors back. No sample is
  dropped here: what could not be committed is tried again with the next interval. Events do not
  wait for room; what is given up of them is told with the next commit;
- a commit that returns has made all that was handed in before it durable;
- `complete_to` is taken at the moment the waiting samples are: all that was handed in up to then
  is in the records that say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from edge_agent.buffer.encoding import of_events, of_samples, slices
from edge_agent.buffer.events import EventLine
from edge_agent.buffer.finish import to_the_end
from edge_agent.buffer.numbering import Definition, TagNumbers, tables
from edge_agent.buffer.retention import headroom
from edge_agent.buffer.rows import Bounds, Entry, Place
from edge_agent.buffer.store import BufferBlocked, Store
from runtime import logs
from runtime.clock import Clock
from runtime.metrics import Metrics
from wire.columns import family_code
from wire.dtypes import DType
from wire.frame import StreamClass
from wire.records import Event
from wire.samples import Samples, concat

_log = logs.get("edge.buffer")

_SWEEP_EVERY_S = 5.0
_MOST_SWEEPS = 20
_ALIVE_EVERY_S = 1.0
_TELL_EVERY_S = 60.0
_MARK_EVERY_US = {StreamClass.KEY: 1_000_000, StreamClass.BULK: 10_000_000}

CompleteTo = Callable[[StreamClass], int | None]
"""Up to which event time everything taken of a class was handed in; None while unknown."""


@dataclass(slots=True)
class _Waiting:
    samples: dict[StreamClass, list[Samples]] = field(
        default_factory=lambda: {cls: [] for cls in StreamClass}
    )
    events: EventLine = field(default_factory=EventLine)
    receipts: list[UUID] = field(default_factory=list)
    complete_to: dict[StreamClass, int] = field(default_factory=dict)
    count: int = 0


class Writer:
    """Takes what the collectors hand in and makes it durable; `run` is its task."""

    def __init__(
        self,
        store: Store,
        *,
        bounds: Bounds,
        commit_every_ms: int,
        max_waiting: int,
        clock: Clock,
        metrics: Metrics,
        sent: Callable[[], dict[Place, int]] = dict,
        skipped_us: Callable[[], int] = lambda: 0,
    ) -> None:
        """`skipped_us`: how much older than they are records may look, by their stamps."""
        self.store = store
        self.tags = TagNumbers()
        self.blocked_since_us: int | None = None
        """Since when the disk takes nothing, None while it does."""
        self._bounds = bounds
        self._commit_every_s = commit_every_ms / 1000
        self._max_waiting = max_waiting
        self._clock = clock
        self._sent = sent
        self._skipped_us = skipped_us
        self._families: NDArray[np.int8] = np.zeros(1, np.int8)
        self._complete_to: CompleteTo = lambda _: None
        self._waiting = _Waiting()
        self._marked = dict.fromkeys(StreamClass, 0)
        self._turn = asyncio.Lock()
        self._half_full = asyncio.Event()
        self._room: deque[asyncio.Future[None]] = deque()
        self._swept_s = self._alive_s = 0.0
        self._grown = 0
        self._told: dict[str, float] = {}
        self._committed = metrics.counter(
            "edge_samples_committed_total", "Samples durable in the buffer.", ["cls"]
        )
        self._dropped = metrics.counter(
            "edge_samples_dropped_total", "Samples given up, a gap in their place.", ["cause"]
        )
        self._dropped_records = metrics.counter(
            "edge_records_dropped_total", "Records given up, a tombstone in their place.", ["cause"]
        )
        self._dropped_events = metrics.counter(
            "edge_events_dropped_total", "Events given up, a gap in their place."
        )
        self._failed = metrics.counter("edge_commits_failed_total", "Commits the disk refused.")
        self._seconds = metrics.histogram("edge_commit_seconds", "Duration of a commit.")

    # -- what others call ------------------------------------------------------------------------

    async def define(self, definitions: Sequence[Definition]) -> None:
        """Give the tags their numbers and make their tables durable, before the first sample.

        More tags may follow at any time. Raises BufferBlocked; then no number was given.
        """
        tags = self.tags.copy()
        new = tags.define(definitions)
        now_us = self._clock()
        if not len(self.tags):
            # Nothing of this epoch was taken before now.
            self._marked = {cls: max(known, now_us) for cls, known in self._marked.items()}
        entries = [
            Entry(cls=cls, body=body, from_us=now_us, to_us=now_us)
            for cls, defined in new.items()
            for body in tables(defined)
        ]
        families = np.zeros(len(tags) + 1, np.int8)
        families[: self._families.shape[0]] = self._families
        for tag in (tag for defined in new.values() for tag in defined):
            families[tag.n] = family_code(DType(tag.dtype).family)
        if entries:
            await self.store.append(entries)
        self.tags, self._families = tags, families

    def limit(self, bounds: Bounds, *, commit_every_ms: int, max_waiting: int) -> None:
        """Other bounds from now on; what waits goes on waiting."""
        self._bounds = bounds
        self._commit_every_s = commit_every_ms / 1000
        self._max_waiting = max_waiting
        self._swept_s = 0.0
        self._release()

    def watch(self, complete_to: CompleteTo) -> None:
        """Whom to ask how complete the classes are."""
        self._complete_to = complete_to

    @property
    def waiting(self) -> int:
        """Samples that are not durable yet."""
        return self._waiting.count

    @property
    def full(self) -> bool:
        """Whether `put` would wait now."""
        return self._waiting.count >= self._max_waiting

    async def put(self, cls: StreamClass, samples: Samples) -> None:
        """Hand samples in; waits while too many wait for the disk."""
        while self.full:
            room: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._room.append(room)
            await room
        if len(samples):
            self._waiting.samples[cls].append(samples)
            self._waiting.count += len(samples)
            if self._waiting.count >= self._max_waiting // 2:
                self._half_full.set()

    def put_received(self, parts: Mapping[StreamClass, Samples], receipt: UUID) -> None:
        """Hand in what somebody sent under an id: durable together with the id, or not at all.

        Never waits; whoever sends looks at `full` first.
        """
        for cls, samples in parts.items():
            self._waiting.samples[cls].append(samples)
            self._waiting.count += len(samples)
        self._waiting.receipts.append(receipt)

    def event(self, event: Event) -> None:
        """Hand an event in. Never waits; beyond 10,000 waiting ones the oldest are given up.

        How many, and in what time, then travels in their place.
        """
        self._dropped_events.inc(self._waiting.events.add(event))

    # -- the task --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Commit for ever; what the disk refuses is kept and tried again."""
        pause_s, blocked = self._commit_every_s, False
        while True:
            await self._wait(pause_s, in_any_case=blocked)
            try:
                await self.commit()
                await self._heartbeat()
                await self.sweep()
            except BufferBlocked as error:
                self._failed.inc()
                pause_s, blocked = min(max(pause_s * 2, 0.2), 5.0), True
                if self.blocked_since_us is None:
                    self.blocked_since_us = self._clock()
                if self._worth_telling("blocked"):
                    _log.error("LS-4106", waiting=self.waiting, reason=error)
                continue
            if self.blocked_since_us is not None:
                _log.info("the disk takes data again", since_us=self.blocked_since_us)
                self.blocked_since_us = None
            pause_s, blocked = self._commit_every_s, False

    async def _wait(self, pause_s: float, *, in_any_case: bool) -> None:
        """Until the next commit is due; `in_any_case`: however much waits."""
        if in_any_case:
            await asyncio.sleep(pause_s)
        elif self._waiting.count < self._max_waiting // 2:
            self._half_full.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._half_full.wait(), pause_s)

    async def commit(self) -> None:
        """Make all that waits durable. If it raises, all of it goes on waiting."""
        await to_the_end(self._commit_in_turn())

    async def _commit_in_turn(self) -> None:
        async with self._turn:
            await self._commit()

    async def _commit(self) -> None:
        batch = self._take()
        if batch is None:
            return
        try:
            with self._seconds.time():
                entries = await asyncio.to_thread(self._encode, batch)
                await self.store.append(entries, receipts=batch.receipts)
        except BaseException:
            self._put_back(batch)
            raise
        for cls, parts in batch.samples.items():
            self._committed.labels(cls).inc(sum(len(part) for part in parts))
        if batch.events.given_up:
            _log.warning("LS-4112", events=batch.events.given_up)
        for cls, to_us in batch.complete_to.items():
            self._marked[cls] = to_us
        self._alive_s = time.monotonic()
        self._grown += sum(len(entry.body.packed) for entry in entries)
        self._release()

    def give_up(self) -> tuple[int, int]:
        """Forget what waits, because nobody will try again: how many samples, how many events.

        The server knows of it by the time without an agent, which begins with the last commit.
        """
        batch, self._waiting = self._waiting, _Waiting()
        samples = sum(len(part) for parts in batch.samples.values() for part in parts)
        events = batch.events.waiting
        self._dropped.labels("stopped").inc(samples)
        self._dropped_events.inc(events)
        return samples, events

    async def _heartbeat(self) -> None:
        """Say on disk that the agent is running, where no commit said so."""
        if time.monotonic() - self._alive_s >= _ALIVE_EVERY_S:
            await self.store.append(())
            self._alive_s = time.monotonic()

    async def sweep(self, *, now: bool = False) -> None:
        """Keep the buffer within its bounds: every few seconds, or when it has grown a lot."""
        due = time.monotonic() - self._swept_s >= _SWEEP_EVERY_S
        if not (now or due or self._grown > headroom(self._bounds) // 2):
            return
        for _ in range(_MOST_SWEEPS):
            # A clock that was put forward makes nothing old that waits for its server.
            max_age_us = self._bounds.max_age_us + self._skipped_us()
            bounds = replace(self._bounds, max_age_us=max_age_us)
            plan, more = await self.store.evict(bounds, sent=self._sent())
            for run in plan.bury:
                self._dropped.labels(run.cause).inc(run.samples)
                self._dropped_records.labels(run.cause).inc(len(run.ids))
                if self._worth_telling(run.cause):
                    _log.warning("LS-4107", cause=run.cause, samples=run.samples, cls=str(run.cls))
            if not more:
                break
        self._swept_s, self._grown = time.monotonic(), 0

    def _worth_telling(self, what: str) -> bool:
        """Whether the last line about it is a minute old."""
        now_s = time.monotonic()
        if now_s - self._told.get(what, -_TELL_EVERY_S) < _TELL_EVERY_S:
            return False
        self._told[what] = now_s
        return True

    # -- a commit --------------------------------------------------------------------------------

    def _take(self) -> _Waiting | None:
        """All that waits, or what says that nothing came; None where there is nothing to say."""
        batch = self._waiting
        for cls in StreamClass:
            reached_us = self._complete_to(cls)
            last_us = self._marked[cls]
            said = bool(batch.samples[cls]) or (cls is StreamClass.KEY and bool(batch.events))
            due = reached_us is not None and reached_us - last_us >= _MARK_EVERY_US[cls]
            if said or due:
                batch.complete_to[cls] = max(last_us, reached_us or 0)
        if not batch.complete_to:
            return None
        # What is under way still waits for the disk: the bound holds for it, too.
        self._waiting = _Waiting(count=batch.count)
        return batch

    def _put_back(self, batch: _Waiting) -> None:
        later = self._waiting
        for cls, parts in later.samples.items():
            batch.samples[cls] += parts
        self._dropped_events.inc(batch.events.join(later.events))
        batch.receipts += later.receipts
        batch.count = later.count
        batch.complete_to = {}
        self._waiting = batch

    def _release(self) -> None:
        parts = self._waiting.samples.values()
        self._waiting.count = sum(len(part) for some in parts for part in some)
        while self._room:
            room = self._room.popleft()
            if not room.done():
                room.set_result(None)

    def _encode(self, batch: _Waiting) -> list[Entry]:
        """The records of a batch, key first. Runs in a thread."""
        entries: list[Entry] = []
        for cls in StreamClass:
            to_us = batch.complete_to.get(cls)
            if to_us is None:
                continue
            samples, last_us = concat(batch.samples[cls]), self._marked[cls]
            events = batch.events.told() if cls is StreamClass.KEY else []
            entries += of_events(events, last_us if len(samples) else to_us)
            if not len(samples) and events:
                continue
            pieces = slices(samples)
            for piece in pieces:
                # Only the last record of a commit can say that all is in the stream.
                whole = piece is pieces[-1]
                entries += of_samples(
                    cls, piece, self._families, to_us=to_us if whole else last_us, last_us=last_us
                )
        return entries
