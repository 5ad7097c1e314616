"""A Modbus TCP server that costs next to nothing: answers are cut from ready images.

Bare pymodbus and the product meet the same one, so that neither waits for a slow server. Register n
of a poll has the n-th tag's raw value; a request for register 0 begins the next poll.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.children import write_json
from benchmarks.generator import BIT, COUNTER, FLOAT, Generator
from rig.modbus_requests import HEAD, REQUEST, Requests

IMAGES = 16
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


class Answers(Requests):
    """What one client is answered: functions 3 and 4, from the image of its poll."""

    def __init__(self, found: list[bytes]) -> None:
        super().__init__(self.answer)
        self._images = found
        self._poll = 0

    def answer(self, request: bytes) -> bytes:
        """The answer to one whole request."""
        number, _, _, unit, function, address, count = REQUEST.unpack(request)
        if address == 0:
            self._poll = (self._poll + 1) % IMAGES
        body = self._images[self._poll][2 * address : 2 * (address + count)]
        return HEAD.pack(number, 0, 3 + len(body), unit, function, len(body)) + body


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
