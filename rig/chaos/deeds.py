"""What each fault of the plan does: the literal table from its name to the code."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Final

from rig.chaos import (
    brokers,
    buffers,
    changes,
    clocks,
    databases,
    disks,
    mounts,
    network,
    plc,
    power,
    processes,
    twice,
)
from rig.chaos.house import House
from rig.chaos.plan import KINDS, Deed
from rig.chaos.story import Happened, Story
from rig.faults import preload
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
    "plc_unit_silent": plc.silence_unit,
    "plc_clock": plc.wrong_clock,
    "wrap_in_outage": plc.wrap_in_outage,
    "buffer_deleted": buffers.delete,
    "buffer_put_back": buffers.put_back,
    "buffer_twice": twice.two_machines,
    "buffer_damaged": buffers.damage,
    "edge_replaced": buffers.replace_machine,
    "configuration_changed": changes.change,
    "push_that_fails": changes.push_that_fails,
    "database_put_back": databases.put_back,
    "power_cut": power.cut,
    "server_clock": clocks.server,
    "edge_clock": clocks.edge,
    "edge_disk_full": disks.full_at_edge,
    "edge_disk_read_only": disks.read_only,
    "database_disk_full": disks.full,
    "database_disk_read_only": disks.read_only,
}
_NEEDS: Final[Mapping[str, Callable[[], str]]] = {
    "preload": preload.lacking,
    "disks": mounts.lacking,
}


def impossible(kinds: Iterable[str]) -> dict[str, str]:
    """Which of these faults cannot be had on this machine, and why."""
    reasons = {need: lacking() for need, lacking in _NEEDS.items()}
    found = {kind: reasons.get(KINDS[kind].needs, "") for kind in kinds}
    return {kind: reason for kind, reason in found.items() if reason}


async def do(
    house: House, deeds: Sequence[Deed], story: Story, *, without: Collection[str] = ()
) -> None:
    """Do all deeds of a cycle, each at its time; returns when the last one is undone.

    `without`: faults that cannot be had; they are counted as skipped.
    """
    async with asyncio.TaskGroup() as tasks:
        for deed in deeds:
            if deed.kind in without:
                story.skipped[deed.kind] = story.skipped.get(deed.kind, 0) + 1
            else:
                tasks.create_task(_at_its_time(house, deed, story))


async def _at_its_time(house: House, deed: Deed, story: Story) -> None:
    await asyncio.sleep(deed.at_s)
    told = Happened(kind=deed.kind, target=deed.target, from_us=now_us())
    story.happened.append(told)
    try:
        await DEEDS[deed.kind](house, deed, story)
    finally:
        told.to_us = now_us()
