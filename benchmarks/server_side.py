"""What the ingest benchmarks stand on: an edge made of records, a frozen worker, a bare COPY."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import psutil
import psycopg

from benchmarks.generator import Generator
from ingest_server.receive.sharing import most_shards
from ingest_server.store import connection as connections
from ingest_server.store import edges
from ingest_server.store.copyrows import copy_readings, readings_of
from rig.programs import Program, python_module_command
from rig.server_file import write_server_file
from runtime.clock import now_us
from runtime.mqtt import BrokerAddress, Connection
from wire.columns import decode_columns, encode_columns
from wire.frame import Kind, StreamClass, frame, pack_body, read_prefix, unpack_body
from wire.ids import SHARDS, EdgeId
from wire.records import MAX_TAGS_A_RECORD, Opening, TagTable, encode_record
from wire.topics import up

COPY = "COPY lineside.reading (ts, tag_id, num, big, txt, q, batch) FROM STDIN (FORMAT binary)"
_LIMIT_S = 120.0
_STANDS_STILL_S = 15.0
_TAKEN = re.compile(r"shards\W+count=(\d+)")
BEGIN_LIMIT_S = 600.0
"""A thousand edges that begin take minutes: rows of edges and tags are made one edge at a time."""


@dataclass(kw_only=True)
class Sender:
    """An edge whose records are made beforehand: one stream of class `bulk`."""

    edge: EdgeId
    generator: Generator
    epoch: UUID = field(default_factory=uuid4)
    seq: int = 0

    def beginning(self) -> list[bytes]:
        """The opening and the tag tables."""
        opening = Opening(
            plant=self.edge.plant,
            edge=self.edge.edge,
            opened_us=now_us(),
            predecessor=None,
            agent="bench",
        )
        tags = self.generator.definitions()
        tables = [
            TagTable(tags=tags[start : start + MAX_TAGS_A_RECORD])
            for start in range(0, len(tags), MAX_TAGS_A_RECORD)
        ]
        return [self._next(opening), *[self._next(table) for table in tables]]

    def samples(self, polls: int) -> bytes:
        """The next record of samples."""
        samples = self.generator.polls(polls)
        plain = encode_columns(
            samples, self.generator.families(), complete_to_us=int(samples.ts[-1])
        )
        self.seq += 1
        body = pack_body(Kind.SAMPLES, plain)
        return frame(epoch=self.epoch, cls=StreamClass.BULK, seq=self.seq, body=body)

    def _next(self, record: Opening | TagTable) -> bytes:
        self.seq += 1
        body = encode_record(record)
        return frame(epoch=self.epoch, cls=StreamClass.BULK, seq=self.seq, body=body)


class Worker:
    """One `lineside-server run --role ingest` with a database and a broker of the benchmark's."""

    def __init__(
        self, folder: Path, *, dsn: str, broker: BrokerAddress, lease_s: float = 60
    ) -> None:
        # It is frozen for seconds while its work piles up: no other may take it for dead.
        patient: dict[str, dict[str, object]] = {
            "broker": {"keepalive_s": 60},
            "ingest": {"lease_s": lease_s},
        }
        config = write_server_file(folder, dsn=dsn, host=broker.host, port=broker.port, **patient)
        self.program = Program(
            name="server",
            command=python_module_command(
                "ingest_server.cli", "run", str(config), "--role", "ingest"
            ),
            log=folder / "server.log",
        )

    async def start(self) -> None:
        """Start; returns when it receives."""
        self.program.start()
        await self.program.wait_until(
            lambda: b"receiving" in self.program.log.read_bytes(), limit_s=60
        )

    def received_shards(self) -> int:
        """For how many shards it receives, by its log; 0 while it is about to."""
        log = self.program.log.read_text("utf-8")
        taken = list(_TAKEN.finditer(log))
        if not taken or log.rfind("receiving") < taken[-1].end():
            return 0
        return int(taken[-1].group(1))

    @property
    def memory(self) -> float:
        """Resident memory, MiB."""
        return float(psutil.Process(self.program.pid).memory_info().rss) / 2**20

    def cpu_s(self) -> float:
        """Processor time so far, seconds."""
        times = psutil.Process(self.program.pid).cpu_times()
        return float(times.user + times.system)


async def until_received(workers: Sequence[Worker]) -> None:
    """Wait until each worker receives for the shards it took last, and they for all together."""
    end = time.monotonic() + _LIMIT_S
    while sum(worker.received_shards() for worker in workers) != SHARDS:
        if time.monotonic() > end:
            raise TimeoutError(f"{[worker.received_shards() for worker in workers]} shards served")
        await asyncio.sleep(0.1)


async def publish(broker: BrokerAddress, records: Sequence[tuple[EdgeId, bytes]]) -> None:
    """Hand all records to the broker; returns when it has confirmed every one."""
    async with Connection(broker, client_id=f"bench-{uuid4().hex[:8]}") as connection:
        for start in range(0, len(records), 200):
            part = records[start : start + 200]
            await asyncio.gather(
                *[connection.send(up(edge, "data"), record) for edge, record in part]
            )


