"""What each fault of the plan does: the literal table from its name to the code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from rig.chaos import brokers, buffers, changes, databases, network, plc, processes
from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Happened, Story
from runtime.clock import now_us

Doing = Callable[[House, Deed, Story], Awaitable[None]]

DEEDS: Final[Mapping[str, Doing]] = {
    **{f"kill_{part}": processes.kill for part in ("edge", "ingest", "work", "broker", "database")},
    **{f"stop_{part}": processes.stop for part in ("edge", "ingest", "work", "broker", "database")},
    **dict.fromkeys(network.FAULTS, network.strike),
    "broker_wiped": brokers.wipe,
    "broker_forgets": brokers.restart,
    "repeated_delivery": brokers.repeat,
    "plc_restart": plc.restart,
    "plc_silent": plc.silence,
    "plc_clock": plc.wrong_clock,
    "wrap_in_outage": plc.wrap_in_outage,
    "buffer_deleted": buffers.delete,
    "buffer_put_back": buffers.put_back,
    "buffer_damaged": buffers.damage,
    "edge_replaced": buffers.replace_machine,
    "configuration_changed": changes.change,
    "database_put_back": databases.put_back,
}


async def do(house: House, deeds: Sequence[Deed], story: Story) -> None:
    """Do all deeds of a cycle, each at its time; returns when the last one is undone."""
    async with asyncio.TaskGroup() as tasks:
        for deed in deeds:
            tasks.create_task(_at_its_time(house, deed, story))


async def _at_its_time(house: House, deed: Deed, story: Story) -> None:
    await asyncio.sleep(deed.at_s)
    told = Happened(kind=deed.kind, target=deed.target, from_us=now_us())
    story.happened.append(told)
    try:
        await DEEDS[deed.kind](house, deed, story)
    finally:
        told.to_us = now_us()
