"""Wall clocks that are set while a program runs: of an edge, or of an ingest worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Story
from rig.edge_page import edge_status
from rig.faults.clock import FakeClock
from rig.faults.fault import Refuse
from runtime.errors import RetryLater

STEP_S: Final = 6 * 3_600.0
"""Longer than any run: which of two clocks made a stamp is never in doubt."""
_UP_LIMIT_S: Final = 60.0
_MEANWHILE: Final = ((False, False), (True, False), (False, True), (True, True))
"""Whether the agent is started again, and cannot reach the broker, while its clock is wrong."""
_BEFORE_S: Final = 2.0


async def server(house: House, deed: Deed, _: Story) -> None:
    """An ingest worker's clock is six hours wrong for a while."""
    clock = _clock(house, deed.target)
    house.kill(deed.target)
    with house.besides(deed.target, clock.environment()):
        await house.start_again(deed.target)
        try:
            await asyncio.sleep(_BEFORE_S + deed.for_s / 2)
            clock.step(_step_s(deed))
            await asyncio.sleep(deed.for_s)
            clock.step(0)
            await asyncio.sleep(_BEFORE_S)
        finally:
            house.kill(deed.target)
    await house.start_again(deed.target)


async def edge(house: House, deed: Deed, _: Story) -> None:
    """An edge's clock is six hours wrong for a while, from once the server was heard.

    Meanwhile its agent may be started again, the broker be out of its reach, or both.
    """
    restarted, offline = _MEANWHILE[int(deed.lot * 8) % len(_MEANWHILE)]
    link = house.links[f"{deed.target}-broker"]
    clock = _clock(house, deed.target)
    house.kill(deed.target)
    with house.besides(deed.target, clock.environment()):
        house.start_edge(deed.target)
        try:
            await _until(house, deed.target, _has_heard)
            await asyncio.sleep(_BEFORE_S)
            if offline:
                await link.switch(Refuse())
                link.reset()
            clock.step(_step_s(deed))
            await asyncio.sleep(deed.for_s / 2)
            if restarted:
                house.kill(deed.target)
                house.start_edge(deed.target)
                await _until(house, deed.target, bool)
                await asyncio.sleep(deed.for_s / 2)
            await link.heal()
            await asyncio.sleep(deed.for_s / 2)
            clock.step(0)
            await asyncio.sleep(_BEFORE_S)
        finally:
            await link.heal()
            house.kill(deed.target)
    house.start_edge(deed.target)


async def _until(house: House, name: str, ready: Callable[[dict[str, Any]], bool]) -> None:
    """Until the agent's status is as it should be. Raises RetryLater where that takes too long."""
    end = time.monotonic() + _UP_LIMIT_S
    while (status := await edge_status(house, name)) is None or not ready(status):
        if time.monotonic() > end:
            raise RetryLater("LS-8215", edge=name, limit_s=round(_UP_LIMIT_S))
        await asyncio.sleep(0.1)


def _has_heard(status: dict[str, Any]) -> bool:
    """Whether the agent knows the server's time; before, the computer's clock is all it has."""
    return status["clock"]["server_off_s"] is not None


def _clock(house: House, part: str) -> FakeClock:
    folder = house.folder / f"clock-{part}"
    folder.mkdir(exist_ok=True)
    clock = FakeClock(folder)
    clock.step(0)
    return clock


def _step_s(deed: Deed) -> float:
    return STEP_S if deed.lot < 0.5 else -STEP_S
