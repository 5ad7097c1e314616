"""An edge on a real broker: go-back-N with a window, resends on hello and on time-out."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from uuid import UUID

from runtime.errors import Reconfigure, RetryLater
from runtime.mqtt import BrokerAddress, Connection
from tests.integration.ingest_server.receive.model_edge import START_US, Epoch
from wire.control import Ack, Status, StreamStatus
from wire.topics import down, up

WINDOW = 16
DEAF_AFTER = 6
"""After so many time-outs in a row without a word it connects anew, as agents do."""
LOOK_S = 0.1
"""How often it looks whether there is more to send."""


@dataclass
class MqttEdge:
    """Sends one stream until all of it is acknowledged; reconnects for ever."""

    epoch: Epoch
    address: BrokerAddress
    timeout_s: float = 1.0
    acked: int = 0
    sent: int = 0
    session: int = 0
    hellos: list[UUID] = field(default_factory=list)
    acks: list[Ack] = field(default_factory=list)
    window: int = WINDOW
    stays: bool = False
    """There may be more to send."""

    async def run(self) -> None:
        """Return when everything is acknowledged."""
        while self.stays or self.acked < self.epoch.seq:
            # A broker in trouble also refuses what it takes a moment later: a name it still knows.
            with contextlib.suppress(RetryLater, Reconfigure, TimeoutError):
                await self._connected()
            await asyncio.sleep(0.05)

    async def _connected(self) -> None:
        edge = self.epoch.edge
        async with Connection(
            self.address, client_id=f"edge-{edge.edge}-{self.epoch.cls}"
        ) as connection:
            self.session += 1
            self.sent = self.acked
            await connection.subscribe(down(edge, "ack"))
            await connection.publish(up(edge, "status"), self._status(), retain=True)
            answers = connection.messages()
            waiting = asyncio.ensure_future(anext(answers))
            loop = asyncio.get_running_loop()
            heard_s = loop.time()
            unheard = 0
            look_s = min(self.timeout_s, LOOK_S)
            try:
                while self.stays or self.acked < self.epoch.seq:
                    while self.sent < min(self.epoch.seq, self.acked + self.window):
                        connection.send(up(edge, "data"), self.epoch.records[self.sent])
                        self.sent += 1
                    done, _ = await asyncio.wait([waiting], timeout=look_s)
                    if not done and loop.time() - heard_s < self.timeout_s:
                        continue
                    heard_s = loop.time()
                    if not done:
                        unheard += self.sent > self.acked
                        if unheard == DEAF_AFTER:
                            return
                        self.sent = self.acked
                        continue
                    unheard = 0
                    message = waiting.result()
                    message.ack()
                    self._take(Ack.decode(message.payload))
                    waiting = asyncio.ensure_future(anext(answers))
            finally:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)

    def _take(self, ack: Ack) -> None:
        self.acks.append(ack)
        for cursor in ack.streams:
            if (cursor.epoch, cursor.cls) == (self.epoch.epoch, self.epoch.cls):
                self.acked = max(self.acked, min(cursor.cursor, self.epoch.seq))
        for rewind in ack.rewind:
            if rewind.epoch == self.epoch.epoch and rewind.acked == self.acked:
                self.acked = rewind.cursor
                self.sent = self.acked
        if ack.kind == "hello" and ack.worker not in self.hellos:
            self.hellos.append(ack.worker)
            self.sent = self.acked

    def _status(self) -> bytes:
        stream = StreamStatus(
            epoch=self.epoch.epoch,
            cls=self.epoch.cls,
            last_seq=self.epoch.seq,
            acked=self.acked,
            held_from=1,
        )
        return Status(
            state="online",
            epoch=self.epoch.epoch,
            session=self.session,
            at_us=START_US,
            streams=[stream],
        ).encode()
