"""The edge agent at a given pace: changes over OPC UA without loss, and both protocols together.

Memory is the resident memory of the agent's process alone, looked at every ten seconds; it is the
largest of these figures, and it has grown by the difference between the medians of the last
minute and of the first one that follows two minutes of settling.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Sequence

from benchmarks.children import EdgeProgram, Helper
from benchmarks.edge_side import modbus_device, opcua_device, site
from benchmarks.results import ROUNDS, Result, ratio_at_least, value_at_most

NODES = 5_000
CHANGES_A_SECOND = 5_000
REGISTERS = 10_000
MOST_CORES = 0.3
MOST_MEMORY = 150.0
MOST_GROWTH = 5.0
_LOOK_S = 10.0
_A_MINUTE = 6
_SETTLED = 12
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
    """The same beside 10,000 Modbus tags read once a second, for ten minutes."""
    seconds = 600.0 if rounds >= ROUNDS else 20.0
    return await _run("steady", seconds, modbus=True)


async def _run(name: str, seconds: float, *, modbus: bool) -> list[Result]:
    async with site(counted_device=_DEVICE) as at:
        go, memory = at.folder / "go", list[float]()
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
                looking = asyncio.create_task(_memory(edge, memory))
                found = await edge.over(seconds)
                looking.cancel()
                made = await server.found()
                received = await _received(at.acker, int(made["changes"]))
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
        Result(
            name=f"edge/{name}/cpu",
            value=found["cpu_s"] / found["seconds"],
            unit="cores",
            goal=value_at_most(MOST_CORES),
        ),
        Result(
            name=f"edge/{name}/memory",
            value=max(memory),
            unit="MiB",
            goal=value_at_most(MOST_MEMORY),
        ),
    ]
    if len(memory) >= _SETTLED + 2 * _A_MINUTE:
        print(f"memory every {_LOOK_S:g} s, MiB:", *map(round, memory), file=sys.stderr)
        results.append(
            Result(
                name=f"edge/{name}/memory-growth",
                value=growth(memory),
                unit="MiB",
                goal=value_at_most(MOST_GROWTH),
            )
        )
    pace = Result(
        name=f"edge/{name}/rate",
        value=found["readings"] / found["seconds"],
        unit="readings/s",
        ceiling=float(CHANGES_A_SECOND + (REGISTERS if modbus else 0)),
        goal=ratio_at_least(0.95),
    )
    return [pace, *results]


async def _memory(edge: EdgeProgram, into: list[float]) -> None:
    while True:
        into.append(edge.memory)
        await asyncio.sleep(_LOOK_S)


def growth(memory: Sequence[float]) -> float:
    """By how much it is more in the last minute than in the first one after settling."""
    first = statistics.median(memory[_SETTLED : _SETTLED + _A_MINUTE])
    return statistics.median(memory[-_A_MINUTE:]) - first


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
