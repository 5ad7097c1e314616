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
import logging
import socket
import ssl
import threading
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from runtime import platform
from runtime.broker import BrokerAddress, BrokerConfig, Tls
from runtime.errors import LinesideError, Reconfigure, RetryLater
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
# The broker is lost after this many quarters of the keep-alive time without a byte from it.
_SILENT_QUARTERS = 6
_ASK_AFTER_QUARTERS = 2
_REFUSED = 0x80

# Answers to CONNECT (MQTT 3.1.1 section 3.2.2.3, as paho translates them to those of MQTT 5).
_UNSUPPORTED_VERSION = 0x84
_BAD_CLIENT_ID = 0x85
_BAD_LOG_IN = 0x86
_NOT_AUTHORISED = 0x87


class ConnectionLost(RetryLater):
    """The connection ended before the broker answered; open a fresh one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Will:
    """What the broker publishes when this connection ends without a goodbye."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


class Message:
    """One received message; the broker keeps one of QoS 1 until `ack` is called."""

    __slots__ = ("_acked", "_connection", "_mid", "payload", "qos", "retain", "topic")

    def __init__(self, connection: Connection, mid: int, topic: str, raw: paho.MQTTMessage) -> None:
        self.topic = topic
        self.payload = bytes(raw.payload)
        self.qos = raw.qos
        self.retain = raw.retain
        self._mid = mid
        self._connection = connection
        self._acked = False

    def ack(self) -> None:
        """Send the PUBACK; nothing for QoS 0, a second time, or on a connection that is gone."""
        if self.qos and not self._acked:
            self._acked = True
            self._connection._acknowledge(self._mid)


