"""Puts tombstones where a stream's records are missing or unreadable, so that it has no holes."""

from __future__ import annotations

import aiosqlite

from edge_agent.buffer.queries import named
from edge_agent.buffer.records import holes, row_of, run_of, tombstone_values
from edge_agent.buffer.rows import Eviction, Place, Stored, StreamState
from wire.records import Cause


async def burial_of(db: aiosqlite.Connection, place: Place, stored: Stored) -> Eviction:
    """What buries one record whose bytes went bad, whatever its kind."""
    values = {
        "ord": place.ord,
        "cls": place.cls,
        "after": stored.seq - 1,
        "upto": stored.through,
        "fixed": True,
        "most": 1,
    }
    raw = list(await db.execute_fetchall(named()["rows_of"], values))
    return Eviction(bury=tuple(run_of(row_of(place, one)) for one in raw))


async def rewind(
    db: aiosqlite.Connection, state: StreamState, cursor: int, *, now_us: int, cause: Cause
) -> int:
    """Write down that only what is up to `cursor` is acknowledged, within the caller's transaction.

    What is missing behind it becomes tombstones; returns how many.
    """
    values = {"ord": state.ord, "cls": state.cls, "acked": cursor}
    rows = list(await db.execute_fetchall(named()["places"], values))
    missing = holes(rows, state, after=cursor, now_us=now_us, cause=cause)
    tombstones = [tombstone_values(run, state, now_us) for run in missing]
    await db.executemany(named()["append"], tombstones)
    await db.execute(named()["acked"], values)
    await db.execute(named()["drop_marks_above"], values)
    return len(missing)
