"""Wall clocks that are set while a program runs: of an edge, or of an ingest worker."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Story
from rig.edge_page import edge_status
from rig.faults.clock import FakeClock, forget
from runtime.clock import now_us

STEP_S: Final = 6 * 3_600.0
"""Longer than any run: which of two clocks made a stamp is never in doubt."""
_UP_LIMIT_S: Final = 60.0
_BEFORE_S: Final = 2.0
# The offset is read once a second, not at each look at the clock: programs do that all the time.
_CACHED: Final = {"FAKETIME_NO_CACHE": "0", "FAKETIME_CACHE_DURATION": "1"}


async def server(house: House, deed: Deed, _: Story) -> None:
    """An ingest worker's clock is six hours wrong for a while."""
    program = house.servers[deed.target]
    clock = _clock(house, deed.target)
    house.kill(deed.target)
    with house.besides(deed.target, {**clock.environment(), **_CACHED}):
        await house.start_again(deed.target)
        try:
            await asyncio.sleep(_BEFORE_S + deed.for_s / 2)
            clock.step(_step_s(deed))
            await asyncio.sleep(deed.for_s)
            clock.step(0)
            await asyncio.sleep(_BEFORE_S)
        finally:
            pid = program.pid
            house.kill(deed.target)
            forget(pid)
    await house.start_again(deed.target)


async def edge(house: House, deed: Deed, story: Story) -> None:
    """An edge's clock is six hours wrong for a while."""
    program = house.edges[deed.target]
    clock = _clock(house, deed.target)
    house.kill(deed.target)
    with house.besides(deed.target, {**clock.environment(), **_CACHED}):
        house.start_edge(deed.target)
        try:
            await _until_up(house, deed.target)
            await asyncio.sleep(_BEFORE_S)
            wrong = [deed.target, now_us(), 0, round(_step_s(deed) * 1e6)]
            story.wrong_clocks.append(wrong)
            clock.step(_step_s(deed))
            await asyncio.sleep(deed.for_s)
            clock.step(0)
            wrong[2] = now_us()
            await asyncio.sleep(_BEFORE_S)
        finally:
            pid = program.pid
            house.kill(deed.target)
            forget(pid)
    house.start_edge(deed.target)


async def _until_up(house: House, name: str) -> None:
    end = time.monotonic() + _UP_LIMIT_S
    while time.monotonic() < end:
        if await edge_status(house, name) is not None:
            return
        await asyncio.sleep(0.1)


def _clock(house: House, part: str) -> FakeClock:
    folder = house.folder / f"clock-{part}"
    folder.mkdir(exist_ok=True)
    clock = FakeClock(folder)
    clock.step(0)
    return clock


def _step_s(deed: Deed) -> float:
    return STEP_S if deed.lot < 0.5 else -STEP_S
