"""A received MQTT message and its acknowledgement."""

from __future__ import annotations

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