async def until_stored(
    dsn: str,
    wanted: int,
    *,
    limit_s: float = _LIMIT_S,
    again: Callable[[], Awaitable[None]] | None = None,
) -> float:
    """Wait until the cursors of all streams sum up to `wanted`; the monotonic time of it.

    `again`: sends everything once more, as edges do with what is not confirmed for long. The time
    that was lost by then counts.
    """
    end = time.monotonic() + limit_s
    last, since = -1, time.monotonic()
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        while True:
            cursor = await connection.execute(
                "SELECT coalesce(sum(cursor), 0) FROM lineside.stream"
            )
            row = await cursor.fetchone()
            if row is not None and int(row[0]) >= wanted:
                return time.monotonic()
            now = time.monotonic()
            if now > end:
                raise TimeoutError(f"stored {row} of {wanted} records")
            if row is not None and int(row[0]) != last:
                last, since = int(row[0]), now
            elif again is not None and now - since > _STANDS_STILL_S:
                await again()
                since = time.monotonic()
            await asyncio.sleep(0.02)


async def drain(
    workers: Sequence[Worker],
    dsn: str,
    broker: BrokerAddress,
    records: Sequence[tuple[EdgeId, bytes]],
) -> tuple[float, float]:
    """Let records wait on the broker, then time the workers: (seconds, processor seconds)."""
    before = await stored(dsn)
    for worker in workers:
        worker.program.freeze()
    try:
        await publish(broker, records)
        cpu_s = sum(worker.cpu_s() for worker in workers)
        began = time.monotonic()
    finally:
        for worker in workers:
            worker.program.thaw()
    ended = await until_stored(dsn, before + len(records), again=partial(publish, broker, records))
    return ended - began, sum(worker.cpu_s() for worker in workers) - cpu_s


async def until_shared(dsn: str, workers: int) -> None:
    """Wait until so many workers serve all shards between them, evenly."""
    end = time.monotonic() + _LIMIT_S
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        while True:
            cursor = await connection.execute(
                "SELECT count(*) FROM lineside.lease WHERE worker IS NOT NULL GROUP BY worker"
            )
            shares = [int(count) for (count,) in await cursor.fetchall()]
            if len(shares) == workers and max(shares) == most_shards(workers):
                return
            if time.monotonic() > end:
                raise TimeoutError(f"{workers} workers share the shards as {shares}")
            await asyncio.sleep(0.1)


async def stored(dsn: str) -> int:
    """The cursors of all streams, summed up."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        cursor = await connection.execute("SELECT coalesce(sum(cursor), 0) FROM lineside.stream")
        row = await cursor.fetchone()
        return 0 if row is None else int(row[0])


def records_a_transaction(dsn: str, *, last: int) -> float:
    """How many of the newest `last` records the worker stored together, on average."""
    with connections.connect(dsn, name="bench") as connection:
        row = connection.execute(
            "SELECT count(*)::float8 / count(DISTINCT committed_at) FROM (SELECT committed_at"
            " FROM batch ORDER BY committed_at DESC LIMIT %s) AS newest",
            (last,),
        ).fetchone()
    return float(row[0]) if row and row[0] else 1.0


def rows_of(dsn: str, sender: Sender, records: Sequence[bytes], *, together: int) -> list[bytes]:
    """The very bytes that the worker copies for these records, so many records a piece."""
    with connections.connect(dsn, name="bench") as connection:
        row = edges.load_edge(connection, sender.edge)
        tags = edges.load_tags(connection, row.edge_id, sender.epoch)
    found = []
    for record in records:
        samples, _ = decode_columns(unpack_body(record, read_prefix(record)))
        found.append((readings_of(samples, tags), 1))
    return [
        b"".join(copy_readings(found[start : start + together]))
        for start in range(0, len(found), together)
    ]


def bare_copy(dsn: str, pieces: Sequence[bytes]) -> float:
    """Seconds for copying the pieces, each in its own transaction, over one connection."""
    with connections.connect(dsn, name="bench") as connection:
        began = time.monotonic()
        for piece in pieces:
            with (
                connection.transaction(),
                connection.cursor() as cursor,
                cursor.copy(COPY) as copy,
            ):
                copy.write(piece)
        return time.monotonic() - began


def plan_text(edge: EdgeId, *, counters: Sequence[int], limits: Sequence[int], high: float) -> str:
    """plant.yaml (as JSON) that binds counters and limit rules to tags by number."""
    plan: dict[str, object] = {
        "plant": edge.plant,
        "name": "Benchmark",
        "time_zone": "UTC",
        "lines": [{"id": "line", "name": "Line"}],
        "equipment": [
            {
                "id": f"m{number}",
                "name": f"Machine {number}",
                "line": "line",
                "counters": [
                    {
                        "edge": edge.edge,
                        "tag": f"t/{number}",
                        "role": "good",
                        "modulus": 2**32,
                        "max_rate": 1_000,
                    }
                ],
            }
            for number in counters
        ],
        "rules": [
            {
                "id": f"r{number}",
                "name": f"Rule {number}",
                "kind": "limit",
                "equipment": f"m{counters[place % len(counters)]}",
                "edge": edge.edge,
                "tag": f"t/{number}",
                "high": high,
                "deadband": 1,
            }
            for place, number in enumerate(limits)
        ],
    }
    return json.dumps(plan)


def timed(work: Callable[[], float]) -> Callable[[], asyncio.Future[float]]:
    """Blocking work as something to await, in a thread."""
    return lambda: asyncio.ensure_future(asyncio.to_thread(work))
