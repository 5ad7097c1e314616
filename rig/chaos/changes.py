"""Changed configurations under load: tags go and come back or change their type; a bad push."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import uuid4

import yaml

from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Story
from runtime.broker import BrokerAddress
from runtime.clock import now_us
from runtime.errors import RetryLater
from runtime.mqtt import Connection
from wire.control import ConfigPush
from wire.ids import EdgeId
from wire.topics import down

_NOBODY: Final = 9
"""A port on which nobody listens (discard)."""
# What a register or node of that type can be read as, too, without another value.
_OTHER_TYPE: Final[Mapping[str, str]] = {"u16": "i16"}


async def change(house: House, deed: Deed, _: Story) -> None:
    """Some tags are removed and some change their type, and later all is as it was.

    By a reload (SIGHUP), or by stopping the agent in order and starting it.
    """
    file = _file(house, deed.target)
    before = file.read_text("utf-8")
    reload = deed.lot < 0.5
    await _put(house, deed.target, _changed(before, Random(deed.lot)), reload=reload)
    try:
        await asyncio.sleep(deed.for_s)
    finally:
        await _put(house, deed.target, before, reload=reload)


async def push_that_fails(house: House, deed: Deed, _: Story) -> None:
    """The server sends a configuration with a PLC that is not there; the agent must go back."""
    told: dict[str, Any] = yaml.safe_load(_file(house, deed.target).read_text("utf-8"))
    for device in told["devices"]:
        if device["driver"] == "modbus-tcp":
            device["port"] = _NOBODY
        else:
            device["url"] = f"opc.tcp://127.0.0.1:{_NOBODY}"
    text = _dumped(told)
    edge = EdgeId(plant=told["plant"], edge=told["edge"])
    push = ConfigPush(
        version=int(time.time()),
        at_us=now_us(),
        sha256=sha256(text.encode()).hexdigest(),
        text=text,
    )
    with contextlib.suppress(RetryLater):  # where the broker is struck, too
        async with Connection(
            BrokerAddress(host="127.0.0.1", port=house.broker.port),
            client_id=f"chaos-{uuid4().hex[:8]}",
        ) as connection:
            await connection.publish(down(edge, "config"), push.encode(), qos=1)
    await asyncio.sleep(deed.for_s)


async def _put(house: House, edge: str, text: str, *, reload: bool) -> None:
    program = house.edges[edge]
    if not reload:
        await program.stop()
    _file(house, edge).write_text(text, "utf-8")
    if reload and program.running:
        os.kill(program.pid, signal.SIGHUP)
    else:
        house.start_edge(edge)


def _file(house: House, edge: str) -> Path:
    return house.folder / "configs" / f"{edge}.yaml"


def _changed(text: str, random: Random) -> str:
    told: dict[str, Any] = yaml.safe_load(text)
    for device in told["devices"]:
        for group in device["groups"]:
            # Counters, orders and alarm words stay: the plan at the server is about them.
            if group.get("class") == "key":
                continue
            group["tags"] = [tag for tag in group["tags"] if random.random() > 0.2] or group["tags"]
            for tag in group["tags"]:
                if device["driver"] == "modbus-tcp" and random.random() < 0.5:
                    tag["dtype"] = _OTHER_TYPE.get(tag["dtype"], tag["dtype"])
    return _dumped(told)


def _dumped(told: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(told), allow_unicode=True, sort_keys=False, width=200)
