"""One TCP connection to a Modbus device: asks one thing at a time and believes only exact answers.

Invariants: at most one request is under way; an answer that does not match it in transaction, unit,
function and length ends the link; once `broken` a link stays so, nothing reconnects by itself.
Only the four reading functions are called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ExceptionResponse, ModbusPDU

from drivers.modbus.config import ModbusDevice, Table
from drivers.modbus.decode import payload_size
from drivers.modbus.link import Broken, NoAnswer, Refusal
from drivers.modbus.plan import Block
from drivers.modbus.tcp import Asked, asked, objection

_MOST_ABANDONED: Final = 64
_MOST_WAITING: Final = 8 * 260
"""Bytes: pymodbus drops everything it holds beyond this, a late answer must not cost the next."""


class _Raw(ModbusPDU):
    """An answer kept as bytes: pymodbus would unpack it register by register."""

    rtu_byte_count_pos = 2
    payload = b""
    announced = -1

    def decode(self, data: bytes) -> None:
        self.announced = data[0] if data else -1
        self.payload = data[1:]


class _RawCoils(_Raw):
    function_code = 1


class _RawDiscretes(_Raw):
    function_code = 2


class _RawHoldings(_Raw):
    function_code = 3


class _RawInputs(_Raw):
    function_code = 4


class TcpLink:
    """See `drivers.modbus.link.Link`."""

    def __init__(self, config: ModbusDevice) -> None:
        self._config = config
        self._timeout_s = config.timeout_ms / 1000
        self._connect_timeout_s = config.connect_timeout_ms / 1000
        self._client: AsyncModbusTcpClient | None = None
        self._reads: dict[Table, Callable[..., Awaitable[ModbusPDU]]] = {}
        self._request: Asked | None = None
        self._abandoned: set[int] = set()
        self._waiting: asyncio.Timeout | None = None
        self.broken = ""
        """Why the link is of no use any more; empty while it is."""
        self._wrong = False

    async def open(self) -> None:
        """Connect; raises Broken."""
        client = AsyncModbusTcpClient(
            self._config.host,
            port=self._config.port,
            name=self._config.id,
            reconnect_delay=0,
            retries=0,
            # Beyond ours, so that only ours are ever felt.
            timeout=self._connect_timeout_s + self._timeout_s + 1,
            trace_packet=self._packet,
            trace_connect=self._connected,
        )
        client.ctx.max_buffer_size = _MOST_WAITING
        for answer in (_RawCoils, _RawDiscretes, _RawHoldings, _RawInputs):
            client.register(answer)
        self._reads = {
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
        }
        self._client = client
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                reached = await client.connect()
        except TimeoutError:
            client.close()
            raise Broken(f"no connection within {self._connect_timeout_s:g} s") from None
        if not reached:
            client.close()
            raise Broken("connection refused or host unknown")

    def close(self) -> None:
        """Close the socket at once; whoever waits for an answer gets Broken."""
        self._break("closed")
        if self._client is not None:
            self._client.close()
            self._client = None

    async def closed(self) -> None:
        """See `Link.closed`: nothing to wait for."""

    async def ask(self, block: Block) -> bytes | Refusal:
        """The data of the answer to a block. Raises NoAnswer or Broken."""
        if self.broken or self._client is None:
            raise Broken(self.broken or "not connected")
        try:
            async with asyncio.timeout(self._timeout_s) as self._waiting:
                answer = await self._reads[block.table](
                    block.start, count=block.count, device_id=block.unit
                )
            self._request = None
        except TimeoutError:
            if not self.broken:
                raise NoAnswer from None
        except (ModbusException, OSError) as error:
            self._break(str(error))
        finally:
            self._waiting = None
            self._abandon()
        if self.broken:
            raise Broken(self.broken, wrong=self._wrong)
        return self._accepted(answer, block)

    def _accepted(self, answer: ModbusPDU, block: Block) -> bytes | Refusal:
        if isinstance(answer, ExceptionResponse):
            return Refusal(code=answer.exception_code)
        size = payload_size(block)
        if not isinstance(answer, _Raw) or not answer.announced == size == len(answer.payload):
            self._break(
                f"an answer of {len(getattr(answer, 'payload', b''))} bytes, not {size}", wrong=True
            )
            raise Broken(self.broken, wrong=True)
        return answer.payload

    def _abandon(self) -> None:
        # Given up after a time-out, or the caller was cancelled: its answer may still come.
        if self._request is not None:
            self._abandoned.add(self._request.transaction)
            self._request = None
        if len(self._abandoned) > _MOST_ABANDONED:
            self._break(f"more than {_MOST_ABANDONED} requests without an answer")

    def _packet(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it
        if sending:
            self._request = asked(data)
        elif not self.broken:
            wrong = objection(data, self._request, self._abandoned)
            if wrong:
                self._break(wrong, wrong=True)
        # What is not believed must not reach the library: it would raise inside the event loop.
        return b"" if self.broken and not sending else data

    def _connected(self, up: bool) -> None:  # noqa: FBT001 - pymodbus calls it
        if not up:
            self._break("the device closed the connection")

    def _break(self, reason: str, *, wrong: bool = False) -> None:
        if not self.broken:
            self.broken, self._wrong = reason, wrong
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())
