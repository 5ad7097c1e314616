"""Has the system healed? Everything runs, everything is read, and the server has all of it.

`lacks` says what is missing, empty when nothing is; nothing here waits for luck.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import psycopg

from rig.chaos import wide
from rig.chaos.house import House
from rig.chaos.plan import EDGES
from rig.edge_page import edge_status
from rig.ledger import last_seqs
from rig.server_view import ServerView
from runtime.clock import now_us, to_datetime
from runtime.errors import RetryLater

UNDER_WAY: Final = 8
"""So many records of an edge are always on their way while readings flow."""
UNDER_WAY_S: Final = 3.0
_LOOK_S: Final = 0.2
_LAST_LOOK_S: Final = 1.5
_LAST_WORDS: Final = 4
"""Records in which two edges say that they stop; they may have had no time to send them."""
_FRESH = """
SELECT e.edge, b.class FROM lineside.batch b JOIN lineside.edge e USING (edge_id)
WHERE b.committed_at >= %s GROUP BY 1, 2
"""
_OPEN = "SELECT count(*) FROM lineside.gap WHERE to_ts IS NULL"


async def converge(house: House, *, since_us: int, limit_s: float) -> None:
    """Wait until nothing lacks. Raises RetryLater (LS-8201) where that takes longer."""
    end = time.monotonic() + limit_s
    while missing := await lacks(house, since_us):
        if time.monotonic() > end:
            raise RetryLater("LS-8201", limit_s=round(limit_s), missing="; ".join(missing))
        await asyncio.sleep(_LOOK_S)


async def lacks(house: House, since_us: int) -> list[str]:
    """What keeps the system from being whole, in words."""
    missing = [f"{name} does not run" for name in house.dead()]
    for edge in house.edges:
        missing += _of_edge(edge, await edge_status(house, edge))
    if missing:
        return missing
    return await asyncio.to_thread(_of_server, house.database.dsn, since_us)


def _of_edge(edge: str, status: dict[str, Any] | None) -> list[str]:
    if status is None:
        return [f"{edge}: its page does not answer"]
    missing = []
    if not status["broker"]["connected"]:
        missing.append(f"{edge}: no broker ({status['broker']['error']})")
    unacked = status["buffer"].get("unacked_records")
    if edge == wide.EDGE:
        # It makes some dozens a second: what counts is how long they take.
        oldest_s = status["buffer"].get("oldest_unacked_s")
        if unacked is None or (oldest_s or 0.0) > UNDER_WAY_S:
            missing.append(f"{edge}: a record waits for {oldest_s} s")
    elif unacked is None or unacked > UNDER_WAY:
        missing.append(f"{edge}: {unacked} records not confirmed")
    missing += [
        f"{edge}: device {device['id']} is {device['state']} ({device['error']})"
        for device in status["devices"]
        if device["state"] != "up"
    ]
    return missing


def _of_server(dsn: str, since_us: int) -> list[str]:
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            fresh = set(connection.execute(_FRESH, (to_datetime(since_us),)).fetchall())
            standing = connection.execute(_OPEN).fetchone()
    except psycopg.OperationalError as error:
        return [f"database: {str(error).strip()[:200]}"]
    missing = [
        f"{edge}: nothing new of class {cls} at the server"
        for edge in EDGES
        for cls in ("key", "bulk")
        if (edge, cls) not in fresh
    ]
    if standing and standing[0]:
        missing.append(f"{standing[0]} gaps are open")
    return missing


async def settle(house: House, *, limit_s: float) -> None:
    """Pause the machines, let everything arrive, stop the edges, wait for the last figures.

    What an edge says last may stay in its buffer for its next start, and nothing more. Raises
    RetryLater (LS-8201) where it takes longer.
    """
    end = time.monotonic() + limit_s
    await house.plant.pause()
    # What the paused machines show last must be read once more by the slowest group.
    await asyncio.sleep(_LAST_LOOK_S)
    await converge(house, since_us=now_us(), limit_s=limit_s)
    for edge in house.edges.values():
        await edge.stop()
    wanted = {
        key: seq for name in house.edges for key, seq in last_seqs(house.buffer(name)).items()
    }
    while missing := await asyncio.to_thread(_not_there, house.database.dsn, wanted):
        if time.monotonic() > end:
            raise RetryLater("LS-8201", limit_s=round(limit_s), missing=missing)
        await asyncio.sleep(_LOOK_S)


def _not_there(dsn: str, wanted: dict[tuple[str, str], int]) -> str:
    with ServerView(dsn) as view:
        cursors, unfinished = view.cursors(), view.unfinished_figures()
    missing = sum(max(0, seq - cursors.get(key, 0)) for key, seq in wanted.items())
    if missing > _LAST_WORDS:
        return f"{missing} records"
    return f"{unfinished} minutes of figures" if unfinished else ""
