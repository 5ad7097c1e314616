"""Opens the socket of an MQTT connection without blocking the loop, and says why it could not."""

from __future__ import annotations

import asyncio
import errno
import logging
import random
import socket
import ssl
import threading
from dataclasses import dataclass

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from runtime.broker import BrokerAddress
from runtime.errors import LinesideError, Reconfigure, RetryLater
from runtime.messages import Phrase

# Answers to CONNECT (MQTT 3.1.1 section 3.2.2.3), as paho gives them: by those of MQTT 5.
_UNSUPPORTED_VERSION = 0x84
_BAD_CLIENT_ID = 0x85
_BAD_LOG_IN = 0x86
_NOT_AUTHORISED = 0x87


_REASONS: tuple[tuple[type[OSError] | tuple[type[OSError], ...], str], ...] = (
    (ssl.SSLEOFError, "LS-1156"),
    (socket.gaierror, "LS-1155"),
    (ConnectionRefusedError, "LS-1150"),
    ((ConnectionResetError, BrokenPipeError, ConnectionAbortedError), "LS-1154"),
    (TimeoutError, "LS-1151"),
)
_NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)


@dataclass(frozen=True, kw_only=True, slots=True)
class Will:
    """What the broker publishes when this connection ends without a goodbye."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


class LastError(logging.Handler):
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


async def open_client(
    address: BrokerAddress,
    *,
    client_id: str,
    will: Will | None,
    keepalive_s: int,
    clean: bool,
    connect_s: float,
    errors: LastError,
) -> tuple[paho.Client, BrokerAddress]:
    """A paho client whose socket is open and whose CONNECT is sent, and the node it has.

    The nodes of a clustered broker are tried in an order drawn by lot: clients are spread over
    them, and a node that takes connections but serves none is not everybody's first for ever.
    Raises as `Connection` does: what another attempt may mend, if any node failed so.
    """
    nodes = address.nodes()
    failures: list[LinesideError] = []
    for node in random.sample(nodes, len(nodes)):
        try:
            client = await _open_node(
                node,
                client_id=client_id,
                will=will,
                keepalive_s=keepalive_s,
                clean=clean,
                connect_s=connect_s,
                errors=errors,
            )
        except (RetryLater, Reconfigure) as error:
            failures.append(error)
        else:
            return client, node
    failure = next((error for error in failures if isinstance(error, RetryLater)), failures[0])
    if len({error.code for error in failures}) > 1:
        raise failure
    raise type(failure)(failure.code, **{**failure.params, "broker": str(address)}) from failure


async def _open_node(
    address: BrokerAddress,
    *,
    client_id: str,
    will: Will | None,
    keepalive_s: int,
    clean: bool,
    connect_s: float,
    errors: LastError,
) -> paho.Client:
    """The same at one node.

    paho connects blocking (name, TCP, TLS), so it does in a thread that ends with it. Cancelled,
    the thread closes what it still gets.
    """
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=clean,
        protocol=MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = connect_s
    client.max_inflight_messages = 0  # the callers' windows bound it; 0: paho does not
    client.enable_logger(errors.logger)
    if address.username is not None:
        password = address.password.reveal() if address.password is not None else None
        client.username_pw_set(address.username, password)
    if will is not None:
        client.will_set(will.topic, will.payload, will.qos, will.retain)
    if address.tls is not None:
        try:
            client.tls_set_context(address.tls.context())
        except (OSError, ValueError) as error:
            raise Reconfigure("LS-1114", broker=str(address), reason=reason_of(error)) from error
    try:
        await _connect(client, address, keepalive_s)
    except (OSError, ValueError) as error:
        raise _unreachable(error, address) from error
    return client


def _send_at_once(client: paho.Client) -> None:
    """Have small packets leave at once.

    An acknowledgement would otherwise wait for TCP's own, which the other side delays by 40 ms,
    and hold back what stands behind it: a window of records would take that long.
    """
    opened = client.socket()
    if isinstance(opened, socket.socket):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def _connect(client: paho.Client, address: BrokerAddress, keepalive_s: int) -> None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(failure: Exception | None) -> None:
        if done.done():  # cancelled: nobody wants the socket any more
            client.disconnect()
        elif failure is None:
            done.set_result(None)
        else:
            done.set_exception(failure)

    def work() -> None:
        failure: Exception | None = None
        try:
            client.connect(address.host, address.port, keepalive_s)
            _send_at_once(client)
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the waiting task
            failure = error
        try:
            loop.call_soon_threadsafe(settle, failure)
        except RuntimeError:  # the loop was closed without waiting for us
            client.disconnect()

    thread = threading.Thread(target=work, name=f"mqtt-connect {address}", daemon=True)
    thread.start()
    try:
        await done
    finally:
        if not done.cancelled():
            thread.join()  # it has said its last word


def _unreachable(error: Exception, address: BrokerAddress) -> LinesideError:
    broker = str(address)
    reason = reason_of(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Reconfigure("LS-1111", broker=broker, reason=reason)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return Reconfigure(tls_code(error), broker=broker, reason=reason)
    if isinstance(error, ValueError):  # a name that no resolver takes
        return Reconfigure("LS-1101", broker=broker, reason=reason)
    return RetryLater("LS-1101", broker=broker, reason=reason)


def refusal(answer: int, words: str, address: BrokerAddress, client_id: str) -> LinesideError:
    """What a broker's no to CONNECT means for the caller; `answer` is paho's reason code."""
    broker = str(address)
    if answer == _BAD_LOG_IN:
        return Reconfigure("LS-1104", broker=broker)
    if answer == _NOT_AUTHORISED:
        return Reconfigure("LS-1105", broker=broker, client_id=client_id)
    if answer == _BAD_CLIENT_ID:
        return Reconfigure("LS-1108", broker=broker, client_id=client_id)
    if answer == _UNSUPPORTED_VERSION:
        return Reconfigure("LS-1109", broker=broker)
    return RetryLater("LS-1110", broker=broker, reason=words)


def ending(reason: ReasonCode) -> Phrase | str:
    """Why paho says a connection ended, when no socket error tells more."""
    words = str(reason)
    if words == "Protocol error":
        return Phrase("LS-1159")
    ordinary = ("Unspecified error", "Normal disconnection")
    return Phrase("LS-1156") if words in ordinary else words


def tls_code(error: ssl.SSLError) -> str:
    """An alert is the broker's word about our certificate; the rest is the channel itself."""
    return "LS-1113" if "ALERT" in (error.reason or "").upper() else "LS-1112"


def reason_of(error: BaseException) -> Phrase | str:
    """The cause in a few words, for the texts of the catalogue."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    for kind, code in _REASONS:
        if isinstance(error, kind):
            return Phrase(code)
    if isinstance(error, FileNotFoundError):
        return Phrase("LS-1160", {"path": str(error.filename)})
    if isinstance(error, OSError):
        if error.errno in _NO_WAY:
            return Phrase("LS-1153")
        named = f"{error.filename}: " if error.filename else ""
        return named + (error.strerror or str(error))
    return str(error)
