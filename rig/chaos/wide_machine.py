"""Serves the wide line over Modbus TCP: `python -m rig.chaos.wide_machine READY ANSWERS`.

Invariants: an answer is in the file before it is sent; each answer reads its registers anew.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from rig.chaos.wide import ANSWER, MOST_READINGS, UNITS, values
from rig.modbus_requests import HEAD, REQUEST, Requests
from runtime.clock import now_us
from runtime.platform import write_private

_READ: Final = (3, 4)
_MOST: Final = 125
"""Modbus Application Protocol 1.1b3, 6.3: registers in one answer."""
_ILLEGAL_FUNCTION: Final = 1
_ILLEGAL_VALUE: Final = 3
_DEVICE_FAILURE: Final = 4


class Wide:
    """The registers of all units, and the file of what was handed out."""

    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._read: dict[int, NDArray[np.int64]] = {
            unit: np.zeros(65_536, np.int64) for unit in UNITS
        }

    def answer(self, request: bytes) -> bytes:
        """The answer to one whole request of 12 bytes, also a refusal."""
        number, _, _, unit, function, first, count = REQUEST.unpack(request)
        if function not in _READ or unit not in self._read:
            return _refused(number, unit, function, _ILLEGAL_FUNCTION)
        if not 1 <= count <= _MOST or first + count > 65_536:
            return _refused(number, unit, function, _ILLEGAL_VALUE)
        read = self._read[unit][first : first + count]
        if read.max() >= MOST_READINGS:
            return _refused(number, unit, function, _DEVICE_FAILURE)
        read += 1
        self._answers.write(np.array([(now_us(), unit, first, count)], ANSWER).tobytes())
        body = values(read, first).astype(">u2").tobytes()
        return HEAD.pack(number, 0, 3 + len(body), unit, function, len(body)) + body


def _refused(number: int, unit: int, function: int, code: int) -> bytes:
    return HEAD.pack(number, 0, 3, unit, function | 0x80, code)


async def serve(ready: Path, answers: Path) -> None:
    """Until killed; `ready` gets the port."""
    with answers.open("ab", buffering=0) as file:
        wide = Wide(file)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Requests(wide.answer), "127.0.0.1", 0)
        told = {"port": server.sockets[0].getsockname()[1]}
        write_private(ready, json.dumps(told).encode())
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2])))
