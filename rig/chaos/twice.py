"""One edge on two machines: a copy of its folder runs beside it, against the same devices.

Invariant: the second agent ends only once the server has all that is in its buffer; its buffer is
then kept for the comparison.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import psycopg

from rig.chaos.buffers import set_aside
from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Story, Twin
from rig.edge_page import edge_status
from rig.ledger import last_seqs, newest_epoch
from rig.programs import Program
from rig.server_view import ServerView
from runtime.clock import now_us
from runtime.errors import RetryLater

_LIMIT_S: Final = 60.0
_LOOK_S: Final = 0.2
_UNDER_WAY: Final = 8


async def two_machines(house: House, deed: Deed, story: Story) -> None:
    """Both begin from the same buffer; the second one is taken away again."""
    house.kill(deed.target)
    twin = house.twin(deed.target)
    told = Twin(
        edge=deed.target, predecessor=newest_epoch(house.buffer(twin.name)), from_us=now_us()
    )
    if told.predecessor:
        story.twins.append(told)
    house.start_edge(deed.target)
    try:
        twin.start()
        await _until_whole(house, twin)
        await asyncio.sleep(deed.for_s)
        await _deliver(house, twin)
    finally:
        await twin.stop()
        told.to_us = now_us()
    set_aside(house, twin.name, story)


async def _until_whole(house: House, twin: Program) -> None:
    """Until the agent reads its devices, and what it holds is confirmed but for the newest."""
    end = time.monotonic() + _LIMIT_S
    while not await _is_whole(house, twin.name):
        if time.monotonic() > end:
            raise RetryLater("LS-8215", edge=twin.name, limit_s=round(_LIMIT_S))
        await asyncio.sleep(_LOOK_S)


async def _is_whole(house: House, name: str) -> bool:
    status = await edge_status(house, name)
    if status is None or any(one["state"] != "up" for one in status["devices"]):
        return False
    return int(status["buffer"].get("unacked_records", _UNDER_WAY + 1)) <= _UNDER_WAY


async def _deliver(house: House, twin: Program) -> None:
    """Stop the agent; start it again as long as the server lacks something of it."""
    end = time.monotonic() + _LIMIT_S
    while True:
        await twin.stop()
        if await asyncio.to_thread(_is_delivered, house, twin.name):
            return
        if time.monotonic() > end:
            raise RetryLater("LS-8215", edge=twin.name, limit_s=round(_LIMIT_S))
        twin.start()
        await _until_whole(house, twin)


def _is_delivered(house: House, name: str) -> bool:
    try:
        with ServerView(house.database.dsn) as view:
            cursors = view.cursors()
    except psycopg.OperationalError:
        return False
    return all(cursors.get(key, 0) >= seq for key, seq in last_seqs(house.buffer(name)).items())
