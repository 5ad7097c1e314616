"""How a serial port is configured; shared by the drivers that can use one."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from drivers.base import Strict

Parity = Literal["none", "even", "odd"]

SPEEDS: Final = 4_000_000
"""The fastest that usual adapters do, in bits a second."""


class SerialSettings(Strict):
    """One serial port of the edge's own computer."""

    port: str = Field(
        min_length=1,
        max_length=200,
        description="Device: /dev/ttyUSB0 (better its name in /dev/serial/by-id), or COM3.",
    )
    baud: int = Field(default=9_600, ge=300, le=SPEEDS, description="Bits a second.")
    parity: Parity = Field(default="none", description="none, even or odd.")
    data_bits: Literal[7, 8] = Field(default=8, description="Data bits of a character: 7 or 8.")
    stop_bits: Literal[1, 2] = Field(default=1, description="Stop bits of a character: 1 or 2.")

    @property
    def character_s(self) -> float:
        """How long one character takes on the line, in seconds."""
        bits = 1 + self.data_bits + (self.parity != "none") + self.stop_bits
        return bits / self.baud
