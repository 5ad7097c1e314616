"""The ceiling of reading over OPC UA: asyncua with four requests in flight, values thrown away."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds

from benchmarks.children import write_json
from benchmarks.opcua_machine import FIRST


async def read_for(client: Client, requests: list[ua.ReadParameters], end_s: float) -> int:
    """How many values came until then, one request after the other."""
    read = 0
    while True:
        for request in requests:
            if time.monotonic() >= end_s:
                return read
            read += len(await client.uaclient.read(request))


def requests_of(first: int, nodes: int, a_request: int) -> list[ua.ReadParameters]:
    """Requests for the values of `nodes` nodes from `first`."""
    return [
        ua.ReadParameters(
            MaxAge=0,
            TimestampsToReturn=ua.TimestampsToReturn.Source,
            NodesToRead=[
                ua.ReadValueId(
                    NodeId=ua.NodeId(ua.Int32(FIRST + number), ua.Int16(2)),
                    AttributeId=AttributeIds.Value,
                )
                for number in range(start, min(start + a_request, first + nodes))
            ],
        )
        for start in range(first, first + nodes, a_request)
    ]


async def main() -> None:
    """Read for the time asked and tell how much it was."""
    settings = json.loads(sys.argv[1])
    each = settings["nodes"] // settings["in_flight"]
    loads = [
        requests_of(number * each, each, settings["a_request"])
        for number in range(settings["in_flight"])
    ]
    async with Client(f"opc.tcp://127.0.0.1:{settings['port']}/bench") as client:
        for load in loads:
            for request in load:
                await client.uaclient.read(request)
        write_json(Path(settings["ready"]), {})
        began, cpu_s = time.monotonic(), time.process_time()
        end_s = began + settings["seconds"]
        counts = await asyncio.gather(*[read_for(client, load, end_s) for load in loads])
        figures = {
            "readings": sum(counts),
            "seconds": time.monotonic() - began,
            "cpu_s": time.process_time() - cpu_s,
        }
    write_json(Path(settings["out"]), figures)


if __name__ == "__main__":
    asyncio.run(main())
