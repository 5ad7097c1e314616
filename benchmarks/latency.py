"""How long a change at the PLC takes to each station of its way, at parts of the top rate.

Everything is what people run: agent, broker, PostgreSQL, server with all its roles, on this one
machine and so by one clock. The top rate is found first (`latency_top`). Then so many registers are
read twice a second as make a part of it, and beside them, ten times a second, one that changes by
the clock. What is measured begins when the backlog of the start is gone, and has come to rest.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np

from benchmarks.children import EdgeProgram, Helper
from benchmarks.edge_side import PLANT, modbus_device
from benchmarks.latency_machine import PROBE
from benchmarks.latency_plant import (
    LIMIT_S,
    Plant,
    end,
    load,
    plant,
    registers_of,
    until_at_rest,
)
from benchmarks.latency_top import KEEPS_UP, STEP, top_rate
from benchmarks.results import ROUNDS, Result

PARTS: Final = (0.1, 0.5, 0.9)
STAGES: Final = ("collected", "in the buffer", "on the broker", "committed", "confirmed", "shown")
_PROBE_MS: Final = 100
_SETTLE_S: Final = 5.0
_DRAIN_S: Final = 120.0
_MOST_TOPS: Final = 6


async def latency(rounds: int) -> list[Result]:
    """The top rate, and the median and 99th percentile of every stage at parts of it."""
    seconds = 60.0 if rounds >= ROUNDS else 20.0
    async with plant() as at:
        top = await top_rate(at, seconds / 2)
        for trial in range(_MOST_TOPS):
            try:
                return await _at_parts(at, top, seconds, f"{trial}")
            except NeverRestsError as error:
                # It was not kept up with after all, or the machine has less time to spare by now.
                print(f"{error}: the top rate was too high", file=sys.stderr, flush=True)
                top *= STEP
        raise TimeoutError(f"not even parts of {top / STEP:,.0f} readings/s were kept up with")


class NeverRestsError(TimeoutError):
    """A pace was not kept up with: its backlog never drained, or came back."""


async def _at_parts(at: Plant, top: float, seconds: float, trial: str) -> list[Result]:
    """All parts of this top rate. Raises NeverRestsError where one is not kept up with."""
    results = [Result(name="latency/top-rate", value=top, unit="readings/s")]
    # The fastest one first: it says whether there is anything to be measured.
    for part in sorted(PARTS, reverse=True):
        name = f"part-{part * 100:.0f}-{trial}"
        rate, found = await _at_rate(at, name, part * top, seconds)
        if rate < KEEPS_UP * part * top:
            raise NeverRestsError(f"of {part * top:,.0f} readings/s {rate:,.0f} were stored")
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


async def _at_rate(
    at: Plant, name: str, rate: float, seconds: float
) -> tuple[float, Mapping[str, list[float]]]:
    registers = registers_of(rate)
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
        edge = at.edge(name, [probe, *load(port, registers)])
        await edge.start()
        if not await until_at_rest(edge, limit_s=_DRAIN_S):
            raise NeverRestsError(
                f"at {rate:,.0f} readings/s the backlog of the start never drained"
            )
        await asyncio.sleep(_SETTLE_S)
        changes: Any = await machine.found()
        first = len(changes) + 1
        stored = await at.stored_a_second(seconds)
        changes = await machine.found()
        last = len(changes)
        seen: Any = await watch.found()
        ended = time.monotonic() + LIMIT_S
        while not _is_through(seen, last):
            if time.monotonic() > ended:
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
        await end(edge, machine)


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
