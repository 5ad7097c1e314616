"""How long `lineside-edge browse` takes with a large OPC UA server, and how much memory.

The server is asyncua's, which answers Browse and Read slowly: most of the time is its own. The
processor time is the tool's alone.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.children import Helper
from benchmarks.results import ROUNDS, Result, value_at_least
from rig.programs import Program, python_module_command

VARIABLES = 99_000
"""With their folders some 100,000 nodes."""
_LOOK_S = 0.05
_LIMIT_S = 900.0


async def browse(rounds: int) -> list[Result]:
    """Once: it is long."""
    variables = VARIABLES if rounds >= ROUNDS else VARIABLES // 10
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as name:
        folder = Path(name)
        server = Helper(folder / "server", "opcua_nodes", variables=variables)
        out = folder / "found.yaml"
        try:
            url = f"opc.tcp://127.0.0.1:{(await server.start())['port']}/bench"
            tool = Program(
                name="browse",
                command=python_module_command(
                    "edge_agent.cli", "browse", url, "--out", str(out), "--max", "200000"
                ),
                log=folder / "browse.log",
            )
            seconds, cpu_s, memory = await _watched(tool)
        finally:
            server.program.kill()
        found = out.read_text("utf-8").count("address:") if out.exists() else 0
    print(f"browsed {variables} variables in {seconds:.1f} s", file=sys.stderr)
    return [
        Result(
            name="edge/browse/found",
            value=found,
            unit="tags",
            ceiling=variables,
            goal=value_at_least(variables),
        ),
        Result(name="edge/browse/rate", value=found / seconds, unit="tags/s"),
        Result(name="edge/browse/cpu", value=cpu_s, unit="s"),
        Result(name="edge/browse/memory", value=memory, unit="MiB"),
    ]


async def _watched(tool: Program) -> tuple[float, float, float]:
    """Seconds, processor seconds and most memory (MiB) of a program that ends by itself."""
    began_s, cpu_s, memory = time.monotonic(), 0.0, 0.0
    tool.start()
    try:
        process = psutil.Process(tool.pid)
        while tool.running and time.monotonic() - began_s < _LIMIT_S:
            try:
                times = process.cpu_times()
                memory = max(memory, process.memory_info().rss / 2**20)
            except psutil.NoSuchProcess:
                break
            cpu_s = max(cpu_s, times.user + times.system)
            await asyncio.sleep(_LOOK_S)
        return time.monotonic() - began_s, cpu_s, memory
    finally:
        tool.kill()
