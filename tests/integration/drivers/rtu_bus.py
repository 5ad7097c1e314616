"""A bus of RTU slaves written with struct alone, on a pseudo terminal or behind a TCP socket."""

from __future__ import annotations

import asyncio
import os
import struct
import tty
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

from drivers.modbus.config import ModbusRtuDevice, ModbusRtuTcpDevice

TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}


def crc(data: bytes) -> bytes:
    """Bit by bit, as in appendix 6.2.1 of the serial line specification."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            low = value & 1
            value >>= 1
            if low:
                value ^= 0xA001
    return struct.pack("<H", value)


@dataclass
class Slave:
    """`mood` decides what becomes of an answer; `delays` are used up one an answer."""

    tables: dict[str, dict[int, int]] = field(
        default_factory=lambda: {name: {} for name in TABLES.values()}
    )
    mood: str = "live"
    moods: list[str] = field(default_factory=list)
    """Used up one an answer, before `mood`."""
    delays: list[float] = field(default_factory=list)

    def put(self, table: str, start: int, values: Iterable[int]) -> None:
        self.tables[table].update({start + place: value for place, value in enumerate(values)})


class Bus:
    """`requests` logs (unit, function, start, count); `writes` what does not read."""

    def __init__(self) -> None:
        self.slaves: dict[int, Slave] = {}
        self.requests: list[tuple[int, int, int, int]] = []
        self.writes: list[bytes] = []
        self.echo = ""
        """whole: what is sent comes back; torn: with a wrong byte in it."""
        self.cut = 0
        """Answers are sent in pieces of so many bytes; 0: whole."""
        self._held = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()

    def slave(self, unit: int = 1) -> Slave:
        return self.slaves.setdefault(unit, Slave())

    def take(self, data: bytes, send: Callable[[bytes], None]) -> None:
        """Bytes of the master; a request has eight."""
        self._held += data
        while len(self._held) >= 8:
            frame, self._held = bytes(self._held[:8]), self._held[8:]
            if self.echo:
                torn = bytes([frame[0] ^ 0x41]) + frame[1:]
                send(frame if self.echo == "whole" else torn)
            if frame[1] not in TABLES or crc(frame[:-2]) != frame[-2:]:
                self.writes.append(frame)
                continue
            unit, function, start, count = struct.unpack(">BBHH", frame[:6])
            self.requests.append((unit, function, start, count))
            slave = self.slaves.get(unit)
            if slave is not None and slave.mood != "dead":
                self._begin(self._reply(slave, unit, function, start, count, send))

    def _begin(self, work: Iterable[float]) -> None:
        async def run() -> None:
            for pause_s in work:
                await asyncio.sleep(pause_s)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _reply(
        self,
        slave: Slave,
        unit: int,
        function: int,
        start: int,
        count: int,
        send: Callable[[bytes], None],
    ) -> Iterable[float]:
        mood = slave.moods.pop(0) if slave.moods else slave.mood
        yield slave.delays.pop(0) if slave.delays else 0
        if mood == "mute":
            return
        body = bytes([unit]) + answer(slave, function, start, count)
        frame = body + crc(body)
        match mood:
            case "wrong crc":
                frame = frame[:-1] + bytes([frame[-1] ^ 1])
            case "dropped byte":
                frame = frame[:4] + frame[5:]
            case "cut short":
                frame = frame[:-3]
            case "noise before":
                frame = b"\x00\xff\x13" + frame
            case "noise after":
                frame += b"\xff\x00"
            case "wrong unit":
                body = bytes([unit ^ 3]) + body[1:]
                frame = body + crc(body)
            case "short":
                body = body[:2] + bytes([body[2] - 2]) + body[3:-2]
                frame = body + crc(body)
            case "babble":
                frame = bytes(range(60, 220)) * 20
        step = self.cut or len(frame)
        for at in range(0, len(frame), step):
            send(frame[at : at + step])
            if self.cut:
                yield 0.002

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def answer(slave: Slave, function: int, start: int, count: int) -> bytes:
    table = slave.tables[TABLES[function]]
    if any(address not in table for address in range(start, start + count)):
        return bytes([function | 0x80, 2])
    found = [table[address] for address in range(start, start + count)]
    if function in (3, 4):
        data = struct.pack(f">{count}H", *found)
    else:
        data = sum((bit & 1) << at for at, bit in enumerate(found)).to_bytes(
            (count + 7) // 8, "little"
        )
    return bytes([function, len(data)]) + data


class Pty(Bus):
    """The bus at the other end of a serial port."""

    config = ModbusRtuDevice
    driver = "modbus-rtu"

    async def __aenter__(self) -> Self:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.port = os.ttyname(self._theirs)
        asyncio.get_running_loop().add_reader(self._ours, self._readable)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        self.pull_out()

    @property
    def where(self) -> dict[str, object]:
        return {"serial": {"port": self.port, "baud": 115_200, "parity": "none"}}

    def _readable(self) -> None:
        try:
            data = os.read(self._ours, 4096)
        except BlockingIOError:
            return
        except OSError:  # nobody has the port open any more
            asyncio.get_running_loop().remove_reader(self._ours)
            return
        self.take(data, self.send)

    def send(self, data: bytes) -> None:
        try:
            os.write(self._ours, data)
        except BlockingIOError:  # a full line loses bytes
            return

    def pull_out(self) -> None:
        """As an adapter that is pulled out of its socket."""
        if self._ours >= 0:
            asyncio.get_running_loop().remove_reader(self._ours)
            os.close(self._ours)
            os.close(self._theirs)
            self._ours = -1


class Gateway(Bus):
    """The bus behind a serial server that passes frames on as they are."""

    config = ModbusRtuTcpDevice
    driver = "modbus-rtu-tcp"

    async def __aenter__(self) -> Self:
        self._open: set[asyncio.StreamWriter] = set()
        self.connections = 0
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        self.pull_out()
        self._server.close()
        await self._server.wait_closed()

    @property
    def where(self) -> dict[str, object]:
        return {"host": "127.0.0.1", "port": self.port, "silence_ms": 50}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self.connections += 1
        try:
            while data := await reader.read(4096):
                self.take(data, writer.write)
        except ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def send(self, data: bytes) -> None:
        for writer in self._open:
            writer.write(data)

    def pull_out(self) -> None:
        """As a serial server that loses its power."""
        for writer in list(self._open):
            writer.transport.abort()
