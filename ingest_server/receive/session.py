"""One connection to the broker: messages in, groups to the database, answers out.

Invariants:
- a message gets its PUBACK when it was committed, skipped, dropped or kept as a dead letter; never
  while it waits;
- what waits in memory is bounded: then the socket is not read and the broker keeps the rest;
- while the database is away the same group is tried again, with growing pauses; nothing is given
  up. When it is back every edge is greeted anew, under a new worker id, and sends again;
- when the connection is lost everything that waits is dropped unacknowledged: the edges have it;
- a connection whose subscriptions bring nothing any more is given up for a new one (`beats`).
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from ingest_server.receive.answers import AnswerDesk
from ingest_server.receive.arrival import Arrival, look_at, read_content
from ingest_server.receive.batcher import Batcher, Limits
from ingest_server.receive.beats import Beats
from ingest_server.receive.commands import CommandDesk
from ingest_server.receive.committer import Committer
from ingest_server.receive.meters import Meters
from ingest_server.receive.plain import PlainDesk
from ingest_server.store.errors import StoreError
from runtime.errors import LinesideError
from runtime.mqtt import Connection, Message
from runtime.supervise import Backoff
from wire.control import Live
from wire.errors import WireError
from wire.frame import Kind
from wire.ids import SHARDS
from wire.topics import parse_up, plain_filter, up_filter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from ingest_server.receive.draft import Outcome
    from ingest_server.receive.live import LiveTable
    from ingest_server.receive.state import State
    from runtime.broker import BrokerAddress
    from runtime.clock import Clock
    from runtime.logs import Logger
    from runtime.metrics import Metrics

R = TypeVar("R")

_MOST_INBOUND = 512
_DECODE_AT_ONCE = 32
_DECODE_BYTES = 64 * 1024
_KINDS = frozenset(("data", "status"))
_ANSWER_LOOK_S = 0.1
_UPKEEP_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What a session needs to know."""

    address: BrokerAddress
    client_id: str
    dsn: str
    keepalive_s: int = 15
    shards: tuple[int, ...] = tuple(range(SHARDS))
    worker: UUID | None = None
    """On behalf of which worker it writes; None: nobody else is there."""
    limits: Limits = field(default_factory=Limits)
    ask_again_s: float = 60.0
    """A connected edge that has not answered a command is asked again after so long."""
    beat_every_s: float = 10.0
    """How often it looks whether its subscriptions bring what it says to itself."""
    early_ack_every: int = 0
    """For the proof that losses are found: every so many records of a stream are acknowledged
    first, and their readings dropped."""


_Committed = tuple[list[tuple[Message, Arrival]], "list[Outcome]", float]
"""A group, what became of each message, and how long that took, seconds."""


