"""The faults of the edges' buffers: deleted, replaced by an old copy, damaged, used twice.

Invariant: before anything is taken from an edge its buffer is copied, whole: what was durable in it
is what the comparison asks for.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from random import Random
from typing import Final

from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Story
from rig.ledger import copy_buffer

_PAGE: Final = 4_096


async def delete(house: House, deed: Deed, story: Story) -> None:
    """The buffer is gone, as on a new disk."""
    house.kill(deed.target)
    set_aside(house, deed.target, story)
    _remove(house.buffer(deed.target))
    await asyncio.sleep(deed.for_s)
    house.start_edge(deed.target)


async def replace_machine(house: House, deed: Deed, story: Story) -> None:
    """A new PC: nothing of the old one's folder is left."""
    house.kill(deed.target)
    set_aside(house, deed.target, story)
    folder = house.data / deed.target
    for file in folder.iterdir():
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    await asyncio.sleep(deed.for_s)
    house.start_edge(deed.target)


async def put_back(house: House, deed: Deed, story: Story) -> None:
    """An old copy takes the place of the buffer, as after a restored backup of the PC."""
    buffer = house.buffer(deed.target)
    house.kill(deed.target)
    old = buffer.with_name("old-copy")
    copy_buffer(buffer, old)
    house.start_edge(deed.target)
    await asyncio.sleep(deed.for_s)
    house.kill(deed.target)
    set_aside(house, deed.target, story)
    _remove(buffer)
    copy_buffer(old, buffer)
    _remove(old)
    house.start_edge(deed.target)


async def damage(house: House, deed: Deed, story: Story) -> None:
    """Some pages in the middle hold rubbish."""
    house.kill(deed.target)
    set_aside(house, deed.target, story)
    buffer = house.buffer(deed.target)
    random = Random(deed.lot)
    pages = buffer.stat().st_size // _PAGE
    with buffer.open("r+b") as file:
        for _ in range(1 + random.randrange(3)):
            if pages < 3:
                break
            file.seek(random.randrange(1, pages) * _PAGE + random.randrange(_PAGE // 2))
            file.write(random.randbytes(random.randrange(16, _PAGE // 2)))
    await asyncio.sleep(deed.for_s)
    house.start_edge(deed.target)


def set_aside(house: House, edge: str, story: Story) -> None:
    """Copy a buffer nobody writes to, for the comparison."""
    buffer = house.buffer(edge)
    if not buffer.exists():
        return
    folder = house.folder / "gone"
    folder.mkdir(exist_ok=True)
    name = f"gone/{len(story.gone) + 1:04}-{edge}.db"
    story.gone.append(name)
    copy_buffer(buffer, house.folder / name)


def _remove(buffer: Path) -> None:
    for file in buffer.parent.glob(buffer.name + "*"):
        file.unlink()
