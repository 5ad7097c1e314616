"""Plain publishers: from the broker to the database, best effort, beside the streams.

Invariants:
- nothing here touches a stream or its cursor, and nothing here makes the streams wait;
- what waits in memory is bounded: beyond it messages are dropped and counted;
- a publisher makes at most so many tags; a message that would make more is refused and kept as a
  dead letter, like every other one that cannot be used.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final
from uuid import UUID

from ingest_server.receive import plain_message
from ingest_server.receive.arrival import Arrival, dead_letter
from ingest_server.receive.plain_message import DEVICE, PlainMessage
from ingest_server.store import changes as store_changes
from ingest_server.store import connection as connections
from ingest_server.store import edges, plain
from ingest_server.store.changes import Changes, RecordRows
from ingest_server.store.errors import BadBatch, StoreError, wrapped
from ingest_server.store.partitions import Partitions
from ingest_server.usecases.commit import days_of
from ingest_server.usecases.latest import Latest
from runtime.supervise import Backoff
from wire.errors import WireError
from wire.frame import StreamClass
from wire.topics import parse_plain

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ingest_server.store.connection import Connection as Database
    from runtime.clock import Clock
    from runtime.logs import Logger
    from runtime.metrics import Metrics
    from runtime.mqtt import Message
    from wire.ids import EdgeId

MOST_TAGS: Final = 1_000
_NO_EPOCH: Final = UUID(int=0)
_MOST_WAITING: Final = 1_000
_AT_ONCE: Final = 200
_LINGER_S: Final = 0.2


class PlainDesk:
    """Takes the messages of plain publishers whose shards are served here; `run` once."""

    def __init__(
        self,
        dsn: str,
        *,
        shards: Collection[int],
        clock: Clock,
        log: Logger,
        metrics: Metrics,
        backoff: Backoff | None = None,
    ) -> None:
        self._shards = frozenset(shards)
        self._log = log
        self._backoff = backoff or Backoff(first_s=0.2, most_s=10)
        self._count = metrics.counter(
            "server_plain_messages_total",
            "Messages of plain publishers, by what became of them.",
            ["outcome"],
        )
        self._line: asyncio.Queue[Message] = asyncio.Queue(maxsize=_MOST_WAITING)
        self._store = PlainStore(dsn, clock=clock)

    def put(self, message: Message) -> None:
        """Hand in a message; one too many is dropped, one of another worker's passed over."""
        try:
            mine = parse_plain(message.topic).shard in self._shards
        except WireError:
            mine = False
        if mine and not self._line.full():
            self._line.put_nowait(message)
            return
        if mine:
            self._count.labels("dropped").inc()
        message.ack()

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, thread_name_prefix="plain")
        failures = 0
        try:
            while True:
                group = [await self._line.get()]
                await asyncio.sleep(_LINGER_S)
                while len(group) < _AT_ONCE and not self._line.empty():
                    group.append(self._line.get_nowait())
                while True:
                    try:
                        outcomes = await loop.run_in_executor(thread, self._store.take, group)
                        break
                    except StoreError as error:
                        failures += 1
                        self._log.info("plain messages wait for the database", code=error.code)
                        await asyncio.sleep(self._backoff.pause_s(failures))
                failures = 0
                for message, outcome in zip(group, outcomes, strict=True):
                    message.ack()
                    self._count.labels(outcome).inc()
        finally:
            await loop.run_in_executor(thread, self._store.close)
            thread.shutdown(wait=False)


class PlainStore:
    """Blocking; one thread at a time. Invariant: `take` writes a group as a whole or raises."""

    def __init__(self, dsn: str, *, clock: Clock) -> None:
        self._dsn = dsn
        self._clock = clock
        self._connection: Database | None = None
        self._partitions = Partitions(dsn)
        self._latest = Latest()
        self._ids: dict[EdgeId, int] = {}
        self._tags: dict[int, plain.Tags] = {}

    def take(self, group: Sequence[Message]) -> list[str]:
        """Store messages; what became of each. Raises StoreError; then nothing was written."""
        try:
            return self._together(group)
        except BadBatch:
            self.close()
            return [self._alone(message) for message in group]
        except StoreError:
            self.close()
            raise

    def _alone(self, message: Message) -> str:
        try:
            return self._together([message])[0]
        except BadBatch as error:
            refused = WireError(error.code, **error.params)
            store_changes.commit(self._open(), _letters([_letter(message, refused)]))
            return "refused"

    def _together(self, group: Sequence[Message]) -> list[str]:
        now_us = self._clock()
        letters: list[tuple[Arrival, WireError]] = []
        taken: dict[EdgeId, list[PlainMessage]] = {}
        outcomes: list[str] = []
        for message in group:
            edge = parse_plain(message.topic)
            try:
                one = plain_message.parse(message.payload, now_us=now_us)
                self._know(edge, one)
            except WireError as error:
                letters.append(_letter(message, error))
                outcomes.append("refused")
            else:
                taken.setdefault(edge, []).append(one)
                outcomes.append("stored")
        self._write(taken, letters)
        return outcomes

    def _know(self, edge: EdgeId, message: PlainMessage) -> None:
        """Have ids for the tags of a message. Raises WireError where there would be too many."""
        connection = self._open()
        edge_id = self._id(edge)
        if edge_id not in self._tags:
            self._tags[edge_id] = plain.tags(connection, edge_id, DEVICE)
        known = self._tags[edge_id]
        new = [tag for tag in message.tags() if (tag.path, str(tag.dtype)) not in known.ids]
        if len(known.ids) + len(new) > MOST_TAGS:
            raise WireError("LS-5656", limit=MOST_TAGS)
        for tag, tag_id in zip(
            new, edges.ensure_tags(connection, edge_id, StreamClass.BULK, new), strict=True
        ):
            known.ids[tag.path, str(tag.dtype)] = tag_id
            known.last[tag.path] = tag_id

    def _id(self, edge: EdgeId) -> int:
        if edge not in self._ids:
            self._ids[edge] = edges.load_edge(self._open(), edge).edge_id
        return self._ids[edge]

    def _write(
        self,
        taken: dict[EdgeId, list[PlainMessage]],
        letters: Sequence[tuple[Arrival, WireError]],
    ) -> None:
        connection = self._open()
        records: list[RecordRows] = []
        parts = []
        for edge, messages in taken.items():
            edge_id = self._id(edge)
            known = self._tags[edge_id]
            rows = plain_message.readings(messages, known.ids, known.last)
            records.append(
                RecordRows(
                    edge_id=edge_id,
                    batch=plain.next_batch(connection, edge_id),
                    epoch=_NO_EPOCH,
                    cls=StreamClass.BULK,
                    seq=0,
                    readings=rows,
                )
            )
            parts.append(rows)
        changes = Changes(records=records, dead_letters=_letters(letters).dead_letters)
        self._partitions.ensure(days_of(changes))
        with wrapped(), connection.transaction():
            store_changes.write(connection, changes)
        self._latest.note(parts)
        self._latest.flush(connection)

    def close(self) -> None:
        """Give the connections back and forget everything."""
        self._ids.clear()
        self._tags.clear()
        self._latest = Latest()
        self._partitions.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Database:
        if self._connection is None or self._connection.closed:
            self._connection = connections.connect(self._dsn, name="plain")
        return self._connection


def _letter(message: Message, error: WireError) -> tuple[Arrival, WireError]:
    return Arrival(topic=message.topic, payload=message.payload), error


def _letters(letters: Sequence[tuple[Arrival, WireError]]) -> Changes:
    return Changes(
        dead_letters=[dead_letter(arrival, error, edge_id=None) for arrival, error in letters]
    )