class Session:
    """`run` once; a fresh object for every connection."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        log: Logger,
        live: LiveTable,
        state: State,
        metrics: Metrics,
        backoff: Backoff | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._log = log
        self._live = live
        self._state = state
        self._backoff = backoff or Backoff(first_s=0.2, most_s=10)
        self._meters = Meters(metrics)
        self._committer = Committer(
            settings.dsn,
            clock=clock,
            worker=settings.worker,
            lose_every=settings.early_ack_every,
        )
        self._line: Batcher[tuple[Message, Arrival]] = Batcher(settings.limits)
        self._raw: asyncio.Queue[Message] = asyncio.Queue(maxsize=_DECODE_AT_ONCE)
        self._committed: asyncio.Queue[_Committed] = asyncio.Queue(maxsize=1)
        self._live_line: asyncio.Queue[Message] = asyncio.Queue(maxsize=_DECODE_AT_ONCE)
        self._desk = CommandDesk(
            settings.dsn,
            shards=settings.shards,
            log=log,
            metrics=metrics,
            again_s=settings.ask_again_s,
            backoff=self._backoff,
        )
        self._plain = PlainDesk(
            settings.dsn, shards=settings.shards, clock=clock, log=log, metrics=metrics
        )
        self._beats = Beats(
            state,
            settings.client_id,
            shards=settings.shards,
            clock=clock,
            log=log,
            metrics=metrics,
            every_s=settings.beat_every_s,
        )
        self._others = frozenset(str(one) for one in range(SHARDS) if one not in settings.shards)
        self._answers = AnswerDesk(clock)
        self._to_greet = asyncio.Event()
        self._turn = asyncio.Lock()
        self._away: set[ThreadPoolExecutor] = set()

    async def run(self) -> None:
        """Receive until the connection is lost. Raises what ended it (RetryLater, Reconfigure)."""
        settings = self._settings
        async with AsyncExitStack() as stack:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
            self._decoder = ThreadPoolExecutor(1, thread_name_prefix="decode")
            stack.callback(self._decoder.shutdown)
            self._beside = ThreadPoolExecutor(1, thread_name_prefix="upkeep")
            stack.push_async_callback(self._close_committer)
            ended: LinesideError | None = None
            try:
                self._mqtt = await stack.enter_async_context(
                    Connection(
                        settings.address,
                        client_id=settings.client_id,
                        keepalive_s=settings.keepalive_s,
                        max_inbound=_MOST_INBOUND,
                    )
                )
                await self._receive()
            except* LinesideError as group:
                ended = _first(group)
                self._state.lost_code = ended.code
            finally:
                self._state.connected_us = None
                # Closed by this program, it says nothing of the broker.
                self._state.lost_us = None if ended is None else self._clock()
                self._state.waiting = 0
            if ended is not None:
                # Not from within `except*`: that would make a group of it again.
                raise ended

    async def _receive(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for work in (self._read, self._decode, self._store, self._take_live):
                tasks.create_task(work())
            for work in (self._settle, self._answer, self._upkeep, self._greet_all):
                tasks.create_task(work())
            subscribed = asyncio.Event()
            tasks.create_task(self._desk.run(self._mqtt, subscribed))
            tasks.create_task(self._plain.run())
            tasks.create_task(self._beats.run(self._mqtt, subscribed))
            await self._subscribe()
            subscribed.set()
            self._state.connected_us = self._clock()
            self._log.info("receiving", broker=str(self._settings.address))
            self._to_greet.set()

    async def _close_committer(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._beside, self._committer.close_upkeep)
        self._beside.shutdown()
        await loop.run_in_executor(self._thread, self._committer.close)
        self._thread.shutdown()

    # -- in ----------------------------------------------------------------------------------------

    async def _subscribe(self) -> None:
        """Everything edges tell, with one filter, whichever shards are served.

        NATS bounds what is in flight by filter and by session alike, and holds back for half a
        minute, out of order, what filters together have beyond it: with one it never does. In a
        cluster that lost a node, every third filter costs it five seconds: with one for each
        shard a worker would not come back within a minute.
        """
        await self._mqtt.subscribe(plain_filter(), up_filter(None))

    async def _read(self) -> None:
        async for message in self._mqtt.messages():
            if self._beats.heard(message):
                continue
            if message.topic.rpartition("/")[2] in self._others:
                message.ack()  # the worker that serves its shard has it, too
            elif "/up/live/" in message.topic:
                message.ack()
                if not self._live_line.full():
                    self._live_line.put_nowait(message)
            elif "/up/cmd-ack/" in message.topic:
                await self._desk.put(message)
            elif message.topic.endswith("/up/plain"):
                self._plain.put(message)
            elif message.topic.split("/")[-2] in _KINDS:
                await self._raw.put(message)
            else:  # of a later release
                message.ack()
                self._state.outcomes["unknown_kind"] += 1

    async def _decode(self) -> None:
        """Bodies become columns in a thread, so that this goes on while the database works."""
        loop = asyncio.get_running_loop()
        while True:
            messages = [await self._raw.get()]
            size = len(messages[0].payload)
            # The database need not wait for the decoding of many large ones.
            while len(messages) < _DECODE_AT_ONCE and size < _DECODE_BYTES and self._raw.qsize():
                messages.append(self._raw.get_nowait())
                size += len(messages[-1].payload)
            arrivals = await loop.run_in_executor(self._decoder, self._look_at_all, messages)
            for message, arrival in zip(messages, arrivals, strict=True):
                await self._line.put((message, arrival), rows=arrival.rows)
            self._state.waiting = len(self._line)

    def _look_at_all(self, messages: Sequence[Message]) -> list[Arrival]:
        return [self._look_at(message) for message in messages]

    def _look_at(self, message: Message) -> Arrival:
        arrival = look_at(message.topic, message.payload)
        prefix = arrival.prefix
        if prefix is None or arrival.edge is None:
            return arrival
        stored = self._committer.cursors.get((arrival.edge, prefix.epoch, prefix.cls))
        if stored is not None and prefix.seq <= stored and prefix.kind is not Kind.TOMBSTONE:
            return arrival  # a second delivery: nobody will look inside
        try:
            return replace(arrival, content=read_content(arrival.payload, prefix))
        except Exception:  # noqa: BLE001 - a defect on one record: the committer meets it, and holds
            return arrival

    # -- to the database ---------------------------------------------------------------------------

    async def _store(self) -> None:
        while True:
            group = await self._line.take()
            self._state.waiting = len(self._line) + len(group)
            self._state.oldest_s = self._line.oldest_s()
            arrivals = [arrival for _, arrival in group]
            if self._settings.early_ack_every:
                for message, _ in group:
                    message.ack()
            began_s = asyncio.get_running_loop().time()
            outcomes = await self._insist(lambda: self._committer.handle(arrivals))  # noqa: B023
            took_s = asyncio.get_running_loop().time() - began_s
            await self._committed.put((group, outcomes, took_s))

    async def _settle(self) -> None:
        """Confirm and note what was committed, while the next group is at the database."""
        while True:
            group, outcomes, took_s = await self._committed.get()
            for (message, arrival), outcome in zip(group, outcomes, strict=True):
                message.ack()
                self._note(arrival, outcome)
            self._state.commits += 1
            self._meters.commit(took_s=took_s, rows=sum(outcome.rows for outcome in outcomes))
            self._state.held = self._committer.held
            self._state.waiting = len(self._line)
            self._state.oldest_s = self._line.oldest_s()
            self._answers.send_due(self._mqtt)

    async def _upkeep(self) -> None:
        while True:
            if self._thread not in self._away:
                await self._until_done(self._committer.upkeep, self._beside)
            await asyncio.sleep(_UPKEEP_S)

    async def _insist(self, work: Callable[[], R]) -> R:
        """Do it in the committer's thread, again and again while the database is away."""
        async with self._turn:
            return await self._until_done(work, self._thread)

    async def _until_done(self, work: Callable[[], R], thread: ThreadPoolExecutor) -> R:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            try:
                done = await loop.run_in_executor(thread, work)
            except StoreError as error:
                failures += 1
                self._away.add(thread)
                if self._state.database_away_us is None:
                    self._state.database_away_us = self._clock()
                pause_s = self._backoff.pause_s(failures)
                self._log.warning(error.code, **error.params, pause_s=round(pause_s, 2))
                await asyncio.sleep(pause_s)
                continue
            self._away.discard(thread)
            if not self._away and self._state.database_away_us is not None:
                self._state.database_away_us = None
                self._log.info("the database is back", failures=failures)
                self._to_greet.set()
            return done

    def _note(self, arrival: Arrival, outcome: Outcome) -> None:
        self._state.outcomes[str(outcome.reason)] += 1
        self._state.rows += outcome.rows
        self._meters.message(outcome)
        edge = arrival.edge
        if outcome.defect is not None:
            self._log.error(
                "LS-5418",
                edge=str(edge or "?"),
                topic=arrival.topic[:200],
                reason=repr(outcome.defect)[:300],
                exc_info=outcome.defect,
            )
        if outcome.error is not None:
            self._log.warning(
                "LS-5420",
                edge=str(edge or "?"),
                topic=arrival.topic[:200],
                reason=str(outcome.error)[:300],
                outcome=str(outcome.reason),
            )
        if edge is None:
            return
        if outcome.reason == "offline":
            self._live.forget(edge)
            self._state.there.discard(edge)
        if outcome.reason == "status" and outcome.row is not None and arrival.status is not None:
            self._state.there.add(edge)
            self._desk.heard(outcome.row.edge_id, arrival.status)
        if outcome.row is not None:
            self._answers.note(edge, outcome.row, outcome)

    # -- out ---------------------------------------------------------------------------------------

    async def _greet_all(self) -> None:
        """Announce a worker to every edge the database knows; the others when they speak."""
        while True:
            await self._to_greet.wait()
            self._to_greet.clear()
            self._answers.begin_anew()
            known = await self._insist(self._committer.known_edges)
            self._answers.greet(row for row in known if row.edge.shard in self._settings.shards)
            self._answers.send_due(self._mqtt)

    async def _answer(self) -> None:
        while True:
            await asyncio.sleep(_ANSWER_LOOK_S)
            self._answers.send_due(self._mqtt)

    # -- live --------------------------------------------------------------------------------------

    async def _take_live(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            message = await self._live_line.get()
            try:
                edge = parse_up(message.topic).edge
                live = Live.decode(message.payload)
            except WireError:
                self._state.outcomes["live_unreadable"] += 1
                continue
            tags = await loop.run_in_executor(self._thread, self._committer.tags, edge, live.epoch)
            if tags is not None:
                self._live.take(edge, live, tags)


def _first(group: BaseExceptionGroup[LinesideError]) -> LinesideError:
    for error in group.exceptions:
        return _first(error) if isinstance(error, BaseExceptionGroup) else error
    raise group
