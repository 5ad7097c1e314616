"""What stored readings cost: a trend and the rate of ingestion with many rows beside none.

The trend is a month of one tag over HTTP, as a screen asks for it; its ceiling is the bare SQL on
the hours' table over an open connection. The rate is that of a worker with N rows in its database;
its ceiling is a worker with an empty one, on the same server. Each takes turns with its ceiling.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from uuid import uuid4

import psycopg

from benchmarks import rows_filled
from benchmarks.generator import Generator
from benchmarks.results import Result, in_turn, ratio_at_least, ratio_at_most
from benchmarks.server_side import Sender, Worker, drain, publish, stored, timed, until_stored
from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.embedded.postgres import EmbeddedPostgres, find_installation
from ingest_server.store import connection as connections
from ingest_server.store import migrate
from ingest_server.store.partitions import DAY_US, Partitions
from rig.programs import Program, python_module_command
from rig.server_file import write_server_file
from runtime.clock import now_us
from runtime.mqtt import BrokerAddress
from wire.ids import EdgeId

SIZES: Final = (0, 1_000_000)
TREND_GOAL: Final = 5.0
RATE_GOAL: Final = 0.8
_DAYS: Final = 30
_POINTS: Final = 1_000
_TRENDS: Final = 20
_TAGS: Final = 500
_POLLS: Final = 10
_RECORDS: Final = 60
_EVERY_US: Final = 100_000
_HOURS = b"""
SELECT ts, count, good, min, max, mean, first, last FROM reading_1h
WHERE tag_id = %(tag)s AND ts >= %(from_ts)s AND ts < %(to_ts)s ORDER BY ts
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """A worker with its database, its broker and the one edge that sends to it."""

    dsn: str
    broker: BrokerAddress
    worker: Worker
    sender: Sender

    async def rate(self) -> float:
        """Rows a second of what waits on the broker."""
        waiting = [(self.sender.edge, self.sender.samples(_POLLS)) for _ in range(_RECORDS)]
        seconds, _ = await drain([self.worker], self.dsn, self.broker, waiting)
        return _RECORDS * _POLLS * _TAGS / seconds


async def measure(
    rounds: int, sizes: Sequence[int] = SIZES, keep: Path | None = None
) -> list[Result]:
    """Every size on plain PostgreSQL, and on TimescaleDB where there is one.

    keep: a folder where full databases are left, and found again by the next run.
    """
    kinds: dict[str, Mapping[str, str]] = {"plain": {}}
    if find_installation(os.environ).has_timescaledb:
        kinds["timescaledb"] = os.environ
    results = []
    for kind, environ in kinds.items():
        for size in sizes:
            print(f"{kind}, {size:,} rows", file=sys.stderr, flush=True)
            with home_of(keep and keep / f"{kind}-{size}") as home:
                results += await _with_rows(home, kind, environ, size, rounds)
    return results


