"""The faults of the PLCs: restarted, silent as a whole or by unit, a wrong clock, a wrap unseen."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Story

_EIGHT_HOURS_S: Final = 8 * 3_600.0
_YEAR_2000: Final = 946_684_800.0
_MILL: Final = "line-b/mill-1"
_MILL_START: Final = 45_510
_MILL_WRAPS: Final = 65_536
_NEAR: Final = 3_000
_WRAP_LIMIT_S: Final = 120.0


async def restart(house: House, deed: Deed, _: Story) -> None:
    """Its counters fall to 0."""
    await house.plant.command("plc_restart", machine=deed.target)
    await asyncio.sleep(deed.for_s)


async def silence(house: House, deed: Deed, _: Story) -> None:
    """Connections are closed and refused."""
    await house.plant.command("silence", line=_line(deed.target), seconds=deed.for_s)
    await asyncio.sleep(deed.for_s)


async def silence_unit(house: House, deed: Deed, _: Story) -> None:
    """One unit behind a living gateway answers nothing; the others go on."""
    await house.plant.command("silence", machine=deed.target, seconds=deed.for_s)
    await asyncio.sleep(deed.for_s)


async def wrong_clock(house: House, deed: Deed, _: Story) -> None:
    """The PLC believes it is the year 2000, or eight hours later."""
    offset_s = _YEAR_2000 - time.time() if deed.lot < 0.5 else _EIGHT_HOURS_S
    line = _line(deed.target)
    await house.plant.command("clock", line=line, offset_s=offset_s)
    try:
        await asyncio.sleep(deed.for_s)
    finally:
        await house.plant.command("clock", line=line, offset_s=0)


async def wrap_in_outage(house: House, deed: Deed, _: Story) -> None:
    """Kill the edge shortly before a 16-bit counter wraps, and start it when it has."""
    end = time.monotonic() + _WRAP_LIMIT_S
    await _until(house, near=True, end=end)
    house.kill(deed.target)
    try:
        await _until(house, near=False, end=end)
        await asyncio.sleep(deed.for_s)
    finally:
        await house.start_again(deed.target)


async def _until(house: House, *, near: bool, end: float) -> None:
    """Wait until the counter is near its wrap, or no more."""
    while time.monotonic() < end:
        status = await house.plant.command("status")
        left = _MILL_WRAPS - (_MILL_START + int(status["machines"][_MILL]["good"])) % _MILL_WRAPS
        if (left <= _NEAR) == near:
            return
        await asyncio.sleep(0.2)


def _line(link: str) -> str:
    return {"plc-a": "line-a", "plc-b": "line-b"}[link]
