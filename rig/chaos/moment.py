"""What a house holds at one moment: copies of the edges' buffers, one snapshot of the database.

Invariants:
- the edges that run stand still (SIGSTOP) while both are taken, some tenths of a second: what the
  snapshot shows is in the copies, and nothing has to be stopped to be compared;
- all that runs goes on afterwards, whatever happened; the copies are deleted at the end.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rig.chaos.house import House
from rig.chaos.plan import EDGES
from rig.collected import LOSS_WINDOW_US
from rig.ledger import copy_buffer
from rig.server_view import ServerView
from runtime.clock import now_us
from simulators.truth import FOREVER


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """Both sides of the comparison.

    `unfinished`: minutes of figures still to be recomputed. `durable_until_us`: what devices handed
    out until then is on the edges' disks, or was lost.
    """

    view: ServerView
    buffers: Sequence[Path]
    unfinished: int
    durable_until_us: int


@contextmanager
def moment(house: House) -> Iterator[Moment]:
    """Hold on to what there is now. Raises psycopg.Error where the database does not answer."""
    folder = house.folder / "moment"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        # Opened first: a database that is slow to answer shall not keep the edges waiting.
        with ServerView(house.database.dsn) as view:
            with ExitStack() as standing:
                running = [name for name in EDGES if house.edges[name].running]
                for name in running:
                    standing.callback(house.freeze(name))
                durable_until_us = now_us() - LOSS_WINDOW_US if running else FOREVER
                buffers = [_copy(house.buffer(name), folder / f"{name}.db") for name in EDGES]
                unfinished = view.unfinished_figures()
            held = [buffer for buffer in buffers if buffer is not None]
            yield Moment(
                view=view, buffers=held, unfinished=unfinished, durable_until_us=durable_until_us
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(buffer: Path, copy: Path) -> Path | None:
    if not buffer.exists():
        return None
    copy_buffer(buffer, copy)
    return copy
