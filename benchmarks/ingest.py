"""How fast one worker stores what waits on the broker, beside a bare COPY of the same rows.

The bare COPY writes the very same bytes, made beforehand, in transactions of the size that the
worker chose, into the same table with its index, over one connection. Both write with fsync and
synchronous commit.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg

from benchmarks.generator import COUNTER, FLOAT, NOISE_MEAN, NOISE_SIGMA, Generator
from benchmarks.results import (
    Goal,
    Result,
    in_turn,
    ratio_at_least,
    ratio_at_most,
)
from benchmarks.server_side import (
    BEGIN_LIMIT_S,
    Sender,
    Worker,
    bare_copy,
    drain,
    plan_text,
    publish,
    records_a_transaction,
    rows_of,
    timed,
    until_stored,
)
from ingest_server.embedded.broker import BrokerKind, EmbeddedBroker, find_mosquitto
from ingest_server.embedded.postgres import EmbeddedPostgres
from ingest_server.store.migrate import migrate
from ingest_server.store.partitions import Partitions
from ingest_server.usecases.apply import apply
from runtime.clock import now_us
from runtime.mqtt import BrokerAddress
from wire.ids import EdgeId

ROWS_A_RECORD = 5_000
"""As many as a record may have."""
RECORDS = 120
RECORDS_QUICK = 60
"""Enough for a second or so: the first record's way and the last commit must not weigh."""
PLANT = "bench"
_EVERY_US = 100_000
_DAY_US = 86_400_000_000
_RATE_GOAL = 0.7
_BOUND_GOAL = 0.5
_MEMORY_GOAL = 1.15
_ALARM_ABOVE = NOISE_MEAN + 4.5 * NOISE_SIGMA


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where rows come from and go to."""

    folder: Path
    server: EmbeddedPostgres
    broker: BrokerAddress

    def database(self) -> str:
        """DSN of a new, migrated database with its partitions."""
        name = f"bench_{uuid4().hex[:8]}"
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        dsn = self.server.dsn_of(name)
        migrate(dsn)
        partitions = Partitions(dsn)
        partitions.ensure_ahead(now_us())
        partitions.close()
        return dsn

    def drop(self, dsn: str) -> None:
        """Remove a database."""
        name = dsn.rsplit("/", 1)[1]
        with psycopg.connect(self.server.dsn, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def rates(rounds: int) -> list[Result]:
    """Rows a second, by broker, number of tags, and with and without folds."""
    results = []
    for kind in brokers():
        async with place(kind) as at:
            for tags in (500, 5_000):
                for bound in (False, True):
                    results += await _rate(at, kind, tags, bound=bound, rounds=rounds)
    return results


def brokers() -> list[BrokerKind]:
    """NATS, and Mosquitto where there is one."""
    return ["nats", "mosquitto"] if find_mosquitto() is not None else ["nats"]


@asynccontextmanager
async def place(kind: BrokerKind) -> AsyncIterator[Place]:
    """A database and a broker of their own."""
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as name:
        folder = Path(name)
        async with (
            EmbeddedPostgres(folder / "postgres") as server,
            EmbeddedBroker(folder / "broker", kind=kind) as broker,
        ):
            address = BrokerAddress(host=broker.host, port=broker.port)
            yield Place(folder=folder, server=server, broker=address)


async def begin(at: Place, dsn: str, name: str, count: int, tags: int) -> list[Sender]:
    """So many edges whose openings and tag tables are stored."""
    senders = [
        Sender(
            edge=EdgeId(plant=PLANT, edge=f"{name}-{number}"),
            generator=Generator(tags, start_us=_start_us(), every_us=_EVERY_US, seed=number),
        )
        for number in range(count)
    ]
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT coalesce(sum(cursor), 0) FROM lineside.stream").fetchone()
    before = 0 if row is None else int(row[0])
    beginnings = [(sender.edge, one) for sender in senders for one in sender.beginning()]
    await publish(at.broker, beginnings)
    await until_stored(dsn, before + len(beginnings), limit_s=BEGIN_LIMIT_S)
    return senders


async def _rate(
    at: Place, kind: BrokerKind, tags: int, *, bound: bool, rounds: int
) -> list[Result]:
    name = f"{kind}/{tags}-tags/{'bound' if bound else 'unbound'}"
    dsn = at.database()
    worker = Worker(at.folder / name.replace("/", "-"), dsn=dsn, broker=at.broker)
    records = RECORDS if rounds > 3 else RECORDS_QUICK
    polls = ROWS_A_RECORD // tags
    memory: list[float] = []
    together: list[float] = []
    cpu: list[float] = []
    try:
        await worker.start()
        (sender,) = await begin(at, dsn, "line", 1, tags)
        if bound:
            _apply_plan(at, dsn, sender)

        async def product() -> float:
            waiting = [(sender.edge, sender.samples(polls)) for _ in range(records)]
            seconds, cpu_s = await drain([worker], dsn, at.broker, waiting)
            together.append(records_a_transaction(dsn, last=records))
            memory.append(worker.memory)
            cpu.append(cpu_s / (records * ROWS_A_RECORD) * 1e6)
            return records * ROWS_A_RECORD / seconds

        # The same rows again, from a generator of their own that stands where the other began.
        twin = Sender(
            edge=sender.edge,
            generator=Generator(tags, start_us=_start_us(), every_us=_EVERY_US, seed=0),
            epoch=sender.epoch,
        )

        def ceiling() -> float:
            waiting = [twin.samples(polls) for _ in range(records)]
            pieces = rows_of(dsn, twin, waiting, together=round(statistics.median(together)))
            return records * ROWS_A_RECORD / bare_copy(dsn, pieces)

        await product()  # caches, connections, the table's first pages
        memory.clear()
        cpu.clear()
        value, most = await in_turn(rounds, product, timed(ceiling))
    finally:
        await worker.program.stop()
        at.drop(dsn)
    goal: Goal = ratio_at_least(_BOUND_GOAL if bound else _RATE_GOAL)
    return [
        Result(name=f"ingest/rate/{name}", value=value, unit="rows/s", ceiling=most, goal=goal),
        Result(name=f"ingest/cpu/{name}", value=statistics.median(cpu), unit="us/row"),
        Result(
            name=f"ingest/memory/{name}",
            value=memory[-1],
            unit="MiB",
            ceiling=memory[0],
            goal=ratio_at_most(_MEMORY_GOAL),
        ),
    ]


def _apply_plan(at: Place, dsn: str, sender: Sender) -> None:
    """Bind every counter (20 % of the tags), and a limit rule to 10 % of the tags."""
    generator = sender.generator
    file = at.folder / "plant.yaml"
    text = plan_text(
        sender.edge,
        counters=generator.numbers_of(COUNTER),
        limits=generator.numbers_of(FLOAT)[: generator.tags // 10],
        high=_ALARM_ABOVE,
    )
    file.write_text(text, "utf-8")
    apply(dsn, file, author="bench", dry_run=False, clock=now_us)


def _start_us() -> int:
    """Noon of today: all readings of a benchmark lie on one day."""
    return now_us() // _DAY_US * _DAY_US + _DAY_US // 2