class Connection:
    """One connection to a broker, open inside `async with`.

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
    ) -> None:
        self.address = address
        self.client_id = client_id
        self.lost = asyncio.Event()
        self._will = will
        self._keepalive_s = keepalive_s
        self._max_inbound = max_inbound
        self._clean = clean
        self._connect_s = connect_s
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
        self._silent_quarters = 0
        self._quiet_quarters = 0
        self._asked = False
        self._timer: asyncio.TimerHandle | None = None
        self._errors = _LastError()

    # -- opening and closing ---------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        client = self._client = self._make_client()
        await self._connect(client)
        self._answer = loop.create_future()
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
            raise self._refusal(reason)
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
                # Reading goes on so that a broker busy with us takes our goodbye.
                self._client.disconnect()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_CLOSE_S):
                        await self.lost.wait()
        finally:
            self._drop()

    def _make_client(self) -> paho.Client:
        address = self.address
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id,
            clean_session=self._clean,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = self._connect_s
        client.max_inflight_messages = 0  # the callers' windows bound it; 0: paho does not
        client.enable_logger(self._errors.logger)
        if address.username is not None:
            password = address.password.reveal() if address.password is not None else None
            client.username_pw_set(address.username, password)
        if self._will is not None:
            will = self._will
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        if address.tls is not None:
            try:
                client.tls_set_context(address.tls.context())
            except (OSError, ValueError) as error:
                raise Reconfigure("LS-1114", broker=str(address), reason=_reason(error)) from error
        return client

    async def _connect(self, client: paho.Client) -> None:
        """paho's blocking connect in its own thread; cancelled, that thread closes what it got."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        given_up = threading.Event()

        def settle(error: Exception | None) -> None:
            if given_up.is_set() or done.done():
                client.disconnect()
            elif error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def work() -> None:
            failure: Exception | None = None
            try:
                client.connect(self.address.host, self.address.port, self._keepalive_s)
            except (OSError, ValueError) as error:
                failure = error
            if given_up.is_set():
                client.disconnect()
                return
            try:
                loop.call_soon_threadsafe(settle, failure)
            except RuntimeError:  # the loop was closed without waiting for us
                client.disconnect()

        thread = threading.Thread(target=work, name=f"mqtt-connect-{self.client_id}", daemon=True)
        thread.start()
        try:
            await done
        except asyncio.CancelledError:
            given_up.set()
            raise
        except (OSError, ValueError) as error:
            raise self._unreachable(error) from error
        finally:
            if not given_up.is_set():
                thread.join()

    def _unreachable(self, error: Exception) -> LinesideError:
        broker = str(self.address)
        reason = _reason(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            return Reconfigure("LS-1111", broker=broker, reason=reason)
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            return Reconfigure(_tls_code(error), broker=broker, reason=reason)
        if isinstance(error, UnicodeError):  # a name no resolver takes
            return Reconfigure("LS-1101", broker=broker, reason=reason)
        return RetryLater("LS-1101", broker=broker, reason=reason)

    def _refusal(self, reason: ReasonCode) -> LinesideError:
        broker = str(self.address)
        if reason.value == _BAD_LOG_IN:
            return Reconfigure("LS-1104", broker=broker)
        if reason.value == _NOT_AUTHORISED:
            return Reconfigure("LS-1105", broker=broker, client_id=self.client_id)
        if reason.value == _BAD_CLIENT_ID:
            return Reconfigure("LS-1108", broker=broker, client_id=self.client_id)
        if reason.value == _UNSUPPORTED_VERSION:
            return Reconfigure("LS-1109", broker=broker)
        return RetryLater("LS-1110", broker=broker, reason=str(reason))

    def _attach(self, client: paho.Client) -> None:
        sock = client.socket()
        if sock is None:
            self._lose("closed by the broker")
            return
        self._socket = sock
        self._fd = sock.fileno()
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_want_write
        client.on_socket_unregister_write = self._on_no_write
        loop = asyncio.get_running_loop()
        watcher = self._watcher = platform.socket_watcher(loop)
        watcher.watch_reads(self._fd, self._read)
        if client.want_write():
            watcher.watch_writes(self._fd, self._write)
        loop.call_soon(self._read)  # TLS may have decrypted the answer already
        self._timer = loop.call_later(self._keepalive_s / 4, self._tick)

    def _drop(self) -> None:
        """Close the socket at once, whatever is still to be sent, and fail what waits."""
        self._lose("closed")
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        if (client := self._client) is not None:
            # paho's references to us are a cycle: without it all is freed at once.
            client.on_connect = client.on_message = client.on_publish = None
            client.on_subscribe = client.on_disconnect = client.on_socket_close = None
            client.on_socket_register_write = client.on_socket_unregister_write = None
            self._client = None

    # -- what callers do -------------------------------------------------------------------------

    async def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False
    ) -> None:
        """Return when the broker has it (QoS 0: when the system has); else `ConnectionLost`."""
        await self.send(topic, payload, qos=qos, retain=retain)

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
        for one, reason in zip(filters, await answered, strict=False):
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
        if self._client is not None and not self.lost.is_set():
            self._client.ack(mid, 1)

    # -- the socket ------------------------------------------------------------------------------

    def _read(self) -> None:
        self._silent_quarters = 0
        self._asked = False
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
            self._quiet_quarters = 0
            self._client.loop_write()

    def _pause(self) -> None:
        if not self._paused and self._watcher is not None:
            self._paused = True
            self._watcher.watch_reads(self._fd, None)

    def _resume(self) -> None:
        self._paused = False
        self._silent_quarters = 0
        if self._watcher is not None and not self.lost.is_set():
            self._watcher.watch_reads(self._fd, self._read)
            asyncio.get_running_loop().call_soon(self._read)

    def _tick(self) -> None:
        """A quarter of the keep-alive time is over: ask for a sign of life, or give up.

        paho's own check (`loop_misc`) takes a reader that is slow for a broker that is dead.
        Counting quarters, not reading a clock, lets a program that was suspended read first.
        """
        if self._client is None or self.lost.is_set():
            return
        self._quiet_quarters += 1
        if not self._paused:
            self._silent_quarters += 1
        if self._silent_quarters >= _SILENT_QUARTERS:
            self._lose(f"no answer for {self._keepalive_s * _SILENT_QUARTERS / 4:g} s")
            self._drop()
            return
        silent = self._silent_quarters >= _ASK_AFTER_QUARTERS and not self._asked
        if silent or self._quiet_quarters >= _ASK_AFTER_QUARTERS:
            self._asked = True
            self._client._send_pingreq()
        self._timer = asyncio.get_running_loop().call_later(self._keepalive_s / 4, self._tick)

    def _lose(self, reason: str) -> None:
        """The connection is over: everybody who waits is told, once."""
        if self.lost.is_set():
            return
        error = self._errors.last
        if error is not None and not self._closing:
            reason = _reason(error)
        code = _tls_code(error) if isinstance(error, ssl.SSLError) else ""
        self._failure = ConnectionLost("LS-1103", broker=str(self.address), reason=reason)
        self.lost.set()
        self._arrived.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watcher is not None:
            self._watcher.watch_reads(self._fd, None)
            self._watcher.watch_writes(self._fd, None)
        if self._answer is not None and not self._answer.done():
            if code == "LS-1113":
                refusal: LinesideError = Reconfigure(code, broker=str(self.address), reason=reason)
            else:
                refusal = RetryLater("LS-1101", broker=str(self.address), reason=reason)
            _fail(self._answer, refusal)
        for published in self._publishes.values():
            _fail(published, self._gone())
        for subscribed in self._subscribes.values():
            _fail(subscribed, self._gone())
        self._publishes.clear()
        self._subscribes.clear()

    def _gone(self) -> LinesideError:
        known = self._failure
        params = known.params if known else {"broker": str(self.address), "reason": "not connected"}
        return ConnectionLost("LS-1103", **params)

    # -- paho's callbacks, all in the loop's thread ----------------------------------------------

    def _on_connect(
        self, _client: Any, _data: Any, _flags: Any, reason: ReasonCode, _: Any
    ) -> None:
        self._progress += 1
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(reason)

    def _on_message(self, _client: Any, _data: Any, raw: paho.MQTTMessage) -> None:
        self._progress += 1
        try:
            topic = raw.topic
        except UnicodeDecodeError:
            # Forbidden (MQTT 3.1.1 section 1.5.3), nothing of ours: it must not block the rest.
            self._acknowledge(raw.mid)
            return
        self._inbound.append(Message(self, raw.mid, topic, raw))
        self._arrived.set()
        if len(self._inbound) >= self._max_inbound:
            self._pause()

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: Any, _: Any) -> None:
        self._progress += 1
        future = self._publishes.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(None)

    def _on_subscribe(
        self, _client: Any, _data: Any, mid: int, reasons: list[ReasonCode], _: Any
    ) -> None:
        self._progress += 1
        future = self._subscribes.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(reasons)

    def _on_disconnect(
        self, _client: Any, _data: Any, _flags: Any, reason: ReasonCode, _: Any
    ) -> None:
        self._lose("closed" if self._closing else _closed_words(reason))

    def _on_socket_close(self, _client: Any, _data: Any, _sock: Any) -> None:
        if self._watcher is not None:
            self._watcher.watch_reads(self._fd, None)
            self._watcher.watch_writes(self._fd, None)

    def _on_want_write(self, _client: Any, _data: Any, _sock: Any) -> None:
        if self._watcher is not None:
            self._watcher.watch_writes(self._fd, self._write)

    def _on_no_write(self, _client: Any, _data: Any, _sock: Any) -> None:
        if self._watcher is not None:
            self._watcher.watch_writes(self._fd, None)


class _LastError(logging.Handler):
    """Keeps the last socket error that paho only logs: it says why a connection ended."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last: BaseException | None = None
        self.logger = logging.Logger("mqtt", logging.ERROR)
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and record.args:
            (error, *_) = record.args
            if isinstance(error, BaseException):
                self.last = error


def _fail(future: asyncio.Future[Any], error: LinesideError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # a caller may drop its future: no complaint about that


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, socket.gaierror):
        return "the host name is not known"
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)


def _tls_code(error: ssl.SSLError) -> str:
    """An alert is the broker's word about our certificate; the rest is the channel itself."""
    return "LS-1113" if "ALERT" in (error.reason or "").upper() else "LS-1112"


def _closed_words(reason: ReasonCode) -> str:
    words = str(reason)
    return (
        "closed by the broker" if words in ("Unspecified error", "Normal disconnection") else words
    )
