"""The connections of readers: one we make, several that call us, a serial port, or none (typed).

Invariants: each connection has its own splitter, so that a line never has two senders; `lost` is
set once, and never taken back; after `close` no socket, port or thread is left.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from drivers.byte_line import ByteLine, Ended, Received, TcpLine
from drivers.scanner.config import Listen, ScannerDevice
from drivers.scanner.decode import Splitter

MOST_READERS: Final = 32
"""Connections at a time; more are closed at once."""


@dataclass(slots=True, eq=False)
class Reader:
    """One connection."""

    splitter: Splitter
    heard_s: float = 0.0


class Readers:
    """All connections of a device; `changed` is called where the end of one may matter."""

    def __init__(
        self,
        config: ScannerDevice,
        *,
        dropped: Counter[str],
        received: Callable[[Reader, bytes], None],
        changed: Callable[[], None],
    ) -> None:
        self._config = config
        self._dropped = dropped
        self._received = received
        self._changed = changed
        self._server: asyncio.Server | None = None
        self._lines: list[_Line] = []
        self._first = asyncio.Event()
        self._held = False
        self.lost = ""
        """Why nothing more can come; empty while it can."""

    async def open(self) -> None:
        """Connect, listen or open the port; raises OSError."""
        config = self._config
        if config.keyboard:
            return
        if config.listen is not None:
            await self._listen(config.listen)
            return
        reader = self._reader()
        received, ended = partial(self._received, reader), partial(self._ended, reader)
        line: ByteLine
        if config.connect is not None:
            line = TcpLine(
                config.connect.host,
                config.connect.port,
                timeout_s=config.connect.timeout_ms / 1000,
                received=received,
                ended=ended,
            )
        elif config.serial is not None:
            # Its library is needed by those who have a serial port.
            from drivers.serial_line import SerialLine

            line = SerialLine(config.serial, received=received, ended=ended)
        else:
            raise ValueError("neither connect, listen nor serial")
        self._lines.append(_Line(reader=reader, line=line))
        await line.open()

    async def close(self) -> None:
        """Close everything, and wait until it is closed."""
        if self._server is not None:
            self._server.close()
        lines, self._lines = self._lines, []
        for one in lines:
            one.line.close()
        for one in lines:
            await one.line.closed()
        if self._server is not None:
            await self._server.wait_closed()

    def hold(self) -> None:
        """Take nothing more for now; what cannot be held up goes on."""
        self._held = True
        for one in self._lines:
            if isinstance(one.line, TcpLine):
                one.line.hold()

    def go_on(self) -> None:
        """Take again."""
        if self._held:
            self._held = False
            for one in self._lines:
                if isinstance(one.line, TcpLine):
                    one.line.go_on()

    async def _listen(self, listen: Listen) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accepted, listen.host, listen.port)
        if listen.readers == "stay":
            try:
                async with asyncio.timeout(listen.wait_s):
                    await self._first.wait()
            except TimeoutError:
                raise OSError(f"no reader connected within {listen.wait_s:g} s") from None

    @property
    def port(self) -> int:
        """The TCP port that is listened on; 0 if none is."""
        return 0 if self._server is None else int(self._server.sockets[0].getsockname()[1])

    def _accepted(self) -> TcpLine:
        reader = self._reader()
        return _Caller(
            allowed=self._may_come,
            came=partial(self._came, reader),
            received=partial(self._received, reader),
            ended=partial(self._ended, reader),
        )

    def _may_come(self, host: str) -> bool:
        listen = self._config.listen
        known = listen is not None and (not listen.allowed or host in listen.allowed)
        if not known or len(self._lines) >= MOST_READERS:
            self._dropped["turned_away"] += 1
            return False
        return True

    def _came(self, reader: Reader, line: TcpLine) -> None:
        self._lines.append(_Line(reader=reader, line=line))
        self._first.set()
        if self._held:
            line.hold()

    def _ended(self, reader: Reader, reason: str) -> None:
        reader.splitter.forget()
        self._lines = [one for one in self._lines if one.reader is not reader]
        listen = self._config.listen
        # Without any reader nothing can be read, unless they come and go.
        if not self._lines and (listen is None or listen.readers == "stay"):
            self.lost = self.lost or reason
            self._changed()

    def _reader(self) -> Reader:
        config = self._config
        return Reader(splitter=Splitter(config.terminator, config.longest, self._dropped))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    reader: Reader
    line: ByteLine


class _Caller(TcpLine):
    """A connection that a reader made to us."""

    def __init__(
        self,
        *,
        allowed: Callable[[str], bool],
        came: Callable[[TcpLine], None],
        received: Received,
        ended: Ended,
    ) -> None:
        super().__init__(received=received, ended=ended)
        self._allowed = allowed
        self._came = came

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Whoever may not call is sent away at once."""
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        if peer is None or not self._allowed(str(peer[0])):
            self.close()
        else:
            self._came(self)