@contextmanager
def home_of(kept: Path | None) -> Iterator[Path]:
    """The folder of one size's server: the one that is kept, or one that vanishes afterwards."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as name:
        yield Path(name)


async def _with_rows(
    home: Path, kind: str, environ: Mapping[str, str], size: int, rounds: int
) -> list[Result]:
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as name:
        folder = Path(name)
        async with EmbeddedPostgres(home / "postgres", environ=environ) as server:
            with created(server) as empty, created(server) as other:
                dsn = other
                if size:
                    filled = await asyncio.to_thread(rows_filled.filled, server, size)
                    dsn = filled.dsn
                    results += [
                        Result(
                            name=f"rows/size/{kind}/{size}", value=filled.size / 2**30, unit="GiB"
                        ),
                        await _trend(folder, filled, f"{kind}/{size}", rounds),
                    ]
                async with (
                    side(folder / "full", dsn) as full,
                    side(folder / "empty", empty) as beside,
                ):
                    await full.rate()
                    await beside.rate()
                    value, ceiling = await in_turn(rounds, full.rate, beside.rate)
    results.append(
        Result(
            name=f"rows/ingest/{kind}/{size}",
            value=value,
            unit="rows/s",
            ceiling=ceiling,
            goal=ratio_at_least(RATE_GOAL),
        )
    )
    return results


@contextmanager
def created(server: EmbeddedPostgres) -> Iterator[str]:
    """DSN of a new, migrated database with its partitions, which is dropped afterwards."""
    name = f"bench_{uuid4().hex[:8]}"
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            dsn = server.dsn_of(name)
            migrate.migrate(dsn)
            partitions = Partitions(dsn)
            partitions.ensure_ahead(now_us())
            partitions.close()
            yield dsn
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def side(folder: Path, dsn: str) -> AsyncIterator[Side]:
    """A worker on a database, with a broker of its own, and an edge whose tags are stored."""
    folder.mkdir(parents=True)
    async with EmbeddedBroker(folder / "broker", kind="nats") as broker:
        address = BrokerAddress(host=broker.host, port=broker.port)
        worker = Worker(folder / "worker", dsn=dsn, broker=address)
        sender = Sender(
            edge=EdgeId(plant="bench", edge=f"line-{uuid4().hex[:8]}"),
            generator=Generator(
                _TAGS, start_us=now_us() // DAY_US * DAY_US + DAY_US // 2, every_us=_EVERY_US
            ),
        )
        try:
            await worker.start()
            beginning = [(sender.edge, record) for record in sender.beginning()]
            before = await stored(dsn)
            await publish(address, beginning)
            await until_stored(dsn, before + len(beginning))
            yield Side(dsn=dsn, broker=address, worker=worker, sender=sender)
        finally:
            await worker.program.stop()


async def _trend(folder: Path, filled: rows_filled.Filled, name: str, rounds: int) -> Result:
    """Milliseconds for a month of one tag, which ends amid an hour."""
    to = min(datetime.now(UTC), filled.until - timedelta(minutes=30))
    span = {"from_ts": to - timedelta(days=_DAYS), "to_ts": to}
    query = {
        "tag": filled.tag,
        "from": span["from_ts"].isoformat(),
        "to": to.isoformat(),
        "points": str(_POINTS),
    }
    path = "/api/v1/readings?" + urllib.parse.urlencode(query)
    data = folder / "api" / "data"
    async with EmbeddedBroker(folder / "api broker", kind="nats") as broker:
        address = BrokerAddress(host=broker.host, port=broker.port)
        program = _api(folder / "api", filled.dsn, address)
        with connections.connect(filled.dsn, name="bench") as connection:

            def bare() -> float:
                began = time.perf_counter()
                for _ in range(_TRENDS):
                    values = {"tag": filled.tag_id, **span}
                    if not connection.execute(_HOURS, values).fetchall():
                        raise RuntimeError("no hours there")
                return (time.perf_counter() - began) / _TRENDS * 1e3

            def product() -> float:
                # A new connection each time: the server closes one that is idle for long.
                http = HTTPConnection("127.0.0.1", port, timeout=60)
                http.connect()
                began = time.perf_counter()
                for _ in range(_TRENDS):
                    http.request("GET", path, headers={"Authorization": f"Bearer {token}"})
                    answer = http.getresponse()
                    body = answer.read()
                    if answer.status != 200:
                        raise RuntimeError(body.decode())
                if len(json.loads(body)["series"][0]["buckets"]) < _DAYS * 12:
                    raise RuntimeError("not a whole month")
                took_ms = (time.perf_counter() - began) / _TRENDS * 1e3
                http.close()
                return took_ms

            try:
                program.start()
                await program.wait_until((data / "api.port").exists, limit_s=60)
                token = (data / "api.token").read_text("utf-8").strip()
                port = int((data / "api.port").read_text("utf-8"))
                product()
                bare()
                value, ceiling = await in_turn(rounds, timed(product), timed(bare))
            finally:
                await program.stop()
    return Result(
        name=f"rows/trend/{name}",
        value=value,
        unit="ms",
        ceiling=ceiling,
        goal=ratio_at_most(TREND_GOAL),
    )


def _api(folder: Path, dsn: str, broker: BrokerAddress) -> Program:
    config = write_server_file(folder, dsn=dsn, host=broker.host, port=broker.port)
    return Program(
        name="api",
        command=python_module_command("ingest_server.cli", "run", str(config), "--role", "api"),
        log=folder / "api.log",
    )
