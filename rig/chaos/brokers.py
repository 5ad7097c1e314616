"""The faults of the broker and of what it delivers: wiped, begun anew, doubled, mixed up."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from random import Random
from typing import Final
from uuid import uuid4

from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Story
from runtime.broker import BrokerAddress
from runtime.errors import RetryLater
from runtime.mqtt import Connection, Message

_MOST: Final = 500
_DATA: Final = "lineside/v1/+/+/up/data/+"


async def wipe(house: House, deed: Deed, _: Story) -> None:
    """Its store is gone: retained messages, sessions, whatever was under way."""
    house.kill("broker")
    shutil.rmtree(house.broker.data_dir / "store", ignore_errors=True)
    await asyncio.sleep(deed.for_s)
    await house.start_again("broker")


async def restart(house: House, deed: Deed, _: Story) -> None:
    """Stopped in order and started: it knows its retained messages, and no session any more."""
    await house.broker.stop()
    await asyncio.sleep(deed.for_s)
    await house.start_again("broker")


async def repeat(house: House, deed: Deed, _: Story) -> None:
    """Deliver what the edges send again and again, in another order."""
    random = Random(deed.lot)
    heard: list[Message] = []
    with contextlib.suppress(RetryLater):  # where the broker is struck, too
        async with Connection(
            BrokerAddress(host="127.0.0.1", port=house.broker.port),
            client_id=f"chaos-{uuid4().hex[:8]}",
        ) as connection:
            await connection.subscribe(_DATA)
            listening = asyncio.create_task(_listen(connection, heard))
            try:
                for _time in range(4):
                    await asyncio.sleep(deed.for_s / 4)
                    again = list(heard)
                    random.shuffle(again)
                    for message in again:
                        await connection.publish(message.topic, message.payload, qos=1)
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)


async def _listen(connection: Connection, heard: list[Message]) -> None:
    known: set[bytes] = set()
    async for message in connection.messages():
        message.ack()
        if len(heard) < _MOST and message.payload not in known:
            known.add(message.payload)
            heard.append(message)
