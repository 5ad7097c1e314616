"""How a Modbus device is configured: connection, limits, and where each tag lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from drivers.base import DeviceConfig, GroupConfig, Some, TagConfig
from drivers.serial_settings import SPEEDS, Parity, SerialSettings
from runtime.problems import invalid
from wire.dtypes import DType

Table = Literal["coil", "discrete", "input", "holding"]
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
Charset = Literal["utf-8", "ascii", "latin-1", "gb18030"]

MAX_REGISTERS: Final = 125
"""Registers in one request, functions 3 and 4 (MODBUS Application Protocol V1.1b3, 6.3, 6.4)."""
MAX_BITS: Final = 2000
"""Bits in one request, functions 1 and 2 (6.1, 6.2)."""
LAST: Final = 65_535

_NAMED = re.compile(
    r"(coil|discrete|input|holding):(0x[0-9a-fA-F]{1,4}|[0-9]{1,5})(?:\.([0-9]{1,2}))?"
)
_BARE = re.compile(r"([0134])([0-9]{4,5})(?:\.([0-9]{1,2}))?")
_BARE_TABLES: Final[dict[str, Table]] = {"0": "coil", "1": "discrete", "3": "input", "4": "holding"}
_REGISTERS: Final[dict[DType, int]] = {
    DType.BOOL: 1,
    DType.I8: 1,
    DType.U8: 1,
    DType.I16: 1,
    DType.U16: 1,
    DType.I32: 2,
    DType.U32: 2,
    DType.F32: 2,
    DType.I64: 4,
    DType.U64: 4,
    DType.F64: 4,
}
_UNSIGNED: Final = frozenset({DType.U8, DType.U16, DType.U32, DType.U64})
_WIDE_ORDERS: Final[dict[str, Order]] = {
    "AB": "ABCD",
    "BA": "BADC",
    "ABCDEFGH": "ABCD",
    "GHEFCDAB": "CDAB",
    "BADCFEHG": "BADC",
    "HGFEDCBA": "DCBA",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a value begins: a table, an address from 0 as it stands in the request, a bit."""

    table: Table
    address: int
    bit: int | None = None
    bare: bool = False
    """Whether it was written as a PLC number from 1, such as 40001."""

    @property
    def in_registers(self) -> bool:
        """Whether the table consists of 16-bit registers."""
        return self.table in ("input", "holding")


def parse_address(text: str) -> Place:
    """The place of `holding:0`, `input:0x10`, `holding:5.3`, or of a PLC number such as 40001.

    With a table's name the number is what stands in the request, from 0. Bare numbers are the
    notation of PLC manuals: the first digit names the table, the rest counts from 1; five digits
    or six. Raises pydantic's error with LS-3101.
    """
    named, bare = _NAMED.fullmatch(text), _BARE.fullmatch(text)
    if named is not None:
        table: Table = next(name for name in get_args(Table) if name == named[1])
        address, bit = int(named[2], 0 if named[2].startswith("0x") else 10), named[3]
    elif bare is not None:
        table, address, bit = _BARE_TABLES[bare[1]], int(bare[2]) - 1, bare[3]
    else:
        raise invalid("LS-3101", address=text)
    place = Place(
        table=table, address=address, bit=None if bit is None else int(bit), bare=bare is not None
    )
    in_range = 0 <= address <= LAST and (place.bit is None or place.bit <= 15)
    if not in_range or (place.bit is not None and not place.in_registers):
        raise invalid("LS-3101", address=text)
    return place


class ModbusTag(TagConfig):
    """A coil, a bit, or a value in one or more registers."""

    unit_id: int | None = Field(
        default=None, ge=0, le=255, description="Unit; default: that of the device."
    )
    word_order: Order | None = Field(
        default=None,
        description="Order of bytes: ABCD big-endian, CDAB words swapped, BADC bytes swapped in "
        "each word, DCBA little-endian; 64 bits likewise. Default: that of the device.",
    )
    length: int | None = Field(
        default=None, ge=1, le=MAX_REGISTERS, description="Registers of a text; only for str."
    )
    encoding: Literal["binary", "bcd"] = Field(
        default="binary", description="bcd: four decimal digits a register; unsigned types only."
    )
    charset: Charset = Field(
        default="utf-8", description="Encoding of a text; many Chinese PLCs: gb18030."
    )

    @field_validator("address", mode="before")
    @classmethod
    def _number(cls, address: Any) -> Any:
        # YAML reads 40001 as a number.
        return str(address) if type(address) is int and address >= 10_000 else address

    @field_validator("word_order", mode="before")
    @classmethod
    def _wide(cls, order: Any) -> Any:
        return _WIDE_ORDERS.get(order, order) if isinstance(order, str) else order

    @model_validator(mode="after")
    def _fits(self) -> Self:
        place = self.place
        needs_bool = not place.in_registers or place.bit is not None
        if self.dtype is DType.TIME or needs_bool != (self.dtype is DType.BOOL):
            raise invalid("LS-3103", address=self.address, dtype=self.dtype.value)
        if (self.length is None) == (self.dtype is DType.STR):
            raise invalid("LS-3104", address=self.address)
        if self.encoding == "bcd" and self.dtype not in _UNSIGNED:
            raise invalid("LS-3105", dtype=self.dtype.value)
        if place.address + self.width > LAST + 1:
            raise invalid("LS-3106", address=self.address, width=self.width)
        return self

    @property
    def place(self) -> Place:
        """Where the value begins."""
        return parse_address(self.address)

    @property
    def width(self) -> int:
        """How many registers the value takes; 1 for a coil or a discrete input."""
        return self.length or _REGISTERS[self.dtype]


