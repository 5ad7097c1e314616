"""How fast the edge agent reads when nothing holds it back, beside the bare library.

The product does everything: driver, shaping, a buffer on disk with fsync, broker, and an acker that
stores nothing. The bare loop reads the same addresses over as many connections (Modbus) or with as
many requests in flight (OPC UA) and throws the values away. Only one of them runs at a time.
"""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.children import Helper
from benchmarks.edge_side import Site, modbus_device, opcua_device, site
from benchmarks.results import Result, in_turn, ratio_at_least, ratio_at_most

CONNECTIONS = 4
REGISTERS = 5_000
"""Of each connection."""
NODES = 4_000
IN_FLIGHT = 4
A_REQUEST = 500
_FASTEST_MS = 10
_SECONDS = 4.0
_SETTLE_S = 1.5


async def modbus(rounds: int) -> list[Result]:
    """Readings a second and processor time a reading."""
    async with site() as at:
        machine = Helper(at.folder / "machine", "modbus_machine", registers=REGISTERS)
        try:
            port = (await machine.start())["port"]
            devices = [
                modbus_device(f"plc-{number}", port, REGISTERS, every_ms=_FASTEST_MS)
                for number in range(CONNECTIONS)
            ]
            bare = Helper(
                at.folder / "bare",
                "modbus_bare",
                port=port,
                registers=REGISTERS,
                connections=CONNECTIONS,
                seconds=_SECONDS,
            )
            return await _compare("modbus", at, devices, bare, rounds, rate=0.3, cpu=3.0)
        finally:
            machine.program.kill()


async def opcua(rounds: int) -> list[Result]:
    """The same for batched reads over OPC UA."""
    async with site() as at:
        machine = Helper(at.folder / "machine", "opcua_machine", nodes=NODES)
        try:
            port = (await machine.start())["port"]
            device = opcua_device(
                "server", port, NODES, groups=IN_FLIGHT, every_ms=_FASTEST_MS, subscribe=False
            )
            bare = Helper(
                at.folder / "bare",
                "opcua_bare",
                port=port,
                nodes=NODES,
                in_flight=IN_FLIGHT,
                a_request=A_REQUEST,
                seconds=_SECONDS,
            )
            return await _compare("opcua-read", at, [device], bare, rounds, rate=0.8, cpu=1.5)
        finally:
            machine.program.kill()


async def _compare(
    name: str,
    at: Site,
    devices: list[dict[str, Any]],
    bare: Helper,
    rounds: int,
    *,
    rate: float,
    cpu: float,
) -> list[Result]:
    edge = at.edge("edge", devices)
    ours: list[float] = []
    theirs: list[float] = []
    unacked: list[float] = []

    async def product() -> float:
        edge.program.thaw()
        await edge.over(_SETTLE_S)
        found = await edge.over(_SECONDS)
        edge.program.freeze()
        ours.append(found["cpu_s"] / found["readings"] * 1e6)
        unacked.append(found["unacked"])
        return found["readings"] / found["seconds"]

    async def ceiling() -> float:
        await bare.start()
        found = await bare.found()
        theirs.append(found["cpu_s"] / found["readings"] * 1e6)
        return found["readings"] / found["seconds"]

    try:
        await edge.start()
        edge.program.freeze()
        value, most = await in_turn(rounds, product, ceiling)
    finally:
        edge.program.kill()
        bare.program.kill()
    return [
        Result(
            name=f"edge/{name}/rate",
            value=value,
            unit="readings/s",
            ceiling=most,
            goal=ratio_at_least(rate),
        ),
        Result(
            name=f"edge/{name}/cpu",
            value=statistics.median(ours),
            unit="us/reading",
            ceiling=statistics.median(theirs),
            goal=ratio_at_most(cpu),
        ),
        Result(name=f"edge/{name}/unacked", value=statistics.median(unacked), unit="records"),
    ]
