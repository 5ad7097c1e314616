"""The faults of processes: killed and started again, or stopped for longer than all time-outs."""

from __future__ import annotations

import asyncio

from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Story


async def kill(house: House, deed: Deed, _: Story) -> None:
    """SIGKILL; the part is away for as long as the deed lasts."""
    house.kill(deed.target)
    try:
        await asyncio.sleep(deed.for_s)
    finally:
        await house.start_again(deed.target)


async def stop(house: House, deed: Deed, _: Story) -> None:
    """SIGSTOP, and SIGCONT afterwards: it keeps its locks and connections meanwhile."""
    thaw = house.freeze(deed.target)
    try:
        await asyncio.sleep(deed.for_s)
    finally:
        thaw()
