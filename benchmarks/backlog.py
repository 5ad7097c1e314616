"""What an edge does after an outage: how fast it drains what waits while it goes on collecting.

The buffer is filled beforehand through the store, one record for each second of the outage, with
1,500 readings of the generator in each; 500 different ones go round. Then the whole agent starts,
reads 1,500 registers a second, and sends everything through a broker to an acker that stores
nothing. Time runs from the first confirmed record to the last of those that waited.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.children import EdgeProgram, Helper
from benchmarks.edge_side import EDGE, PLANT, Site, modbus_device, site
from benchmarks.generator import Generator
from benchmarks.results import (
    ROUNDS,
    Result,
    ratio_at_least,
    value_at_most,
)
from benchmarks.sizes import record_of
from edge_agent.buffer.store import Store
from ingest_server.embedded.broker import BrokerKind, find_mosquitto
from runtime.clock import now_us
from wire.ids import EdgeId

LIVE_RATE = 1_500
"""Readings a second, collected and waiting."""
_USED_AFTER_S = 12.0
"""By then a status after the birth's was answered: the connection was a good one."""
HOURS = (1, 24, 72)
RETURNS = 5
_LEAST_LIVE = 3
_BODIES = 500
_A_COMMIT = 500
_MAX_BYTES = 16 * 2**30
_LIMIT_S = 3_600.0
_AWAY_S = (0.5, 3.0, 7.0)
_LOOK_S = 0.2


async def backlog(rounds: int) -> list[Result]:
    """Rates of draining and how fresh live values stay; the time to the first record."""
    results: list[Result] = []
    rates: dict[int, float] = {}
    for hours in HOURS if rounds >= ROUNDS else HOURS[:1]:
        rates[hours], ages_s, size = await _drained(hours)
        results += [
            Result(
                name=f"edge/backlog/{hours}h/rate",
                value=rates[hours],
                unit="readings/s",
                ceiling=float(LIVE_RATE),
                goal=ratio_at_least(10),
            ),
            Result(
                name=f"edge/backlog/{hours}h/live-p99",
                value=float(np.percentile(ages_s, 99)),
                unit="s",
                goal=value_at_most(2.0),
            ),
            Result(name=f"edge/backlog/{hours}h/file", value=size / 2**20, unit="MiB"),
        ]
    if len(rates) > 1:
        results.append(
            Result(
                name=f"edge/backlog/{HOURS[-1]}h-beside-{HOURS[0]}h",
                value=rates[HOURS[-1]],
                unit="readings/s",
                ceiling=rates[HOURS[0]],
                goal=ratio_at_least(0.8),
            )
        )
    return results


async def returns(rounds: int) -> list[Result]:
    """How soon after a broker's return the first record comes, for each broker there is."""
    kinds: list[BrokerKind] = ["nats"]
    if find_mosquitto() is not None:
        kinds.append("mosquitto")
    results = []
    for kind in kinds:
        found = await _returns(kind, RETURNS if rounds >= ROUNDS else 3)
        results += [
            Result(
                name=f"edge/first-record/{kind}/slowest",
                value=max(found),
                unit="s",
                goal=value_at_most(2.0),
            ),
            Result(name=f"edge/first-record/{kind}", value=statistics.median(found), unit="s"),
        ]
    return results


async def fill(path: Path, hours: int) -> int:
    """Make a buffer of so many hours, closed in order; how many records it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = Generator(LIVE_RATE, start_us=now_us(), every_us=1_000_000)
    bodies = [record_of(generator, 1) for _ in range(_BODIES)]
    count, began_us = hours * 3_600, now_us() - hours * 3_600_000_000
    edge = EdgeId(plant=PLANT, edge=EDGE)
    async with Store(path, edge, agent="bench", clock=now_us) as store:
        for start in range(0, count, _A_COMMIT):
            numbers = range(start, min(start + _A_COMMIT, count))
            times = [began_us + number * 1_000_000 for number in numbers]
            await store.append(
                [
                    replace(bodies[number % _BODIES], from_us=at_us, to_us=at_us)
                    for number, at_us in zip(numbers, times, strict=True)
                ]
            )
    return count


@asynccontextmanager
async def _line(at: Site, *, records: bool) -> AsyncIterator[tuple[EdgeProgram, Helper]]:
    """An agent (not started) that reads a machine, and somebody who looks at what it shows."""
    machine = Helper(at.folder / "machine", "modbus_machine", registers=LIVE_RATE)
    watch = Helper(
        at.folder / "watch",
        "live_watch",
        plant=PLANT,
        edge=EDGE,
        port=at.broker_port,
        records=records,
    )
    edge: EdgeProgram | None = None
    try:
        port = (await machine.start())["port"]
        await watch.start()
        device = modbus_device("plc", port, LIVE_RATE, every_ms=1_000)
        edge = at.edge("edge", [device], buffer={"max_bytes": _MAX_BYTES})
        yield edge, watch
    finally:
        if edge is not None:
            edge.program.kill()
        watch.program.kill()
        machine.program.kill()


async def _drained(hours: int) -> tuple[float, list[float], int]:
    """Readings a second that were confirmed, ages of live values, bytes of the file before."""
    async with site() as at, _line(at, records=False) as (edge, watch):
        records = await fill(edge.buffer, hours)
        size = edge.buffer.stat().st_size
        before = time.monotonic()
        await edge.start()
        began_s, began, now = before, 0.0, await edge.metrics()
        while now["edge_records_acked_total"] < records:
            if not now["edge_records_acked_total"]:
                began_s, began = time.monotonic(), now["edge_samples_committed_total"]
            if time.monotonic() - before > _LIMIT_S:
                raise TimeoutError(edge.program.last_line())
            await asyncio.sleep(_LOOK_S)
            now = await edge.metrics()
        lasted_s = time.monotonic() - began_s
        live = now["edge_samples_committed_total"] - began
        seen: Any = await watch.found()
        while len(seen["ages_s"]) < _LEAST_LIVE:
            # A small backlog is gone before the first live message.
            if time.monotonic() - before > _LIMIT_S:
                raise TimeoutError("no live values came")
            await asyncio.sleep(_LOOK_S)
            seen = await watch.found()
        return (records * LIVE_RATE + live) / lasted_s, seen["ages_s"], size


async def _returns(kind: BrokerKind, count: int) -> list[float]:
    """Seconds from a broker that accepts sessions again to the first record, several times."""
    found: list[float] = []
    async with site(kind=kind) as at, _line(at, records=True) as (edge, watch):
        await edge.start()
        await _first(watch, 1)
        await asyncio.sleep(_USED_AFTER_S)
        for number in range(count):
            at.broker.kill()
            await at.broker.stop()
            await asyncio.sleep(_AWAY_S[number % len(_AWAY_S)])
            known = len(await _first(watch, 1))
            await at.broker.start()
            returned_s = time.time()
            found.append(max(0.0, (await _first(watch, known + 1))[known] - returned_s))
            # A broker that comes and goes faster than that is waited for longer, on purpose.
            await asyncio.sleep(_USED_AFTER_S)
    return found


async def _first(watch: Helper, count: int) -> list[float]:
    """When the first records of the connections came, once there were so many."""
    end_s = time.monotonic() + 60.0
    while True:
        found: Any = await watch.found()
        if len(found["first"]) >= count:
            moments: list[float] = found["first"]
            return moments
        if time.monotonic() > end_s:
            raise TimeoutError("no record came")
