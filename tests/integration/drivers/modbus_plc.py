"""A Modbus TCP server of its own, written with struct alone, whose units can misbehave as told."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}


@dataclass
class Unit:
    """`tables[table][address]`: what exists; `mood`: live, dead, or one of the faults below."""

    tables: dict[str, dict[int, int]] = field(
        default_factory=lambda: {name: {} for name in TABLES.values()}
    )
    mood: str = "live"
    most: int = 125
    delay_s: float = 0.0
    before_answer: Callable[[], float] = float

    def put(self, table: str, start: int, values: list[int]) -> None:
        self.tables[table].update({start + place: value for place, value in enumerate(values)})

    def put_bytes(self, table: str, start: int, raw: bytes) -> None:
        self.put(table, start, list(struct.unpack(f">{len(raw) // 2}H", raw)))


class Plc:
    """Listens on a free port; `requests` and `writes` log every request that came."""

    def __init__(self, port: int = 0) -> None:
        self.units: dict[int, Unit] = {}
        self.port = port
        self.requests: list[tuple[int, int, int, int]] = []
        self.writes: list[tuple[int, int]] = []
        self.connections = 0
        self.answer_before_death: int | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    def unit(self, number: int = 1) -> Unit:
        return self.units.setdefault(number, Unit())

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while True:
                head = await reader.readexactly(7)
                tid, _, length, unit = struct.unpack(">HHHB", head)
                pdu = await reader.readexactly(length - 1)
                await self._one(writer, tid, unit, pdu)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _one(self, writer: asyncio.StreamWriter, tid: int, unit: int, pdu: bytes) -> None:
        function = pdu[0]
        if function not in TABLES:
            self.writes.append((unit, function))
            return
        start, count = struct.unpack(">HH", pdu[1:5])
        self.requests.append((unit, function, start, count))
        if self.answer_before_death is not None:
            self.answer_before_death -= 1
            if self.answer_before_death < 0:
                self.answer_before_death = None
                await asyncio.get_running_loop().create_task(self.kill())
                return
        known = self.units.get(unit)
        if known is None or known.mood == "dead":
            return
        if known.delay_s:
            await asyncio.sleep(known.delay_s)
        answer = self._answer(known, function, start, count)
        known.before_answer()
        match known.mood:
            case "closes":
                writer.transport.abort()
                return
            case "gateway":
                answer = bytes([function | 0x80, 11])
            case "busy":
                answer = bytes([function | 0x80, 6])
            case "wrong transaction":
                tid ^= 0x5555
            case "wrong unit":
                unit ^= 0x0F
            case "wrong function":
                answer = bytes([function ^ 1]) + answer[1:]
            case "short":
                answer = bytes([answer[0], answer[1] - 2]) + answer[2:-2]
            case "lying count":
                answer = bytes([answer[0], answer[1] + 2]) + answer[2:]
            case "garbage":
                writer.write(b"\x13\x37garbage from a serial line\xff" * 3)
                return
        writer.write(struct.pack(">HHHB", tid, 0, len(answer) + 1, unit) + answer)
        await writer.drain()

    def _answer(self, unit: Unit, function: int, start: int, count: int) -> bytes:
        table = unit.tables[TABLES[function]]
        addresses = range(start, start + count)
        if function in (3, 4) and count > unit.most:
            return bytes([function | 0x80, 3])
        if any(address not in table for address in addresses):
            return bytes([function | 0x80, 2])
        if function in (3, 4):
            data = struct.pack(f">{count}H", *(table[address] for address in addresses))
        else:
            bits = sum((table[address] & 1) << place for place, address in enumerate(addresses))
            data = bits.to_bytes((count + 7) // 8, "little")
        return bytes([function, len(data)]) + data
