"""What goes out over a connection, counted and within the caps of the time of day.

Records wait for their turn (`pause_s`); what keeps the conversation alive does not.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

from edge_agent.publish.live import LiveSource, messages
from edge_agent.publish.rates import Budget, packet_bytes
from runtime.clock import Clock
from runtime.metrics import Metrics
from runtime.mqtt import Connection
from wire.frame import StreamClass
from wire.ids import EdgeId
from wire.topics import Up, up

_LIVE_EVERY_S = 1.0


class Outlet:
    """The way out of one edge; outlives its connections."""

    def __init__(
        self,
        edge: EdgeId,
        *,
        live: Sequence[LiveSource],
        budget: Budget,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self.live = live
        """Whose latest values are shown."""
        self._edge = edge
        self._budget = budget
        self._clock = clock
        self._bytes = metrics.counter("edge_bytes_sent_total", "Bytes published, repeats included.")

    @property
    def rate(self) -> float | None:
        """Bytes a second that may go just now; None: no cap."""
        return self._budget.rate(self._clock())

    def pause_s(self, cls: StreamClass) -> float:
        """How long a record of the class has to wait; 0: it may go."""
        return self._budget.pause_s(cls, now_us=self._clock(), now_s=time.monotonic())

    def record(self, connection: Connection, body: bytes) -> None:
        """Send a record; that it arrived the server says."""
        connection.send(self._spend("data", body), body)

    async def status(self, connection: Connection, payload: bytes) -> None:
        """Publish a status, retained."""
        await connection.publish(self._spend("status", payload), payload, retain=True)

    def answer(self, connection: Connection, payload: bytes) -> None:
        """Send the answer to a command; not awaited: no PUBACK is seen while messages wait."""
        connection.send(self._spend("cmd-ack", payload), payload)

    async def show(self, connection: Connection, epoch: UUID) -> None:
        """Show the latest values, all at first and then what changed, until cancelled."""
        self.show_all(self.live)
        while True:
            if self._budget.may_show(now_us=self._clock(), now_s=time.monotonic()):
                for message in messages(self.live, epoch, self._clock()):
                    payload = message.encode()
                    await connection.publish(self._spend("live", payload), payload, qos=0)
            await asyncio.sleep(_LIVE_EVERY_S)

    def show_all(self, live: Sequence[LiveSource]) -> None:
        """Show these devices' values from now on, each that was read at least once."""
        self.live = live
        for source in live:
            source.columns.fresh[:] = source.columns.ts != 0  # what was never read shows nothing

    def _spend(self, kind: Up, payload: bytes) -> str:
        topic = up(self._edge, kind)
        self._bytes.inc(packet_bytes(topic, payload))
        self._budget.spent(
            topic, payload, now_us=self._clock(), now_s=time.monotonic(), live=kind == "live"
        )
        return topic
