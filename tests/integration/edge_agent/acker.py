"""A minimal server on a real broker: takes every record of one edge and answers its cursors."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from runtime.clock import now_us
from runtime.mqtt import BrokerAddress, Connection, ConnectionLost
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.control import CommandAck, Live, Rewind, Status
from wire.ids import EdgeId
from wire.topics import Up, down, up


class Acker:
    """`async with` runs it; `receiver` outlives it, as a database does.

    With `deaf` it takes every record from the broker and confirms none.
    """

    def __init__(
        self, broker: BrokerAddress, edge: EdgeId, receiver: Receiver, *, deaf: bool = False
    ) -> None:
        self.receiver = receiver
        self.statuses: list[Status] = []
        self.live: list[Live] = []
        self.answers: list[CommandAck] = []
        self._deaf = deaf
        self._broker = broker
        self._edge = edge
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._ready = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        await asyncio.wait_for(self._ready.wait(), 10)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def tell(self, rewind: list[Rewind] | None = None, *, hello: bool = False) -> None:
        """Send the cursors now."""
        assert self._connection is not None
        ack = self.receiver.ack(now_us(), rewind, hello=hello)
        self._connection.send(down(self._edge, "ack"), ack.encode(), retain=True)

    def command(self, kind: str, payload: bytes) -> None:
        """Publish on `down/cmd` or `down/config`."""
        assert self._connection is not None
        topic = down(self._edge, "cmd" if kind == "cmd" else "config")
        self._connection.send(topic, payload)

    async def _run(self) -> None:
        while True:
            try:
                name = f"acker-{self._edge.edge}"
                async with Connection(self._broker, client_id=name) as connection:
                    self._connection = connection
                    kinds: tuple[Up, ...] = ("data", "status", "live", "cmd-ack")
                    await connection.subscribe(*(up(self._edge, kind) for kind in kinds))
                    self.tell(hello=True)
                    self._ready.set()
                    async for message in connection.messages():
                        self._one(message.topic.split("/")[5], message.payload)
                        message.ack()
            except ConnectionLost:
                await asyncio.sleep(0.1)

    def _one(self, kind: str, payload: bytes) -> None:
        if kind == "status":
            self.statuses.append(Status.decode(payload))
            self.tell()
        elif kind == "live":
            self.live.append(Live.decode(payload))
        elif kind == "cmd-ack":
            self.answers.append(CommandAck.decode(payload))
        elif not self._deaf:
            self.tell(self.receiver.take(payload))
