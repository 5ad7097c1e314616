"""How a reader of barcodes or RFID tags is configured: how it is reached, what its lines are."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from drivers.base import DeviceConfig, Finite, GroupConfig, Some, Strict, TagConfig
from drivers.scanner.pattern import MOST_WAYS, ways
from drivers.serial_settings import SerialSettings
from runtime.problems import exactly_one, invalid
from wire.dtypes import DType
from wire.frame import StreamClass

Encoding = Literal["utf-8", "gb18030", "latin-1", "ascii"]
Terminator = Literal["any", "cr", "lf", "crlf", "etx"]

WHOLE: Final = "line"
"""Address of the whole text."""


class Connect(Strict):
    """We call the reader (it is the TCP server)."""

    host: str = Field(min_length=1, description="Host name or address of the reader.")
    port: int = Field(ge=1, le=65_535, description="TCP port of the reader.")
    timeout_ms: int = Field(
        default=3_000, ge=100, le=60_000, description="Time to connect, milliseconds."
    )


class Listen(Strict):
    """Readers call us (they are TCP clients)."""

    host: str = Field(min_length=1, description="Our own address to listen on; 0.0.0.0: every one.")
    port: int = Field(ge=0, le=65_535, description="TCP port to listen on.")
    allowed: tuple[str, ...] = Field(
        default=(), description="Addresses of readers that may call; none given: any may."
    )
    readers: Literal["stay", "come_and_go"] = Field(
        default="stay",
        description="stay: readers hold their connection, the device is down while there is none; "
        "come_and_go: they connect for each code, having none is normal.",
    )
    wait_s: Finite = Field(
        default=60.0,
        gt=0,
        le=3_600,
        description="With stay: how long a reader is waited for before that is told, seconds.",
    )


class Heartbeat(Strict):
    """What a reader sends to show that it is there."""

    within_s: Finite = Field(
        gt=0,
        le=86_400,
        description="Silence of so many seconds means that the reader is down.",
    )
    text: str | None = Field(
        default=None,
        max_length=200,
        description="The line it sends for that; it never becomes a value. Codes count as well.",
    )


class ScannerTag(TagConfig):
    """A part of what was read."""

    address: str = Field(
        min_length=1,
        max_length=100,
        description="line: the whole text; otherwise the name of a group of the pattern, "
        "(?P<name>...).",
    )
    dtype: DType = Field(default=DType.STR, description="Always str.")

    @model_validator(mode="after")
    def _text(self) -> Self:
        if self.dtype is not DType.STR:
            raise invalid("LS-3305", dtype=self.dtype.value)
        return self


class ScannerGroup(GroupConfig):
    """What is taken from lines of one shape."""

    every_ms: int = Field(
        default=100,
        ge=10,
        le=86_400_000,
        description="Within so many milliseconds a line that arrived is handed on.",
    )
    class_: StreamClass = Field(
        default=StreamClass.KEY,
        alias="class",
        description="key (default): sent first after an outage; bulk: afterwards.",
    )
    mode: Literal["subscribe"] = Field(
        default="subscribe", description="Readers report by themselves."
    )
    pattern: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="Regular expression the whole text has to match; others are no matter of this "
        "group. Default: every text.",
    )
    tags: Some[ScannerTag] = Field(description="The tags.")

    @property
    def events(self) -> bool:
        """Two readings of the same code are two events."""
        return True

    @model_validator(mode="after")
    def _known_parts(self) -> Self:
        try:
            known = re.compile(self.pattern or "").groupindex
        except re.error as error:
            raise invalid("LS-3302", pattern=self.pattern, reason=str(error)) from None
        for tag in self.tags:
            if tag.address != WHOLE and tag.address not in known:
                raise invalid("LS-3304", address=tag.address)
        return self


class ScannerDevice(DeviceConfig):
    """A reader, or several that send to one port."""

    driver: Literal["scanner"] = Field(description="scanner")
    connect: Connect | None = Field(default=None, description="We call the reader, over TCP.")
    listen: Listen | None = Field(default=None, description="Readers call us, over TCP.")
    serial: SerialSettings | None = Field(default=None, description="The reader's serial port.")
    keyboard: bool = Field(
        default=False,
        description="The reader is a keyboard: it types into the agent's own page, /scan.",
    )
    terminator: Terminator = Field(
        default="any", description="What ends a line; any: CR, LF or both."
    )
    encoding: Encoding = Field(default="utf-8", description="Encoding of the text.")
    prefix: str = Field(
        default="", max_length=20, description="Stands before each text and is taken off."
    )
    suffix: str = Field(
        default="", max_length=20, description="Stands behind each text and is taken off."
    )
    longest: int = Field(
        default=128,
        ge=1,
        le=2_048,
        description="Bytes a line may have, without its end; longer ones are garbage.",
    )
    pause_ms: int = Field(
        default=2_000,
        ge=10,
        le=600_000,
        description="A line that stops for so many milliseconds is dropped.",
    )
    repeat_ms: int = Field(
        default=0,
        ge=0,
        le=3_600_000,
        description="The same text again within so many milliseconds of the last time is the same "
        "reading; 0: never.",
    )
    heartbeat: Heartbeat | None = Field(
        default=None, description="Without it, silence means that nothing was read."
    )
    groups: Annotated[Some[ScannerGroup], Field(description="What is taken from the lines.")]

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        exactly_one("LS-3301", self.connect, self.listen, self.serial, self.keyboard)
        if self.keyboard and self.heartbeat is not None:
            raise invalid("LS-3307")
        for text in (self.prefix, self.suffix):
            try:
                text.encode(self.encoding)
            except UnicodeEncodeError:
                raise invalid("LS-3306", text=text, encoding=self.encoding) from None
        for group in self.groups:
            if group.pattern is not None and ways(group.pattern, self.longest) > MOST_WAYS:
                raise invalid("LS-3303", pattern=group.pattern, longest=self.longest)
        return self

    @property
    def is_typed(self) -> bool:
        """Whether what it reads is typed into the agent's page."""
        return self.keyboard

    @property
    def where(self) -> str:
        """Where the reader is, for people."""
        if self.keyboard:
            return "/scan"
        if self.serial is not None:
            return self.serial.port
        way = self.connect or self.listen
        return "" if way is None else f"{way.host}:{way.port}"
