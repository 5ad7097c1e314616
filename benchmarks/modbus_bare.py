"""The ceiling of reading over Modbus: pymodbus in a loop that throws the registers away."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from pymodbus.client import AsyncModbusTcpClient

from benchmarks.children import write_json

A_REQUEST = 125


async def read_for(port: int, registers: int, end_s: float) -> int:
    """How many registers one connection read until then."""
    read = 0
    client = AsyncModbusTcpClient("127.0.0.1", port=port)
    if not await client.connect():
        raise ConnectionError(port)
    try:
        while time.monotonic() < end_s:
            for address in range(0, registers, A_REQUEST):
                answer = await client.read_holding_registers(
                    address, count=min(A_REQUEST, registers - address)
                )
                read += len(answer.registers)
    finally:
        client.close()
    return read


async def main() -> None:
    """Read for the time asked and tell how much it was."""
    settings = json.loads(sys.argv[1])
    write_json(Path(settings["ready"]), {})
    began, cpu_s = time.monotonic(), time.process_time()
    counts = await asyncio.gather(
        *[
            read_for(settings["port"], settings["registers"], began + settings["seconds"])
            for _ in range(settings["connections"])
        ]
    )
    figures = {
        "readings": sum(counts),
        "seconds": time.monotonic() - began,
        "cpu_s": time.process_time() - cpu_s,
    }
    write_json(Path(settings["out"]), figures)


if __name__ == "__main__":
    asyncio.run(main())
