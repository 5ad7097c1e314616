"""A line's Modbus TCP server: pymodbus frames and sockets, answers cut from the image of one tick.

Registers are not kept in pymodbus's own data store (it copies what it is given at the start and
takes changes register by register); instead the PDU classes of the reading functions answer from
our images. Invariants:
- an answer comes from one image, so from one tick: a block is never half old, half new;
- every answer is witnessed before it is handed to the socket;
- no function that writes changes anything: exception 1 (illegal function), witnessed;
- a unit that does not exist answers exception 11; a silent unit does not answer at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteMultipleCoilsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import (
    MaskWriteRegisterRequest,
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    ReadWriteMultipleRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from simulators.addresses import Table, machine_tags
from simulators.answers import Witness
from simulators.config import LineConfig
from simulators.errors import SimulatorError
from simulators.modbus_image import Image, Packer, Value

Answer = Callable[[ModbusPDU], ModbusPDU]

_READS: tuple[tuple[type[ModbusPDU], Table], ...] = (
    (ReadCoilsRequest, "coil"),
    (ReadDiscreteInputsRequest, "discrete"),
    (ReadHoldingRegistersRequest, "holding"),
    (ReadInputRegistersRequest, "input"),
)
_WRITES: tuple[type[ModbusPDU], ...] = (
    WriteSingleCoilRequest,
    WriteSingleRegisterRequest,
    WriteMultipleCoilsRequest,
    WriteMultipleRegistersRequest,
    MaskWriteRegisterRequest,
    ReadWriteMultipleRegistersRequest,
)


class _Body(ModbusPDU):
    """An answer whose bytes are ready."""

    def __init__(self, function_code: int, body: bytes) -> None:
        super().__init__()
        self.function_code = function_code
        self.body = body

    def encode(self) -> bytes:
        return bytes((len(self.body),)) + self.body


class ModbusLine:
    """The Modbus TCP server of one line; `port` is known once it is open."""

    def __init__(self, line: LineConfig, witness: Witness, *, port: int) -> None:
        self.name = line.name
        self.host = line.host
        self.port = port
        self._witness = witness
        self._packers = {
            f"{line.name}/{m.name}": (line.units[m.name], Packer(machine_tags(line, m)))
            for m in line.machines
        }
        self._images: dict[int, Image] = {}
        self._mute: set[int] = set()
        self._server: ModbusTcpServer | None = None

    @property
    def endpoint(self) -> str:
        """Where clients connect."""
        return f"{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        await self.speak()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.hush()

    async def speak(self) -> None:
        """Listen; the port stays the same for the life of the line."""
        server = ModbusTcpServer(
            # pymodbus wants a device; every function that is served has a PDU of our own.
            SimDevice(0, simdata=[SimData(0, datatype=DataType.INVALID)]),
            address=(self.host, self.port),
            ignore_missing_devices=True,
            custom_pdu=self._pdus(),
        )
        if not await server.listen():
            raise SimulatorError("LS-7005", line=self.name, host=self.host, port=self.port)
        listener = server.transport
        if isinstance(listener, asyncio.Server):
            self.port = listener.sockets[0].getsockname()[1]
        self._server = server

    async def hush(self) -> None:
        """Close every connection and the listening socket."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None

    async def publish(
        self,
        values: Mapping[str, Sequence[Value] | None],
        *,
        scanned_us: int,  # noqa: ARG002 (Modbus has no stamps)
    ) -> None:
        """Serve a tick: new values of the machines that changed, None for those that did not."""
        for path, new in values.items():
            if new is not None:
                unit, packer = self._packers[path]
                self._images[unit] = packer.pack(new)

    async def mute(self, machine: str, *, on: bool) -> None:
        """Let a machine's unit leave requests without an answer."""
        unit, _ = self._packers[machine]
        (self._mute.add if on else self._mute.discard)(unit)

    def _pdus(self) -> list[type[ModbusPDU]]:
        return [_reading(base, self._answerer(table)) for base, table in _READS] + [
            _reading(base, self._refuse) for base in _WRITES
        ]

    def _answerer(self, table: Table) -> Answer:
        def answer(request: ModbusPDU) -> ModbusPDU:
            image = self._image(request.dev_id)
            if image is None:
                return ExceptionResponse(request.function_code, ExcCodes.GATEWAY_NO_RESPONSE)
            body = image.read(table, request.address, request.count)
            if body is None:
                return ExceptionResponse(request.function_code, ExcCodes.ILLEGAL_ADDRESS)
            self._witness.modbus_answer(
                line=self.name,
                unit=request.dev_id,
                table=table,
                address=request.address,
                count=request.count,
                body=body,
            )
            return _Body(request.function_code, body)

        return answer

    def _refuse(self, request: ModbusPDU) -> ModbusPDU:
        self._image(request.dev_id)
        address = getattr(request, "write_address", request.address)
        self._witness.write_attempt(
            line=self.name,
            target=f"unit {request.dev_id} function {request.function_code} address {address}",
            answer="ILLEGAL_FUNCTION",
        )
        return ExceptionResponse(request.function_code, ExcCodes.ILLEGAL_FUNCTION)

    def _image(self, unit: int) -> Image | None:
        if unit in self._mute:
            # With ignore_missing_devices the server sends nothing.
            raise NoSuchIdException(f"unit {unit} is silent")
        return self._images.get(unit)


def _reading(base: type[ModbusPDU], answer: Answer) -> type[ModbusPDU]:
    """A PDU class that decodes like `base` and is answered by `answer`."""

    async def datastore_update(self: ModbusPDU, context: Any, device_id: int) -> ModbusPDU:
        _ = context, device_id
        return answer(self)

    return type(f"Simulated{base.__name__}", (base,), {"datastore_update": datastore_update})
