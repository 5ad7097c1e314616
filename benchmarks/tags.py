"""What a reading costs the agent by how many tags it has, each read once a second over Modbus."""

from __future__ import annotations

from typing import Final

from benchmarks.children import Helper
from benchmarks.edge_side import modbus_device, site
from benchmarks.results import ROUNDS, Result

TAGS: Final = (100, 1_000, 5_000, 10_000, 20_000)
_SETTLE_S: Final = 5.0


async def tags(rounds: int) -> list[Result]:
    """Processor time a reading and resident memory, for every number of tags."""
    seconds = 60.0 if rounds >= ROUNDS else 15.0
    results = []
    for count in TAGS:
        async with site() as at:
            machine = Helper(at.folder / "machine", "modbus_machine", registers=count)
            edge = None
            try:
                port = (await machine.start())["port"]
                edge = at.edge("edge", [modbus_device("plc", port, count, every_ms=1_000)])
                await edge.start()
                await edge.over(_SETTLE_S)
                found = await edge.over(seconds)
                memory = edge.memory
            finally:
                if edge is not None:
                    edge.program.kill()
                machine.program.kill()
        name = f"edge/tags/{count}"
        cost = found["cpu_s"] / found["readings"] * 1e6
        cores = found["cpu_s"] / found["seconds"]
        results += [
            Result(name=f"{name}/cpu", value=cost, unit="us/reading"),
            Result(name=f"{name}/cores", value=cores, unit="cores"),
            Result(name=f"{name}/memory", value=memory, unit="MiB"),
        ]
    return results
