"""Changed configurations under load: tags go and come back, tags change their type."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any, Final

import yaml

from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Story

# What a register or node of that type can be read as, too, without another value.
_OTHER_TYPE: Final[Mapping[str, str]] = {"u16": "i16"}


async def change(house: House, deed: Deed, _: Story) -> None:
    """Some tags are removed and some change their type, and later all is as it was."""
    file = house.folder / "configs" / f"{deed.target}.yaml"
    before = file.read_text("utf-8")
    program = house.edges[deed.target]
    await program.stop()
    file.write_text(_changed(before, Random(deed.lot)), "utf-8")
    house.start_edge(deed.target)
    try:
        await asyncio.sleep(deed.for_s)
        await program.stop()
    finally:
        file.write_text(before, "utf-8")
        house.start_edge(deed.target)


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
    return yaml.safe_dump(told, allow_unicode=True, sort_keys=False, width=200)
