"""How the price of a row grows with the number of edges, and the rate with that of workers.

All rounds move the same number of rows in records of the same size; only how many edges they come
from, or how many workers share them, differs.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from benchmarks.ingest import Place, begin, brokers, place
from benchmarks.results import Result, by_turns, ratio_at_most
from benchmarks.server_side import Sender, Worker, drain, until_received, until_shared
from ingest_server.embedded.broker import BrokerKind

EDGES: Final = (1, 10, 100, 1_000)
_BESIDE: Final = 10
_GOAL: Final = 1.3
WORKERS: Final = (1, 2, 3, 4)
_SENDERS: Final = 100
_RECORDS: Final = 2_000
_TAGS: Final = 20
_POLLS: Final = 5


async def edges(rounds: int) -> list[Result]:
    """The cost of a row from 1, 100 and 1,000 edges beside that from 10."""
    async with place("nats") as at:
        dsn = at.database()
        worker = Worker(at.folder / "edges", dsn=dsn, broker=at.broker)
        try:
            await worker.start()
            fleets = [await begin(at, dsn, f"of-{count}", count, _TAGS) for count in EDGES]

            async def cost(senders: list[Sender]) -> float:
                seconds, _ = await _drained([worker], at, dsn, senders)
                return seconds * 1e6

            found = await by_turns(rounds, [partial(cost, senders) for senders in fleets])
        finally:
            await worker.program.stop()
    costs = dict(zip(EDGES, found, strict=True))
    return [
        Result(
            name=f"ingest/cost/{count}-edges-beside-{_BESIDE}",
            value=costs[count],
            unit="us/row",
            ceiling=costs[_BESIDE],
            goal=ratio_at_most(_GOAL) if count == max(EDGES) else None,
        )
        for count in EDGES
        if count != _BESIDE
    ]


async def workers(rounds: int) -> list[Result]:
    """Rows a second of 1 to 4 workers, beside one; and the processor time of all together."""
    results: list[Result] = []
    for kind in brokers():
        async with place(kind) as at:
            results += await _workers(at, kind, rounds)
    return results


async def _workers(at: Place, kind: BrokerKind, rounds: int) -> list[Result]:
    dsn = at.database()
    crew = [
        Worker(at.folder / f"worker-{number}", dsn=dsn, broker=at.broker, lease_s=20)
        for number in WORKERS
    ]
    found: list[tuple[float, float]] = []
    try:
        await crew[0].start()
        senders = await begin(at, dsn, "line", _SENDERS, _TAGS)
        for count in WORKERS:
            await asyncio.gather(*[one.start() for one in crew[:count] if not one.program.running])
            await until_shared(dsn, count)
            await until_received(crew[:count])
            cpu: list[float] = []

            async def rate(count: int = count, cpu: list[float] = cpu) -> float:
                seconds, cpu_s = await _drained(crew[:count], at, dsn, senders)
                cpu.append(cpu_s * 1e6)
                return 1 / seconds

            await rate()  # caches
            cpu.clear()
            (value,) = await by_turns(rounds, [rate])
            found.append((value, sorted(cpu)[len(cpu) // 2]))
    finally:
        await asyncio.gather(*[one.program.stop() for one in crew])
        at.drop(dsn)
    alone = found[0][0]
    results: list[Result] = []
    for count, (value, cpu_us) in zip(WORKERS, found, strict=True):
        name = f"{kind}/{count}-workers"
        ceiling = alone if count > 1 else None
        results += [
            Result(name=f"ingest/workers/{name}", value=value, unit="rows/s", ceiling=ceiling),
            Result(name=f"ingest/workers-cpu/{name}", value=cpu_us, unit="us/row"),
        ]
    return results


async def _drained(
    crew: list[Worker], at: Place, dsn: str, senders: list[Sender]
) -> tuple[float, float]:
    """Seconds and processor seconds a row."""
    waiting = [
        (sender.edge, sender.samples(_POLLS))
        for _ in range(_RECORDS // len(senders))
        for sender in senders
    ]
    rows = len(waiting) * _TAGS * _POLLS
    seconds, cpu_s = await drain(crew, dsn, at.broker, waiting)
    return seconds / rows, cpu_s / rows
