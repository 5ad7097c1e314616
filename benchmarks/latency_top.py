"""The top rate: the most readings a second that the whole system takes without falling behind.

What it stores of an agent that reads as fast as it can is the first guess, no more: much of the
machine then goes into reading what only piles up. So agents of a fixed pace are tried, one after
the other, up or down by a seventh, until one is kept up with and the next is not. Kept up with is
a pace whose backlog of the start drains, and at which none is there again at the end of a trial.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from benchmarks.children import Helper
from benchmarks.latency_plant import Plant, end, load, registers_of, until_at_rest

STEP: Final = 0.86
"""A trial beside the one before."""
MOST_TRIALS: Final = 8
_REGISTERS: Final = 5_000
_FASTEST_MS: Final = 10
_SETTLE_S: Final = 12.0
_DRAIN_S: Final = 45.0
KEEPS_UP: Final = 0.97
"""Readings stored, of those that were due: a poll that is missed is not kept up with either."""


async def top_rate(at: Plant, seconds: float) -> float:
    """Readings a second, stored; raises TimeoutError where no pace was kept up with."""
    rate = await _flat_out(at, seconds)
    kept_up = 0.0
    direction = 0
    for number in range(MOST_TRIALS):
        stored = await _paced(at, f"try-{number}", rate, seconds)
        up = stored is not None
        print(f"{rate:,.0f} readings/s: {'kept up' if up else 'not'}", file=sys.stderr, flush=True)
        # What is stored above the pace is backlog of the start that drains.
        kept_up = max(kept_up, min(stored or 0.0, rate))
        if direction and (direction > 0) is not up:
            break
        direction = 1 if up else -1
        rate = rate / STEP if up else rate * STEP
    if not kept_up:
        raise TimeoutError(f"not even {rate:,.0f} readings/s were kept up with")
    return kept_up


async def _flat_out(at: Plant, seconds: float) -> float:
    """What is stored of an agent that reads 20,000 registers as fast as it can."""
    machine = Helper(at.folder / "machine-top", "latency_machine", registers=_REGISTERS)
    edge = None
    try:
        port = (await machine.start())["port"]
        edge = at.edge("top", load(port, _REGISTERS, _FASTEST_MS))
        await edge.start()
        await asyncio.sleep(_SETTLE_S)
        return await at.stored_a_second(seconds)
    finally:
        await end(edge, machine)


async def _paced(at: Plant, name: str, rate: float, seconds: float) -> float | None:
    """Readings stored a second at this pace; None where it was not kept up with."""
    registers = registers_of(rate)
    machine = Helper(at.folder / f"machine-{name}", "latency_machine", registers=registers)
    edge = None
    try:
        port = (await machine.start())["port"]
        edge = at.edge(name, load(port, registers))
        await edge.start()
        if not await until_at_rest(edge, limit_s=_DRAIN_S):
            return None
        stored = await at.stored_a_second(seconds)
        rests = await until_at_rest(edge, limit_s=_DRAIN_S / 4)
        return stored if rests and stored >= KEEPS_UP * rate else None
    finally:
        await end(edge, machine)
