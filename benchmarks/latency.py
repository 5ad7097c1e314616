"""How long a change at the PLC takes to each station of its way, at parts of the top rate.

Everything is what people run: agent, broker, PostgreSQL, server with all its roles, on this one
machine and so by one clock. The top rate is measured first: what the server stores of an agent that
reads 20,000 registers as often as it can. Then so many registers are read twice a second as make a
part of it, and beside them, ten times a second, one that changes by the clock.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
import psycopg

from benchmarks.children import EdgeProgram, Helper, write_json
from benchmarks.edge_side import PLANT, modbus_device
from benchmarks.latency_machine import PROBE
from benchmarks.results import ROUNDS, Result
from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.embedded.postgres import EmbeddedPostgres
from rig.programs import Program, python_module_command

PARTS: Final = (0.1, 0.5, 0.9)
STAGES: Final = ("collected", "in the buffer", "on the broker", "committed", "confirmed", "shown")
_DEVICES: Final = 4
_REGISTERS: Final = 5_000
_FASTEST_MS: Final = 10
_EVERY_MS: Final = 500
_PROBE_MS: Final = 100
_SETTLE_S: Final = 12.0
_LIMIT_S: Final = 120.0


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
        port = (self.folder / "server" / "api.port").read_text("ascii").strip()
        return f"http://127.0.0.1:{port}"

    @property
    def token(self) -> str:
        """Its token."""
        return (self.folder / "server" / "api.token").read_text("ascii").strip()

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
            config = folder / "server.yaml"
            write_json(
                config,
                {
                    "data_dir": str(folder / "server"),
                    "database": {"dsn": database.dsn},
                    "broker": {"host": "127.0.0.1", "port": broker.port},
                },
            )
            server = Program(
                name="server",
                command=python_module_command("ingest_server.cli", "run", str(config)),
                log=folder / "server.log",
            )
            server.start()
            try:
                await server.wait_until(
                    lambda: (
                        (folder / "server" / "api.port").exists()
                        and b"receiving" in server.log.read_bytes()
                    ),
                    limit_s=_LIMIT_S,
                )
                yield Plant(folder=folder, broker=broker, dsn=database.dsn, server=server)
            finally:
                server.kill()


async def latency(rounds: int) -> list[Result]:
    """The top rate, and the median and 99th percentile of every stage at parts of it."""
    seconds = 60.0 if rounds >= ROUNDS else 20.0
    async with plant() as at:
        top = await _top_rate(at, seconds / 2)
        results = [Result(name="latency/top-rate", value=top, unit="readings/s")]
        for part in PARTS:
            rate, found = await _at_rate(at, part, part * top, seconds)
            label = f"latency/{part * 100:.0f}%"
            results.append(
                Result(name=f"{label}/rate", value=rate, unit="readings/s", ceiling=part * top)
            )
            results += [
                Result(
                    name=f"{label}/{stage.replace(' ', '-')}/p{percent}",
                    value=float(np.percentile(times, percent)) / 1_000,
                    unit="ms",
                )
                for stage, times in found.items()
                for percent in (50, 99)
            ]
        return results


async def _top_rate(at: Plant, seconds: float) -> float:
    machine = Helper(at.folder / "machine-top", "latency_machine", registers=_REGISTERS)
    edge: EdgeProgram | None = None
    try:
        port = (await machine.start())["port"]
        edge = at.edge("top", _load(port, _REGISTERS, _FASTEST_MS))
        await edge.start()
        await asyncio.sleep(_SETTLE_S)
        before = await at.stored()
        await asyncio.sleep(seconds)
        return (await at.stored() - before) / seconds
    finally:
        await _end(edge, machine)


async def _at_rate(
    at: Plant, part: float, rate: float, seconds: float
) -> tuple[float, Mapping[str, list[float]]]:
    registers = max(1, round(rate * _EVERY_MS / 1_000 / _DEVICES))
    name = f"part-{part * 100:.0f}"
    machine = Helper(at.folder / f"machine-{name}", "latency_machine", registers=registers)
    watch = Helper(
        at.folder / f"watch-{name}",
        "latency_watch",
        plant=PLANT,
        edge=name,
        path="probe",
        port=at.broker.port,
        api=at.api,
        token=at.token,
    )
    edge: EdgeProgram | None = None
    try:
        port = (await machine.start())["port"]
        await watch.start()
        probe = {
            **modbus_device("probe", port, 1, every_ms=_PROBE_MS),
            "groups": [
                {
                    "every_ms": _PROBE_MS,
                    "tags": [{"path": "probe", "address": f"holding:{PROBE}", "dtype": "u16"}],
                }
            ],
        }
        edge = at.edge(name, [probe, *_load(port, registers, _EVERY_MS)])
        await edge.start()
        await asyncio.sleep(_SETTLE_S)
        changes: Any = await machine.found()
        first, before = len(changes) + 1, await at.stored()
        await asyncio.sleep(seconds)
        stored = (await at.stored() - before) / seconds
        changes = await machine.found()
        last = len(changes)
        seen: Any = await watch.found()
        end = time.monotonic() + _LIMIT_S
        while not _is_through(seen, last):
            if time.monotonic() > end:
                raise TimeoutError(f"what changed last at {rate:.0f} readings/s never came through")
            seen = await watch.found()
        await edge.program.stop()
        times = await _times(at, edge, seen)
        return stored, {
            stage: [of(number) - changes[number - 1] for number in range(first, last + 1)]
            for stage, of in times.items()
        }
    finally:
        watch.program.kill()
        await _end(edge, machine)


async def _times(at: Plant, edge: EdgeProgram, seen: Any) -> dict[str, Callable[[int], float]]:
    """For every stage, when a change was there: it, or a later one that hides it."""
    committed = {
        (str(epoch), cls, seq): at_us
        for epoch, cls, seq, at_us in await at.rows(
            "SELECT epoch, class, seq, extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1e6"
            " FROM lineside.batch"
        )
    }
    kept = _kept(edge.buffer)
    readings = sorted(seen["readings"], key=lambda one: (one["value"], one["read_us"]))
    first: dict[int, Any] = {}
    for one in readings:
        first.setdefault(one["value"], one)
    values = np.array(sorted(first))
    acked: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for (epoch, cls), cursor, at_us in seen["acked"]:
        acked.setdefault((epoch, cls), []).append((cursor, at_us))

    def reading(number: int) -> Any:
        return first[int(values[np.searchsorted(values, number)])]

    def place(number: int) -> tuple[str, str, int]:
        one = reading(number)
        return one["epoch"], one["cls"], one["seq"]

    def confirmed(number: int) -> float:
        epoch, cls, seq = place(number)
        return min(at_us for cursor, at_us in acked[epoch, cls] if cursor >= seq)

    def shown(number: int) -> float:
        return float(min(at_us for value, at_us in seen["shown"] if value >= number))

    stages: tuple[Callable[[int], float], ...] = (
        lambda number: float(reading(number)["read_us"]),
        lambda number: float(kept[place(number)]),
        lambda number: float(reading(number)["broker_us"]),
        lambda number: float(committed[place(number)]),
        confirmed,
        shown,
    )
    return dict(zip(STAGES, stages, strict=True))


def _is_through(seen: Any, last: int) -> bool:
    """Whether a change was seen at every station."""
    if not seen["shown"] or seen["shown"][-1][0] < last:
        return False
    return any(
        [one["epoch"], one["cls"]] == stream and cursor >= one["seq"]
        for one in seen["readings"]
        if one["value"] >= last
        for stream, cursor, _ in seen["acked"][-10:]
    )


def _kept(buffer: Path) -> dict[tuple[str, str, int], int]:
    """When each record of a buffer that was closed was written there."""
    with closing(sqlite3.connect(buffer)) as db:
        rows = db.execute(
            "SELECT epoch, cls, seq, record.at_us FROM record JOIN epoch USING (ord)"
        ).fetchall()
    return {(str(UUID(bytes=epoch)), cls, seq): at_us for epoch, cls, seq, at_us in rows}


def _load(port: int, registers: int, every_ms: int) -> list[dict[str, Any]]:
    return [
        modbus_device(f"plc-{number}", port, registers, every_ms=every_ms)
        for number in range(_DEVICES)
    ]


async def _end(edge: EdgeProgram | None, machine: Helper) -> None:
    if edge is not None:
        edge.program.kill()
    machine.program.kill()
