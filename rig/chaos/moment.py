"""What a house holds at one moment: copies of the edges' buffers, one snapshot of the database.

Invariants:
- the edges that run stand still (SIGSTOP) while both are taken, some tenths of a second: what the
  snapshot shows is in the copies, and nothing has to be stopped to be compared;
- all that runs goes on afterwards, whatever happened; the copies are deleted at the end.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rig.chaos.evidence import Evidence
from rig.chaos.house import House
from rig.chaos.plan import EDGES
from rig.chaos.story import Story
from rig.collected import LOSS_WINDOW_US
from rig.ledger import copy_buffer
from rig.server_view import ServerView
from runtime.clock import now_us
from simulators.truth import FOREVER


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """`folder` holds the evidence; `unfinished`: minutes of figures still to be recomputed."""

    folder: Path
    unfinished: int


@asynccontextmanager
async def moment(house: House, story: Story) -> AsyncIterator[Moment]:
    """Hold on to what there is now. Raises psycopg.Error where the database does not answer."""
    folder = house.folder / "moment"
    async with AsyncExitStack() as stack:
        view = ServerView(house.database.dsn)
        stack.push_async_callback(asyncio.to_thread, _forget, view, folder)
        yield await asyncio.to_thread(_take, house, story, view, folder)


def _take(house: House, story: Story, view: ServerView, folder: Path) -> Moment:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    # Opened first: a database that is slow to answer shall not keep the edges waiting.
    view.__enter__()
    with ExitStack() as standing:
        running = [name for name in EDGES if house.edges[name].running]
        for name in running:
            standing.callback(house.freeze(name))
        durable_until_us = now_us() - LOSS_WINDOW_US if running else FOREVER
        buffers = [_copy(house.buffer(name), folder / f"{name}.db") for name in EDGES]
        snapshot = view.snapshot()
    Evidence(
        run=house.folder,
        configs=house.configs,
        ports=house.ports_in_words(),
        story=story,
        buffers=tuple(buffer for buffer in buffers if buffer is not None),
        dsn=house.database.dsn,
        snapshot=snapshot,
        durable_until_us=durable_until_us,
        at_us=now_us(),
    ).save(folder)
    return Moment(folder=folder, unfinished=view.unfinished_figures())


def _forget(view: ServerView, folder: Path) -> None:
    view.__exit__()
    shutil.rmtree(folder, ignore_errors=True)


def _copy(buffer: Path, copy: Path) -> Path | None:
    if not buffer.exists():
        return None
    copy_buffer(buffer, copy)
    return copy
