"""The whole system that latency is measured in: everything but the edge, and agents of some rate.

Broker, PostgreSQL and the server with all its roles are what people run, on this one machine.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks.children import EdgeProgram, Helper
from benchmarks.edge_side import PLANT, modbus_device
from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.embedded.postgres import EmbeddedPostgres
from rig.programs import Program, python_module_command
from rig.server_file import write_server_file

LIMIT_S: Final = 120.0
EVERY_MS: Final = 500
DEVICES: Final = 4
REST_RECORDS: Final = 24
"""A window in flight and half of one confirmed late: more waits for a place, so it is backlog."""
_LOOKS: Final = 5
_LOOK_S: Final = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Plant:
    """What stays for all parts: broker, database, server."""

    folder: Path
    broker: EmbeddedBroker
    dsn: str
    server: Program

    @property
    def api(self) -> str:
        """Where the API answers."""
        port = (self.folder / "data" / "api.port").read_text("ascii").strip()
        return f"http://127.0.0.1:{port}"

    @property
    def token(self) -> str:
        """Its token."""
        return (self.folder / "data" / "api.token").read_text("ascii").strip()

    def edge(self, name: str, devices: list[dict[str, Any]]) -> EdgeProgram:
        """An agent of its own identity."""
        config = {
            "plant": PLANT,
            "edge": name,
            "broker": {"host": "127.0.0.1", "port": self.broker.port},
            "devices": devices,
        }
        return EdgeProgram(self.folder / name, config)

    async def stored(self) -> int:
        """Readings in the database."""
        found = await self.rows("SELECT coalesce(sum(rows), 0) FROM lineside.stream")
        return int(found[0][0])

    async def stored_a_second(self, seconds: float) -> float:
        """What comes into the database, over so many seconds."""
        before, began = await self.stored(), time.monotonic()
        await asyncio.sleep(seconds)
        return (await self.stored() - before) / (time.monotonic() - began)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        async with await psycopg.AsyncConnection.connect(self.dsn) as connection:
            return await (await connection.execute(query.encode())).fetchall()


@asynccontextmanager
async def plant() -> AsyncIterator[Plant]:
    """Everything but the edge, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as name:
        folder = Path(name)
        # True times of commits; without it only the beginning of a transaction is known.
        settings = {"track_commit_timestamp": "on"}
        async with (
            EmbeddedBroker(folder / "broker") as broker,
            EmbeddedPostgres(folder / "database", settings=settings) as database,
        ):
            config = write_server_file(folder, dsn=database.dsn, host="127.0.0.1", port=broker.port)
            server = Program(
                name="server",
                command=python_module_command("ingest_server.cli", "run", str(config)),
                log=folder / "server.log",
            )
            server.start()
            try:
                await server.wait_until(
                    lambda: (
                        (folder / "data" / "api.port").exists()
                        and b"receiving" in server.log.read_bytes()
                    ),
                    limit_s=LIMIT_S,
                )
                yield Plant(folder=folder, broker=broker, dsn=database.dsn, server=server)
            finally:
                server.kill()


async def until_at_rest(edge: EdgeProgram, *, limit_s: float) -> bool:
    """Wait until nothing waits in the buffer but what is under way; whether that came to be."""
    end, quiet = time.monotonic() + limit_s, 0
    while quiet < _LOOKS:
        if time.monotonic() > end:
            return False
        await asyncio.sleep(_LOOK_S)
        waiting = (await edge.metrics()).get("edge_buffer_unacked_records", 0.0)
        quiet = quiet + 1 if waiting <= REST_RECORDS else 0
    return True


def registers_of(rate: float) -> int:
    """Of each device, so that together they are so many readings a second."""
    return max(1, round(rate * EVERY_MS / 1_000 / DEVICES))


def load(port: int, registers: int, every_ms: int = EVERY_MS) -> list[dict[str, Any]]:
    """Devices with so many registers each."""
    return [
        modbus_device(f"plc-{number}", port, registers, every_ms=every_ms)
        for number in range(DEVICES)
    ]


async def end(edge: EdgeProgram | None, machine: Helper) -> None:
    """End what reads and what is read."""
    if edge is not None:
        edge.program.kill()
    machine.program.kill()
