"""MQTT 3.1.1 for asyncio over paho-mqtt: one object, one connection; nothing reconnects by itself.

Invariants:
- paho is called from the loop's thread only, but for the blocking connect, which has a short-lived
  thread; the loop (or, where it cannot, a watcher thread) tells when the socket is ready.
- Publishes reach the socket in the order of the calls, acknowledgements too. Every future is done
  at its PUBACK or fails with `ConnectionLost`; none stays open.
- A received message is acknowledged when its reader says so (`ack`), never before.
- At most `max_inbound` messages (plus one per open publish) wait for their reader: then the socket
  is not read, so the broker stops sending. No PUBACK is seen either while that lasts: a reader must
  not wait for a publish of its own before it takes the next message. Pings are still sent.
- After `async with` no task, thread or descriptor is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator
from functools import partial
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from runtime import platform
from runtime.broker import BrokerAddress, BrokerConfig, Tls
from runtime.errors import LinesideError, Reconfigure, RetryLater
from runtime.messages import Phrase
from runtime.mqtt_alive import SignsOfLife
from runtime.mqtt_answer import in_time
from runtime.mqtt_message import InHand, Message
from runtime.mqtt_open import LastError, Will, ending, open_client, reason_of, refusal, tls_code
from runtime.readiness import SocketWatcher

__all__ = [
    "BrokerAddress",
    "BrokerConfig",
    "Connection",
    "ConnectionLost",
    "Message",
    "Tls",
    "Will",
]

MOST_OUTBOUND = 16_384
_CONNECT_S = 10.0
_CLOSE_S = 2.0
_READS_AT_ONCE = 64
_REFUSED = 0x80


class ConnectionLost(RetryLater):
    """The connection ended before the broker answered; open a fresh one."""


class Connection:
    """One connection to a broker, open inside `async with`; then `address` is the node's alone.

    Entering raises `RetryLater` (not reachable) or `Reconfigure` (log-in, certificate, client id).
    """

    def __init__(
        self,
        address: BrokerAddress,
        *,
        client_id: str,
        will: Will | None = None,
        keepalive_s: int = 15,
        max_inbound: int = 256,
        clean: bool = True,
        connect_s: float = _CONNECT_S,
        answer_s: float = 20.0,
    ) -> None:
        self.address = address
        self.client_id = client_id
        self.lost = asyncio.Event()
        self.in_hand = InHand()
        self._will = will
        self._keepalive_s = keepalive_s
        self._max_inbound = max_inbound
        self._clean = clean
        self._connect_s = connect_s
        self._in_time = partial(in_time, limit_s=answer_s, broker=str(address))
        self._client: paho.Client | None = None
        self._watcher: SocketWatcher | None = None
        self._fd = -1
        self._socket: paho.SocketLike | None = None
        self._failure: LinesideError | None = None
        self._answer: asyncio.Future[ReasonCode] | None = None
        self._publishes: dict[int, asyncio.Future[None]] = {}
        self._subscribes: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._inbound: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._paused = False
        self._closing = False
        self._progress = 0
        self._life = SignsOfLife(keepalive_s)
        self._timer: asyncio.TimerHandle | None = None
        self._errors = LastError()

    # -- opening and closing ---------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        client, self.address = await open_client(
            self.address,
            client_id=self.client_id,
            will=self._will,
            keepalive_s=self._keepalive_s,
            clean=self._clean,
            connect_s=self._connect_s,
            errors=self._errors,
        )
        self._client, self._answer = client, loop.create_future()
        self._attach(client)
        try:
            async with asyncio.timeout(self._connect_s):
                reason = await self._answer
        except TimeoutError as error:
            self._drop()
            raise RetryLater(
                "LS-1102", broker=str(self.address), limit_s=self._connect_s
            ) from error
        except BaseException:
            self._drop()
            raise
        if reason.is_failure:
            self._drop()
            raise refusal(reason.value, str(reason), self.address, self.client_id)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing = True
        try:
            if not self.lost.is_set() and self._client is not None:
                # A broker that is busy sending to us takes our goodbye only while we read.
                self._resume()
                self._client.disconnect()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_CLOSE_S):
                        await self.lost.wait()
        finally:
            self._drop()

    def _attach(self, client: paho.Client) -> None:
        if (sock := client.socket()) is None:
            self._lose(Phrase("LS-1156"))
            return
        self._socket, self._fd = sock, sock.fileno()
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_socket_close = self._unwatch
        client.on_socket_register_write = self._on_want_write
        client.on_socket_unregister_write = self._on_no_write
        loop = asyncio.get_running_loop()
        watcher = self._watcher = platform.socket_watcher(loop)
        watcher.watch_reads(self._fd, self._read)
        if client.want_write():
            watcher.watch_writes(self._fd, self._write)
        loop.call_soon(self._read)  # TLS may have decrypted the answer already
        self._timer = loop.call_later(self._life.quarter_s, self._tick)

    def _drop(self) -> None:
        """Close the socket at once, whatever is still to be sent, and fail what waits."""
        self._lose(Phrase("LS-1157"))
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        if (client := self._client) is not None:
            # paho's references to us are a cycle: without it all is freed at once.
            client.on_connect = client.on_message = client.on_publish = client.on_subscribe = None
            client.on_disconnect = client.on_socket_close = None
            client.on_socket_register_write = client.on_socket_unregister_write = None
            self._client = None

    def _unwatch(self, *_: object) -> None:
        if self._watcher is not None:
            self._watcher.watch_reads(self._fd, None)
            self._watcher.watch_writes(self._fd, None)

    # -- what callers do -------------------------------------------------------------------------

    async def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Return when the broker has it (QoS 0: when the system has); else `RetryLater`."""
        await self._in_time(self.send(topic, payload, qos=qos, retain=retain))

    def send(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False
    ) -> asyncio.Future[None]:
        """Put it in the socket's queue now, in call order; the future is done at its PUBACK.

        The future fails with `ConnectionLost`; it may be ignored. QoS 0 is done when handed to the
        system. Raises `RetryLater` at 16,384 unanswered ones.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        client = self._client
        if client is None or self.lost.is_set() or self._closing:
            _fail(future, self._gone())
            return future
        if len(self._publishes) >= MOST_OUTBOUND:
            raise RetryLater("LS-1107", broker=str(self.address), count=len(self._publishes))
        info = client.publish(topic, payload, qos, retain)
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:  # its number is still in use
            raise RetryLater("LS-1107", broker=str(self.address), count=len(self._publishes))
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            _fail(future, self._gone())
        elif qos == 0 and info.mid in self._publishes:
            future.set_result(None)  # its number waits for an older PUBACK
        else:
            self._publishes[info.mid] = future
        return future

    @property
    def waiting(self) -> int:
        """Messages that have arrived and wait for their reader."""
        return len(self._inbound)

    async def subscribe(self, *filters: str, qos: int = 1) -> None:
        """Return when the broker has taken all filters; `Reconfigure` when it refuses one."""
        client = self._client
        if client is None or self.lost.is_set():
            raise self._gone()
        _, mid = client.subscribe([(one, qos) for one in filters])
        if mid is None:
            raise self._gone()
        answered: asyncio.Future[list[ReasonCode]] = asyncio.get_running_loop().create_future()
        self._subscribes[mid] = answered
        for one, reason in zip(filters, await self._in_time(answered), strict=False):
            if reason.value >= _REFUSED:
                raise Reconfigure("LS-1106", broker=str(self.address), filter=one)

    async def messages(self) -> AsyncIterator[Message]:
        """Received messages in order; raises `ConnectionLost` after the last one."""
        while True:
            while self._inbound:
                message = self._inbound.popleft()
                if self._paused and len(self._inbound) <= self._max_inbound // 2:
                    self._resume()
                yield message
            if self.lost.is_set():
                raise self._gone()
            self._arrived.clear()
            await self._arrived.wait()

    def _acknowledge(self, mid: int) -> None:
        self.in_hand.gave(mid)
        if self._client is not None and not self.lost.is_set() and not self._closing:
            self._client.ack(mid, 1)

    # -- the socket ------------------------------------------------------------------------------

    def _read(self) -> None:
        self._life.heard()
        for _ in range(_READS_AT_ONCE):
            if self._client is None or self.lost.is_set() or self._paused:
                return
            before = self._progress
            self._client.loop_read()
            if before == self._progress and not self._pending():
                return
        # More may be there: let the others of this loop have their turn first. What TLS has
        # decrypted already would never make the socket readable again.
        asyncio.get_running_loop().call_soon(self._read)

    def _pending(self) -> bool:
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _write(self) -> None:
        if self._client is not None and not self.lost.is_set():
            self._life.said()
            self._client.loop_write()

    def _pause(self) -> None:
        if not self._paused and self._watcher is not None:
            self._paused = True
            self._watcher.watch_reads(self._fd, None)

    def _resume(self) -> None:
        if self._paused and self._watcher is not None and not self.lost.is_set():
            self._paused = False
            self._life.heard()
            self._watcher.watch_reads(self._fd, self._read)
            asyncio.get_running_loop().call_soon(self._read)

    def _tick(self) -> None:
        if self._client is None or self.lost.is_set():
            return
        verdict = self._life.quarter_passed(listening=not self._paused)
        if verdict == "lost":
            self._lose(Phrase("LS-1152", {"silent_s": self._life.lost_after_s}))
            self._drop()
            return
        if verdict == "ask":
            self._client._send_pingreq()  # paho has no public way
        self._timer = asyncio.get_running_loop().call_later(self._life.quarter_s, self._tick)

    def _lose(self, reason: Phrase | str) -> None:
        """The connection is over: everybody who waits is told, once."""
        if self.lost.is_set():
            return
        error = self._errors.last
        if error is not None and not self._closing:
            reason = reason_of(error)
        code = tls_code(error) if isinstance(error, ssl.SSLError) else ""
        self._failure = ConnectionLost("LS-1103", broker=str(self.address), reason=reason)
        self.lost.set()
        self._arrived.set()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._unwatch()
        if self._answer is not None and not self._answer.done():
            if code == "LS-1113":
                why: LinesideError = Reconfigure(code, broker=str(self.address), reason=reason)
            else:
                why = RetryLater("LS-1101", broker=str(self.address), reason=reason)
            _fail(self._answer, why)
        for published in self._publishes.values():
            _fail(published, self._gone())
        for subscribed in self._subscribes.values():
            _fail(subscribed, self._gone())
        self._publishes.clear()
        self._subscribes.clear()

    def _gone(self) -> LinesideError:
        known = self._failure
        if known is not None:
            return ConnectionLost("LS-1103", **known.params)
        return ConnectionLost("LS-1103", broker=str(self.address), reason=Phrase("LS-1158"))

    # -- paho's callbacks, all in the loop's thread ----------------------------------------------

    def _on_connect(self, _c: Any, _data: Any, _flags: Any, reason: ReasonCode, _: Any) -> None:
        self._progress += 1
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(reason)

    def _on_message(self, _c: Any, _data: Any, raw: paho.MQTTMessage) -> None:
        self._progress += 1
        if self._closing:
            return  # its broker keeps it: nobody will acknowledge it here
        try:
            topic = raw.topic
        except UnicodeDecodeError:
            # Forbidden (MQTT 3.1.1 section 1.5.3), nothing of ours: it must not block the rest.
            self._acknowledge(raw.mid)
            return
        if raw.qos:
            self.in_hand.took(raw.mid)
        self._inbound.append(Message(raw, topic, self._acknowledge))
        self._arrived.set()
        if len(self._inbound) >= self._max_inbound:
            self._pause()

    def _on_publish(self, _c: Any, _data: Any, mid: int, _reason: Any, _: Any) -> None:
        self._progress += 1
        future = self._publishes.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(None)

    def _on_subscribe(self, _c: Any, _data: Any, mid: int, taken: list[ReasonCode], _: Any) -> None:
        self._progress += 1
        future = self._subscribes.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(taken)

    def _on_disconnect(self, _c: Any, _data: Any, _flags: Any, reason: ReasonCode, _: Any) -> None:
        self._lose(Phrase("LS-1157") if self._closing else ending(reason))

    def _on_want_write(self, *_: object) -> None:
        if self._watcher is not None:
            self._watcher.watch_writes(self._fd, self._write)

    def _on_no_write(self, *_: object) -> None:
        if self._watcher is not None:
            self._watcher.watch_writes(self._fd, None)


def _fail(future: asyncio.Future[Any], error: LinesideError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # a caller may drop its future: no complaint about that
