"""What is said of the rig's own lateness is what it was."""

from __future__ import annotations

import asyncio
import time

from rig.chaos.lag import Lag


def test_a_single_late_look_is_the_greatest_and_not_the_median() -> None:
    lag = Lag()
    for _ in range(99):
        lag.add(0.0021)
    lag.add(1.5)
    assert lag.as_json() == {"median": 2, "p99": 2, "most": 1500}


def test_where_nobody_looked_nothing_is_said() -> None:
    assert Lag().as_json() == {}


async def test_a_loop_that_is_kept_busy_is_late() -> None:
    async with Lag() as lag:
        await asyncio.sleep(0)  # it looks for the first time
        end_s = time.monotonic() + 0.2
        while time.monotonic() < end_s:
            continue
        while not lag.as_json():
            await asyncio.sleep(0)
    assert lag.as_json()["most"] >= 150
