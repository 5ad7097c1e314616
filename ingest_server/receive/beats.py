"""What a connection of the server says to itself, so that it notices when it hears nothing.

Invariants:
- beats come with none other than the subscriptions that bring the edges' messages; they are
  acknowledged at once and reach no database;
- one beat is under way at a time: none is sent before the broker has taken the one before it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingest_server.receive.hearing import Way
from runtime.errors import RetryLater
from wire.topics import BEATS, beat, plain_beat, plain_filter, up_filter

if TYPE_CHECKING:
    from collections.abc import Collection

    from ingest_server.receive.state import State
    from runtime.clock import Clock
    from runtime.logs import Logger
    from runtime.metrics import Metrics
    from runtime.mqtt import Connection, Message

_FILTERS: Final = {Way.EDGES: up_filter(None), Way.PLAIN: plain_filter()}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sent:
    """A beat through every filter, and the broker's answers."""

    answers: tuple[asyncio.Future[None], ...]

    def is_taken(self) -> bool:
        return all(
            one.done() and not one.cancelled() and one.exception() is None for one in self.answers
        )


class Beats:
    """`heard` for every message of a connection, `run` once beside it.

    `server`: the connection's own name.
    """

    def __init__(
        self,
        state: State,
        server: str,
        *,
        shards: Collection[int],
        clock: Clock,
        log: Logger,
        metrics: Metrics,
        every_s: float = 10.0,
    ) -> None:
        self._state = state
        self._hearing = state.hearing
        self._topics = {Way.PLAIN: plain_beat(server), Way.EDGES: beat(server)}
        self._shards = frozenset(shards)
        self._clock = clock
        self._log = log
        self._every_s = every_s
        self._given_up = metrics.counter(
            "server_deaf_connections_total",
            "Connections to the broker given up because a subscription brought nothing.",
            ["subscription"],
        )
        for way in Way:
            self._given_up.labels(way)

    def heard(self, message: Message) -> bool:
        """A message has come; True: it was a beat, and is dealt with."""
        topic = message.topic
        way = Way.PLAIN if topic.endswith("/up/plain") else Way.EDGES
        if topic.startswith(BEATS):
            mine = topic == self._topics[way]
            self._hearing.heard(way, beat=_number(message.payload) if mine else None)
            self._state.heard_us = self._clock()
            message.ack()
            return True
        # QoS 0 may go another way through the broker, as live values do: that proves nothing.
        if not message.retain and (message.qos or (way is Way.EDGES and "/up/live/" not in topic)):
            self._hearing.heard(way)
            self._state.heard_us = self._clock()
        return False

    async def run(self, mqtt: Connection, subscribed: asyncio.Event) -> None:
        """Say and listen until cancelled. Raises RetryLater where a filter brings nothing."""
        self._hearing.connected()
        await subscribed.wait()
        sent = self._say(mqtt)
        try:
            while True:
                await asyncio.sleep(self._every_s)
                taken = sent.is_taken()
                deaf = self._hearing.judge(
                    taken=taken,
                    held=mqtt.in_hand.oldest_s() > self._every_s,
                    awaited=any(edge.shard in self._shards for edge in self._state.there),
                )
                if deaf is not None:
                    self._given_up.labels(deaf).inc()
                    raise RetryLater("LS-5427", broker=str(mqtt.address), filter=_FILTERS[deaf])
                unproved = self._hearing.unproved()
                if unproved is not None and not self._hearing.told:
                    self._hearing.told = True
                    self._log.warning(
                        "LS-5428", broker=str(mqtt.address), topic=self._topics[unproved]
                    )
                if taken:
                    sent = self._say(mqtt)
        finally:
            self._hearing.ended(lost=mqtt.lost.is_set(), taken=sent.is_taken())

    def _say(self, mqtt: Connection) -> _Sent:
        """First through the filter for plain publishers: the other one proves that it is late."""
        if not self._hearing.speaks:
            return _Sent(answers=())
        number = b"%d" % self._hearing.next_beat()
        return _Sent(
            answers=tuple(mqtt.send(topic, number, qos=1) for topic in self._topics.values())
        )


def _number(payload: bytes) -> int:
    return int(payload) if payload.isdigit() and len(payload) < 20 else 0
