"""The edge agent at a given pace: changes over OPC UA without loss, and both protocols together."""

from __future__ import annotations

import asyncio

from benchmarks.children import Helper
from benchmarks.edge_side import modbus_device, opcua_device, site
from benchmarks.results import ROUNDS, Result, ratio_at_least, value_at_most

NODES = 5_000
CHANGES_A_SECOND = 5_000
REGISTERS = 10_000
_DEVICE = "server"
_REPORT_MS = 500
_LAST_S = 20.0
_MARGIN_S = 2.0
"""Changes go on so long before and after the time that is looked at."""


async def changes(rounds: int) -> list[Result]:
    """5,000 changes a second of 5,000 subscribed nodes; each counted at the broker's other side."""
    seconds = 20.0 if rounds >= ROUNDS else 8.0
    return await _run("changes", seconds, modbus=False)


async def steady(rounds: int) -> list[Result]:
    """The same beside 10,000 Modbus tags read once a second."""
    seconds = 60.0 if rounds >= ROUNDS else 20.0
    return await _run("steady", seconds, modbus=True)


async def _run(name: str, seconds: float, *, modbus: bool) -> list[Result]:
    async with site(counted_device=_DEVICE) as at:
        go = at.folder / "go"
        plc = Helper(at.folder / "plc", "modbus_machine", registers=REGISTERS)
        server = Helper(
            at.folder / "server",
            "opcua_machine",
            nodes=NODES,
            changes=CHANGES_A_SECOND,
            seconds=seconds + 2 * _MARGIN_S,
            go=str(go),
        )
        try:
            devices = [
                opcua_device(
                    _DEVICE,
                    (await server.start())["port"],
                    NODES,
                    groups=1,
                    every_ms=_REPORT_MS,
                    subscribe=True,
                )
            ]
            if modbus:
                port = (await plc.start())["port"]
                devices.append(modbus_device("plc", port, REGISTERS, every_ms=1_000))
            edge = at.edge("edge", devices)
            try:
                await edge.start()
                await asyncio.sleep(3.0)
                go.touch()
                await asyncio.sleep(_MARGIN_S)
                found = await edge.over(seconds)
                made = await server.found()
                received = await _received(at.acker, int(made["changes"]))
                memory = edge.memory
            finally:
                edge.program.kill()
        finally:
            server.program.kill()
            plc.program.kill()
    results = [
        Result(
            name=f"edge/{name}/lost-or-doubled",
            value=abs(made["changes"] - received),
            unit="changes",
            goal=value_at_most(0),
        ),
        Result(name=f"edge/{name}/cpu", value=found["cpu_s"] / found["seconds"], unit="cores"),
        Result(name=f"edge/{name}/memory", value=memory, unit="MiB"),
    ]
    pace = Result(
        name=f"edge/{name}/rate",
        value=found["readings"] / found["seconds"],
        unit="readings/s",
        ceiling=float(CHANGES_A_SECOND + (REGISTERS if modbus else 0)),
        goal=ratio_at_least(0.95),
    )
    return [pace, *results]


async def _received(acker: Helper, wanted: int) -> float:
    """What came through, once nothing more comes."""
    seen = -1.0
    for _ in range(int(_LAST_S)):
        found = await acker.found()
        if found["seen"] >= wanted or (seen >= 0 and found["seen"] == seen):
            break
        seen = found["seen"]
        await asyncio.sleep(2.0)
    return (await acker.found())["seen"]
