"""A Modbus TCP server that costs next to nothing: answers are cut from ready images.

Bare pymodbus and the product meet the same one, so that neither waits for a slow server. Register n
of a poll has the n-th tag's raw value; a request for register 0 begins the next poll.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from pathlib import Path

import numpy as np

from benchmarks.children import write_json
from benchmarks.generator import BIT, COUNTER, FLOAT, Generator

IMAGES = 16
_REQUEST = struct.Struct(">HHHBBHH")
_HEAD = struct.Struct(">HHHBBB")
FLOAT_FACTOR = 0.001
"""Noise is held in thousandths: a register is a reading."""


def images(registers: int) -> list[bytes]:
    """Raw values of successive polls, big-endian registers, every one different from before."""
    generator = Generator(registers, start_us=0, every_us=1)
    found = []
    for number in range(IMAGES):
        samples = generator.polls(1)
        kinds = generator.kinds
        raw = np.select(
            [kinds == FLOAT, kinds == COUNTER, kinds == BIT],
            [np.rint(samples.f / FLOAT_FACTOR) % 65_536, samples.i % 65_536, number % 2],
            np.rint(samples.f * 4095 / 100),
        )
        found.append(raw.astype(">u2").tobytes())
    return found


class Answers(asyncio.Protocol):
    """One client; requests of 12 bytes (functions 3 and 4), answers from the image of the poll."""

    def __init__(self, found: list[bytes]) -> None:
        self._images = found
        self._poll = 0
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every whole request."""
        data = self._rest + data
        answers = []
        whole = len(data) // _REQUEST.size * _REQUEST.size
        for at in range(0, whole, _REQUEST.size):
            number, _, _, unit, function, address, count = _REQUEST.unpack_from(data, at)
            if address == 0:
                self._poll = (self._poll + 1) % IMAGES
            body = self._images[self._poll][2 * address : 2 * (address + count)]
            head = _HEAD.pack(number, 0, 3 + len(body), unit, function, len(body))
            answers.append(head + body)
        self._rest = data[whole:]
        if self._transport is not None:
            self._transport.write(b"".join(answers))


async def main() -> None:
    """Serve until killed; `ready` gets the port."""
    settings = json.loads(sys.argv[1])
    found = images(settings["registers"])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answers(found), "127.0.0.1", 0)
    write_json(Path(settings["ready"]), {"port": server.sockets[0].getsockname()[1]})
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
