"""A power cut at an edge: what its agent wrote and did not sync may be gone, or torn."""

from __future__ import annotations

import asyncio
import shutil
from random import Random

from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Story
from rig.faults.journal import Recorder, known
from rig.faults.powercut import KEEPS, Disk, install
from rig.faults.preload import build


async def cut(house: House, deed: Deed, _: Story) -> None:
    """Run the agent recorded for a while, kill it, and go on with what a disk may have kept."""
    edge = deed.target
    folder = house.data / edge
    elsewhere = house.folder / f"power-{edge}"
    shutil.rmtree(elsewhere, ignore_errors=True)
    elsewhere.mkdir()
    house.kill(edge)
    recorder = Recorder(
        folder,
        journal=elsewhere / "journal",
        shim=await asyncio.to_thread(build, "powercut", elsewhere),
    )
    with house.besides(edge, recorder.environment()):
        house.start_edge(edge, keep_port=True)
        try:
            await asyncio.sleep(deed.for_s)
        finally:
            house.kill(edge)
    await asyncio.to_thread(_lose, recorder, Random(deed.lot))
    house.start_edge(edge)


def _lose(recorder: Recorder, random: Random) -> None:
    disk = Disk(recorder.before)
    for event in recorder.events():
        disk.apply(event)
    disk.check(known(recorder.folder))  # else it was not all recorded, and proves nothing
    image = disk.image(random.choice(KEEPS), random)
    for file in recorder.folder.rglob("*"):
        if file.is_file():
            file.unlink()
    install(image, recorder.folder)
