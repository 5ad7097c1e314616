"""Looks at what an edge shows while something else goes on: how old live values are, first records.

Connects again at once whenever the broker is gone. Of every live message the age of its oldest
value is noted, and of every connection the moment at which the first record came.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.children import write_json
from runtime.clock import now_us
from runtime.errors import LinesideError
from runtime.mqtt import BrokerAddress, Connection
from wire.control import Ack, Live
from wire.ids import EdgeId
from wire.topics import down, up

_AGAIN_S = 0.02


async def watch(
    edge: EdgeId, port: int, ages_s: list[float], first: list[float], *, records: bool
) -> None:
    """One connection, until it is lost. `first`: moments of the first records, Unix seconds."""
    address = BrokerAddress(host="127.0.0.1", port=port)
    data, live = up(edge, "data"), up(edge, "live")
    async with Connection(address, client_id="bench-watch") as connection:
        await connection.subscribe(*([data, live] if records else [live]))
        if records:
            # As a server does: what the edge sent before somebody listened comes again at once.
            hello = Ack(kind="hello", worker=uuid4(), at_us=now_us(), streams=[])
            await connection.publish(down(edge, "ack"), hello.encode())
        seen = False
        async for message in connection.messages():
            message.ack()
            if message.topic == live:
                oldest_us = min(Live.decode(message.payload).ts)
                ages_s.append((now_us() - oldest_us) / 1e6)
            elif not seen:
                seen = True
                first.append(time.time())


async def main() -> None:
    """Watch until killed; tell what was seen twice a second."""
    settings = json.loads(sys.argv[1])
    edge = EdgeId(plant=settings["plant"], edge=settings["edge"])
    ages_s: list[float] = []
    first: list[float] = []

    async def tell() -> None:
        while True:
            await asyncio.sleep(0.5)
            found: dict[str, Any] = {"ages_s": ages_s, "first": first}
            write_json(Path(settings["out"]), found)

    telling = asyncio.create_task(tell())
    write_json(Path(settings["ready"]), {})
    while not telling.done():
        with contextlib.suppress(LinesideError):
            await watch(edge, settings["port"], ages_s, first, records=settings["records"])
        await asyncio.sleep(_AGAIN_S)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
