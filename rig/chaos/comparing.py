"""When a run is compared: at its end, in between, and where it did not become whole again.

Invariants: the machines stand still from before the moment that is judged until it is judged, and
the story says when; in between nothing is stopped or started for it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final

import psutil
import psycopg

from rig.chaos.converge import converge, settle
from rig.chaos.house import House
from rig.chaos.judge_process import judge_apart
from rig.chaos.judging import Judgement
from rig.chaos.moment import moment
from rig.chaos.story import Story
from runtime import messages
from runtime.clock import now_us
from runtime.errors import LinesideError, RetryLater

LAST_LOOK_S: Final = 1.5
"""Within that the slowest group has read once more what paused machines show last."""
_AGAIN_S: Final = 0.3
_LOG: Final = "judge.log"


async def compare_at_the_end(house: House, story: Story, *, limit_s: float) -> Judgement:
    """Stop the edges in order and compare. Raises RetryLater where it does not become whole."""
    await settle(house, limit_s=limit_s)
    return await _judge_now(house, story)


async def compare_in_between(house: House, story: Story, *, limit_s: float) -> Judgement:
    """Compare while all runs, and let the machines go on. Raises RetryLater as above."""
    end = time.monotonic() + limit_s
    await house.plant.pause()
    paused_us = now_us()
    story.pauses.append([paused_us, 0])
    try:
        await asyncio.sleep(LAST_LOOK_S)
        await converge(house, since_us=now_us(), limit_s=limit_s)
        while True:
            judged = await _judge_finished(house, story)
            if judged is not None:
                break
            if time.monotonic() > end:
                raise RetryLater("LS-8201", limit_s=round(limit_s), missing="figures")
            await asyncio.sleep(_AGAIN_S)
        await house.plant.run()
    finally:
        story.pauses[-1] = [paused_us, now_us()]
    return judged


async def compare_as_it_is(house: House, story: Story) -> Judgement | str:
    """Compare what did not become whole, as far as that goes; else why it cannot be compared."""
    try:
        with suppress(LinesideError, OSError):
            await house.plant.pause()
        if not house.database.pid:
            await house.start_again("database")
        await asyncio.sleep(LAST_LOOK_S)
        return await _judge_now(house, story)
    except (LinesideError, OSError, psycopg.Error, psutil.Error) as error:
        return messages.describe(error)


async def _judge_now(house: House, story: Story) -> Judgement:
    async with moment(house, story) as now:
        return await judge_apart(now.folder, house.logs / _LOG)


async def _judge_finished(house: House, story: Story) -> Judgement | None:
    async with moment(house, story) as now:
        return None if now.unfinished else await judge_apart(now.folder, house.logs / _LOG)
