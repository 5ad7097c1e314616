"""The faults of the database beyond its process: put back to an earlier dump."""

from __future__ import annotations

import asyncio

from rig import dumps
from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Story


async def put_back(house: House, deed: Deed, _: Story) -> None:
    """Dump, go on for a while, restore the dump: what came meanwhile is lost to the server."""
    file = house.folder / "earlier.dump"
    await asyncio.to_thread(dumps.dump, house.database, file, environ=house.environ)
    await asyncio.sleep(deed.for_s)
    await asyncio.to_thread(dumps.restore, house.database, file, environ=house.environ)
    file.unlink()
