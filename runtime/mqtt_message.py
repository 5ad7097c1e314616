"""A received MQTT message, its acknowledgement, and how long messages have waited for theirs."""

from __future__ import annotations

import time
from collections.abc import Callable

import paho.mqtt.client as paho


class Message:
    """One received message; the broker keeps one of QoS 1 until `ack` is called."""

    __slots__ = ("_acknowledge", "_mid", "payload", "qos", "retain", "topic")

    def __init__(
        self, raw: paho.MQTTMessage, topic: str, acknowledge: Callable[[int], None]
    ) -> None:
        self.topic = topic
        self.payload = bytes(raw.payload)
        self.qos = raw.qos
        self.retain = raw.retain
        self._mid = raw.mid
        self._acknowledge: Callable[[int], None] | None = acknowledge if raw.qos else None

    def ack(self) -> None:
        """Send the PUBACK; nothing for QoS 0, a second time, or on a connection that is gone."""
        if self._acknowledge is not None:
            self._acknowledge(self._mid)
            self._acknowledge = None


class InHand:
    """The messages of one connection that are not acknowledged yet, by their number there."""

    def __init__(self, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._since_s: dict[int, float] = {}
        self._clock_s = clock_s

    def took(self, mid: int) -> None:
        """One of QoS 1 has arrived; one that is delivered again waits since its first arrival."""
        self._since_s.setdefault(mid, self._clock_s())

    def gave(self, mid: int) -> None:
        """It is acknowledged."""
        self._since_s.pop(mid, None)

    def oldest_s(self) -> float:
        """How long the one that has waited longest has waited, seconds; 0 where none waits."""
        first_s = next(iter(self._since_s.values()), None)
        return 0.0 if first_s is None else self._clock_s() - first_s
