"""The faults of the links: one proxy in a bad way for a while, then whole again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from rig.chaos.house import House
from rig.chaos.plan import Deed
from rig.chaos.story import Story
from rig.faults.fault import (
    BOTH,
    THIN_LINK,
    BlackHole,
    Direction,
    Drip,
    Fault,
    Refuse,
    Reset,
    Slow,
    Truncate,
    Vanish,
)

_WAYS: Final[tuple[tuple[Direction, ...], ...]] = (("up",), ("down",), BOTH)


def _ways(lot: float) -> tuple[Direction, ...]:
    return _WAYS[int(lot * len(_WAYS)) % len(_WAYS)]


FAULTS: Final[Mapping[str, Callable[[float], Fault]]] = {
    "net_latency": lambda lot: Slow(latency_s=0.05 + 0.45 * lot, jitter_s=0.2 * lot),
    "net_reset": lambda _: Reset(),
    "net_half_open": lambda lot: Vanish(ways=_ways(lot)),
    "net_black_hole": lambda _: BlackHole(),
    "net_truncation": lambda lot: Truncate(
        ways=_ways(lot), after_bytes=int(5_000 * lot), reset=lot < 0.5
    ),
    "net_slow_drip": lambda lot: Drip(ways=_ways(lot), size=1 + int(200 * lot), every_s=0.02),
    "net_refused": lambda _: Refuse(),
    "net_thin_link": lambda _: THIN_LINK,
}


async def strike(house: House, deed: Deed, _: Story) -> None:
    """Have the fault on the link for as long as the deed lasts."""
    link = house.links[deed.target]
    try:
        await link.switch(FAULTS[deed.kind](deed.lot))
        if deed.kind == "net_refused":
            link.reset()  # a port that refuses, and connections that are gone
        await asyncio.sleep(deed.for_s)
    finally:
        await link.heal()
