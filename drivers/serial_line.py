"""A `ByteLine` over a serial port, the same on Linux and on Windows.

Invariants: one thread reads the port, and closes it after its last reading, so a port is never
closed under a call; the port is held exclusively; bytes reach the event loop in their order.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from importlib.util import find_spec
from typing import Final

import serial

from drivers.byte_line import Ended, Received
from drivers.serial_settings import SerialSettings

_SETTINGS_REFUSED: Final[type[Exception]] = (
    importlib.import_module("termios").error if find_spec("termios") else ValueError
)
"""Where there is termios: its error, which is no OSError, and which pyserial lets through."""
_PARITY: Final = {"none": "N", "even": "E", "odd": "O"}
_LOOK_S: Final = 0.5
"""How often the thread looks whether it is to end, should its waking be missed."""
_SEND_S: Final = 1.0
"""A port that does not take a frame within this is stuck."""


class SerialLine:
    """See `drivers.byte_line.ByteLine`."""

    def __init__(self, settings: SerialSettings, *, received: Received, ended: Ended) -> None:
        self._settings = settings
        self._received = received
        self._ended = ended
        self._port: serial.Serial | None = None
        self._thread: threading.Thread | None = None
        self._closing = False

    async def open(self) -> None:
        """Open the port and begin to read; raises OSError."""
        loop = asyncio.get_running_loop()
        try:
            # Some adapters take their time to open.
            self._port = await asyncio.to_thread(self._opened)
        except (ValueError, _SETTINGS_REFUSED) as error:
            raise OSError(str(error)) from error
        self._thread = threading.Thread(
            target=self._read_on, args=(self._port, loop), name="serial", daemon=True
        )
        self._thread.start()

    async def send(self, frame: bytes) -> None:
        """Hand bytes to the port's driver; raises OSError."""
        if self._port is None or self._closing:
            raise ConnectionError("the port is not open")
        await asyncio.to_thread(self._port.write, frame)

    def close(self) -> None:
        """Have the thread end and close the port."""
        self._closing = True
        if self._port is not None and self._thread is not None and self._thread.is_alive():
            try:
                self._port.cancel_read()
            except (OSError, TypeError):  # the thread was quicker
                return

    async def closed(self) -> None:
        """Wait until the port is closed."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _opened(self) -> serial.Serial:
        settings = self._settings
        return serial.Serial(
            settings.port,
            baudrate=settings.baud,
            parity=_PARITY[settings.parity],
            bytesize=settings.data_bits,
            stopbits=settings.stop_bits,
            timeout=_LOOK_S,
            write_timeout=_SEND_S,
            exclusive=True,
        )

    def _read_on(self, port: serial.Serial, loop: asyncio.AbstractEventLoop) -> None:
        reason = "closed"
        try:
            while not self._closing:
                data = port.read(1)
                if data:
                    data += port.read(port.in_waiting)
                    loop.call_soon_threadsafe(self._hand_over, data)
        except (OSError, TypeError, ValueError, RuntimeError, _SETTINGS_REFUSED) as error:
            # Pulled out; or the loop is closed already (RuntimeError).
            reason = str(error) or type(error).__name__
        port.close()
        try:
            loop.call_soon_threadsafe(self._end, reason)
        except RuntimeError:  # the loop is closed, nobody is left to be told
            return

    def _hand_over(self, data: bytes) -> None:
        if not self._closing:
            self._received(data)

    def _end(self, reason: str) -> None:
        if not self._closing:
            self._closing = True
            self._ended(reason)