class ModbusGroup(GroupConfig):
    """Tags read together."""

    mode: Literal["poll"] = Field(default="poll", description="Modbus devices are always asked.")
    tags: Some[ModbusTag] = Field(description="The tags.")


class ModbusCommon(DeviceConfig):
    """What is the same whatever carries the frames; one or more units are behind it."""

    unit_id: int = Field(default=1, ge=0, le=255, description="Unit of tags that name none.")
    numbering: Literal["zero_based", "plc"] = Field(
        default="zero_based",
        description="zero_based: holding:0 is the first register; plc: addresses are bare numbers "
        "as in PLC manuals, 40001 is the first holding register. Never both in one device.",
    )
    word_order: Order = Field(default="ABCD", description="Order of bytes of tags that name none.")
    timeout_ms: int = Field(
        default=1_000, ge=50, le=60_000, description="Time for one answer, milliseconds."
    )
    pause_ms: int = Field(
        default=0, ge=0, le=1_000, description="Rest between two requests, for slow devices."
    )
    max_gap: int = Field(
        default=8,
        ge=0,
        le=MAX_REGISTERS,
        description="Unused registers (x 16: bits) read along rather than making another request.",
    )
    max_registers: int = Field(
        default=MAX_REGISTERS, ge=1, le=MAX_REGISTERS, description="Registers in one request."
    )
    max_bits: int = Field(default=MAX_BITS, ge=1, le=MAX_BITS, description="Bits in one request.")
    groups: Some[ModbusGroup] = Field(description="What is read, how often.")

    @field_validator("word_order", mode="before")
    @classmethod
    def _wide(cls, order: Any) -> Any:
        return _WIDE_ORDERS.get(order, order) if isinstance(order, str) else order

    @model_validator(mode="after")
    def _one_notation(self) -> Self:
        for group in self.groups:
            for tag in group.tags:
                if tag.place.bare != (self.numbering == "plc"):
                    raise invalid("LS-3102", address=tag.address, numbering=self.numbering)
                if tag.place.in_registers and tag.width > self.max_registers:
                    raise invalid("LS-3107", address=tag.address, limit=self.max_registers)
        return self

    @property
    def where(self) -> str:
        """Where the device is, for people."""
        raise NotImplementedError


class _OverTcp(ModbusCommon):
    host: str = Field(min_length=1, description="Host name or address.")
    port: int = Field(default=502, ge=1, le=65_535, description="TCP port.")
    connect_timeout_ms: int = Field(
        default=3_000, ge=100, le=60_000, description="Time to connect, milliseconds."
    )

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"


class ModbusDevice(_OverTcp):
    """A PLC or a gateway that speaks Modbus TCP."""

    driver: Literal["modbus-tcp"] = Field(description="modbus-tcp")


class _Rtu(ModbusCommon):
    @model_validator(mode="after")
    def _no_broadcast(self) -> Self:
        # Serial Line V1.02, 2.2: nobody answers to address 0.
        tags = (tag for group in self.groups for tag in group.tags)
        if self.unit_id == 0 or any(tag.unit_id == 0 for tag in tags):
            raise invalid("LS-3108")
        return self


class ModbusRtuTcpDevice(_Rtu, _OverTcp):
    """A serial server that passes RTU frames on as they are, over TCP."""

    driver: Literal["modbus-rtu-tcp"] = Field(description="modbus-rtu-tcp")
    silence_ms: int = Field(
        default=200,
        ge=5,
        le=5_000,
        description="An answer that stops for so long without being whole is damaged.",
    )


class ModbusSerial(SerialSettings):
    """The serial port; characters have 8 data bits, as RTU demands."""

    baud: int = Field(default=19_200, ge=300, le=SPEEDS, description="Bits a second.")
    parity: Parity = Field(default="even", description="even, odd or none.")
    data_bits: Literal[8] = Field(default=8, description="Always 8.")


class ModbusRtuDevice(_Rtu):
    """Units on a serial bus (RS-485, RS-232) at a port of this computer."""

    driver: Literal["modbus-rtu"] = Field(description="modbus-rtu")
    serial: ModbusSerial = Field(description="The port and its settings.")
    silence_ms: int = Field(
        default=50,
        ge=5,
        le=5_000,
        description="An answer that stops for so long without being whole is damaged. Adapters "
        "hold bytes back for up to 16 ms.",
    )

    @property
    def where(self) -> str:
        return self.serial.port


AnyModbus = ModbusDevice | ModbusRtuTcpDevice | ModbusRtuDevice
AnyRtu = ModbusRtuTcpDevice | ModbusRtuDevice
