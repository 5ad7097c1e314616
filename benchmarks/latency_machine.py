"""The Modbus machine with one register more, which changes by the clock: when is noted.

Register `PROBE` holds the number of its last change, from 1, whatever is read besides.
"""

from __future__ import annotations

import asyncio
import json
import random
import struct
import sys
from pathlib import Path
from typing import Final

from benchmarks.children import write_json
from benchmarks.modbus_machine import Answers, images
from rig.modbus_requests import HEAD, REQUEST
from runtime.clock import now_us

PROBE: Final = 60_000
_EVERY_S: Final = (0.2, 0.35)


class Probed(Answers):
    """One client."""

    def __init__(self, found: list[bytes], changes: list[int]) -> None:
        super().__init__(found)
        self._changes = changes

    def answer(self, request: bytes) -> bytes:
        """The probe has the number of changes so far."""
        number, _, _, unit, function, address, _ = REQUEST.unpack(request)
        if address != PROBE:
            return super().answer(request)
        return HEAD.pack(number, 0, 5, unit, function, 2) + struct.pack(">H", len(self._changes))


async def main() -> None:
    """Serve until killed; `out` gets the times of all changes, microseconds since the epoch."""
    settings = json.loads(sys.argv[1])
    changes: list[int] = []
    found = images(settings["registers"])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Probed(found, changes), "127.0.0.1", 0)
    write_json(Path(settings["ready"]), {"port": server.sockets[0].getsockname()[1]})
    chance = random.Random(1)
    while True:
        await asyncio.sleep(chance.uniform(*_EVERY_S))
        changes.append(now_us())
        write_json(Path(settings["out"]), changes)


if __name__ == "__main__":
    asyncio.run(main())
