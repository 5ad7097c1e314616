"""What edges are asked and what they answer: the two ways between the tables and the broker.

Invariants:
- nothing relies on the broker's memory: what an edge has not answered is sent again at each of its
  connections, to each new session here, and every minute while it is connected;
- nobody is asked before the session's subscriptions stand: an answer that no subscription waits for
  is lost, and the next chance is a minute away;
- an answer gets its PUBACK when it is in the database;
- a command may arrive twice: edges carry out each id once and answer as often as they are asked.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from ingest_server.receive.arrival import Arrival, dead_letter
from ingest_server.store import commands
from ingest_server.store import connection as connections
from ingest_server.store.changes import Changes, commit
from ingest_server.store.errors import BadBatch, StoreError
from runtime.supervise import Backoff
from wire.control import Command, CommandAck
from wire.errors import WireError
from wire.topics import down, parse_up

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from uuid import UUID

    from ingest_server.store.commands import Due
    from ingest_server.store.connection import Connection as Database
    from runtime.logs import Logger
    from runtime.metrics import Metrics
    from runtime.mqtt import Connection, Message
    from wire.control import Status

R = TypeVar("R")

_LOOK_S = 1.0
_MOST_WAITING = 64


class CommandDesk:
    """Sends what is due to edges of some shards, and writes down what they answer; `run` once."""

    def __init__(
        self,
        dsn: str,
        *,
        shards: Collection[int],
        log: Logger,
        metrics: Metrics,
        again_s: float = 60.0,
        backoff: Backoff | None = None,
    ) -> None:
        self._dsn = dsn
        self._shards = frozenset(shards)
        self._log = log
        self._again_s = again_s
        self._backoff = backoff or Backoff(first_s=0.2, most_s=10)
        self._count = metrics.counter(
            "server_commands_total", "Commands to edges and their answers.", ["what"]
        )
        self._connection: Database | None = None
        self._answers: asyncio.Queue[Message] = asyncio.Queue(maxsize=_MOST_WAITING)
        self._sessions: dict[int, tuple[UUID, int]] = {}
        self._born: set[int] = set()
        self._wake = asyncio.Event()

    async def run(self, mqtt: Connection, subscribed: asyncio.Event) -> None:
        """Work until cancelled; ask from `subscribed` on."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commands")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._send(mqtt, subscribed))
                tasks.create_task(self._take())
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
            self._thread.shutdown(wait=False)

    def heard(self, edge_id: int, status: Status) -> None:
        """A status of an edge is stored: if it has just connected it is asked again."""
        session = (status.epoch, status.session)
        if self._sessions.get(edge_id) != session:
            self._sessions[edge_id] = session
            self._born.add(edge_id)
            self._wake.set()

    async def put(self, message: Message) -> None:
        """Hand in a message on `up/cmd-ack`; waits for room."""
        await self._answers.put(message)

    async def _send(self, mqtt: Connection, subscribed: asyncio.Event) -> None:
        await subscribed.wait()
        while True:
            self._wake.clear()
            born, self._born = self._born, set()
            due = await self._insist(lambda: self._look(born))  # noqa: B023
            for one in due:
                kind = "cmd" if isinstance(one.message, Command) else "config"
                mqtt.send(down(one.edge, kind), one.message.encode(), qos=1)  # type: ignore[arg-type]
                self._count.labels("sent").inc()
                self._log.info("asked", edge=str(one.edge), what=_name(one))
            if not due:
                try:
                    async with asyncio.timeout(_LOOK_S):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    def _look(self, born: Collection[int]) -> list[Due]:
        connection = self._open()
        if born:
            commands.ask_again(connection, born)
        return commands.take_due(connection, self._shards, again_s=self._again_s)

    async def _take(self) -> None:
        while True:
            message = await self._answers.get()
            what = await self._insist(lambda: self._keep(message.topic, message.payload))  # noqa: B023
            message.ack()
            self._count.labels(what).inc()

    def _keep(self, topic: str, payload: bytes) -> str:
        """What became of a message on `up/cmd-ack`; it is durable."""
        edge = None
        try:
            edge = parse_up(topic).edge
            answer = CommandAck.decode(payload)
        except WireError as error:
            arrival = Arrival(topic=topic, payload=payload, edge=edge)
            letter = dead_letter(arrival, error, edge_id=None)
            commit(self._open(), Changes(dead_letters=[letter]))
            return "unreadable"
        try:
            known = commands.take_answer(self._open(), edge, answer)
        except BadBatch:
            return "unreadable"
        what = f"version {answer.version}" if answer.version is not None else str(answer.id)
        if known:
            self._log.info("answered", edge=str(edge), what=what, state=answer.state)
        return answer.state if known else "repeated"

    async def _insist(self, work: Callable[[], R]) -> R:
        """Do it in the desk's thread, again and again while the database is away."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            try:
                return await loop.run_in_executor(self._thread, work)
            except StoreError as error:
                failures += 1
                await loop.run_in_executor(self._thread, self._close)
                self._log.info("commands wait for the database", code=error.code)
                await asyncio.sleep(self._backoff.pause_s(failures))

    def _open(self) -> Database:
        if self._connection is None or self._connection.closed:
            self._connection = connections.connect(self._dsn, name="commands")
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _name(due: Due) -> str:
    message = due.message
    return message.kind if isinstance(message, Command) else f"configuration {message.version}"
