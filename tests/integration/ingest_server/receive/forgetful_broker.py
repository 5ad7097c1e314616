"""A real broker behind a line that lets it forget a subscription, or refuse topics, at will."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Literal, Self

from runtime.mqtt import BrokerAddress

_PUBLISH, _UNSUBSCRIBE = 0x30, 0xA2
_NUMBER = b"\xff\xf0"
"""A packet identifier that the client will not come to."""


class ForgetfulBroker:
    """Passes MQTT 3.1.1 on, packet by packet.

    `forget` makes the broker drop a subscription of every client that is connected, without a word
    to the client. `denies`: what begins so is not published; `silently` the client is told that it
    was (MQTT 3.1.1 section 3.3.5 allows both), otherwise its connection is ended.
    """

    def __init__(
        self,
        upstream: BrokerAddress,
        *,
        denies: str = "",
        how: Literal["silently", "ends"] = "ends",
    ) -> None:
        self.accepted = 0
        self.denied = 0
        self._upstream = upstream
        self._denies = denies.encode()
        self._how = how
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def address(self) -> BrokerAddress:
        """Where clients connect to."""
        return BrokerAddress(host="127.0.0.1", port=self._server.sockets[0].getsockname()[1])

    def forget(self, topic_filter: str) -> None:
        """The broker no longer delivers what matches this filter on the connections there are."""
        name = topic_filter.encode()
        body = _NUMBER + len(name).to_bytes(2, "big") + name
        assert len(body) < 128
        for upstream in self._open:
            upstream.write(bytes([_UNSUBSCRIBE, len(body)]) + body)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        answers, upstream = await asyncio.open_connection(self._upstream.host, self._upstream.port)
        self._open.add(upstream)
        back = asyncio.create_task(_copy(answers, writer))
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._pass(await _packet(reader), upstream, writer):
                    pass
        finally:
            self._open.discard(upstream)
            self._tasks.discard(task)
            back.cancel()
            for each in (upstream, writer):
                each.transport.abort()

    async def _pass(
        self,
        packet: tuple[bytes, bytes],
        upstream: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
    ) -> bool:
        head, body = packet
        if self._denies and head[0] & 0xF0 == _PUBLISH:
            size = int.from_bytes(body[:2], "big")
            if body[2 : 2 + size].startswith(self._denies):
                self.denied += 1
                if self._how == "silently":
                    writer.write(b"\x40\x02" + body[2 + size : 4 + size])
                return self._how == "silently"
        upstream.write(head + body)
        await upstream.drain()
        return True


async def _packet(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(1)
    size = shift = 0
    while True:
        byte = await reader.readexactly(1)
        head += byte
        size |= (byte[0] & 0x7F) << shift
        shift += 7
        if not byte[0] & 0x80:
            return head, await reader.readexactly(size)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
