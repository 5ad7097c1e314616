"""The faults of disks: full, or read-only, at an edge or under the database."""

from __future__ import annotations

import asyncio
import errno
import time
from pathlib import Path
from typing import Final

from rig.chaos.buffers import set_aside
from rig.chaos.house import House
from rig.chaos.mounts import remount
from rig.chaos.plan import Deed
from rig.chaos.story import Story
from rig.edge_page import edge_status

_CHUNK: Final = 1 << 20
_UP_LIMIT_S: Final = 60.0


async def full_at_edge(house: House, deed: Deed, story: Story) -> None:
    """An edge's disk is full; what it gives up to go on is known from a copy."""
    house.kill(deed.target)
    set_aside(house, deed.target, story)
    house.start_edge(deed.target)
    await full(house, deed, story)


async def full(house: House, deed: Deed, _: Story) -> None:
    """Nothing is left on the disk for a while."""
    part = deed.target
    filler = house.folder / "disks" / part / "filler"
    try:
        end = time.monotonic() + deed.for_s
        while time.monotonic() < end:
            # What others give up meanwhile is taken, too.
            await asyncio.to_thread(_fill, filler)
            await asyncio.sleep(0.3)
    finally:
        filler.unlink(missing_ok=True)
        await _alive_again(house, part)


async def read_only(house: House, deed: Deed, _: Story) -> None:
    """The disk can only be read when its program starts, and for a while after."""
    part = deed.target
    place = house.folder / "disks" / part
    if part == "database":
        await house.database.stop()  # its folder's lock is ours: it must be given back, too
    else:
        house.kill(part)
    await remount(place, "ro")
    try:
        if part == "database":
            await asyncio.sleep(deed.for_s)
        else:
            house.start_edge(part, keep_port=True)
            await asyncio.sleep(deed.for_s)
    finally:
        await remount(place, "rw")
        await _alive_again(house, part)


async def _alive_again(house: House, part: str) -> None:
    """A program may give up on such a disk; somebody starts it again, as systemd would.

    It may also be about to: an agent is watched until it answers.
    """
    end = time.monotonic() + _UP_LIMIT_S
    while time.monotonic() < end:
        if part in house.dead():
            await house.start_again(part)
        if part not in house.edges or await edge_status(house, part) is not None:
            return
        await asyncio.sleep(0.2)


def _fill(filler: Path) -> None:
    block = bytes(_CHUNK)
    with filler.open("ab", buffering=0) as file:
        while True:
            try:
                if not file.write(block):
                    return
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                if len(block) == 1:
                    return
                block = block[: len(block) // 16 or 1]
