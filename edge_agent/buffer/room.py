"""Making room in the buffer file: gathers what retention may choose from, and does as it says."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiosqlite

from edge_agent.buffer.queries import named
from edge_agent.buffer.records import row_of, tombstone_values
from edge_agent.buffer.rows import Eviction, Place, Row, StreamState, Usage
from runtime import platform
from wire.frame import StreamClass

CANDIDATES: Final = 1_000
_MARK_EVERY_US: Final = 600_000_000


async def usage_of(db: aiosqlite.Connection, folder: Path) -> Usage:
    """What the file takes and the volume has left, in bytes."""
    pages, spare, size = [
        next(iter(await db.execute_fetchall(f"pragma {name}")))[0]
        for name in ("page_count", "freelist_count", "page_size")
    ]
    free = await asyncio.to_thread(platform.free_bytes, folder)
    return Usage(used=(pages - spare) * size, file=pages * size, free=free)


async def candidates(
    db: aiosqlite.Connection,
    streams: Mapping[Place, StreamState],
    *,
    current: int,
    sent: Mapping[Place, int],
    keep_before_us: int,
) -> list[Row]:
    """The oldest acknowledged records, and the oldest others of each class, `CANDIDATES` of each.

    `sent[place]`: up to there the stream is under way just now, and is not offered.
    `keep_before_us`: what was acknowledged before then was kept long enough.
    """
    marks = await db.execute_fetchall(named()["kept_until"], {"before_us": keep_before_us})
    kept = {Place(ord=row[0], cls=StreamClass(row[1])): row[2] for row in marks}
    left: dict[str, int] = {"acked": CANDIDATES, **dict.fromkeys(StreamClass, CANDIDATES)}
    rows: list[Row] = []
    for place in sorted(streams, key=lambda place: (place.ord, place.cls)):
        state = streams[place]
        if not state.records:
            continue
        # The openings and tables of an old, finished stream go when nothing else is left of it.
        done = state.ord != current and state.acked == state.last_seq
        fixed = done and state.records == state.fixed
        unsent = max(state.acked, sent.get(place, 0))
        for group, after, upto in (
            ("acked", 0, state.acked),
            (str(place.cls), unsent, state.last_seq),
        ):
            if left[group] <= 0 or after >= upto:
                continue
            values: dict[str, Any] = {
                "ord": place.ord,
                "cls": place.cls,
                "after": after,
                "upto": upto,
                "fixed": fixed,
                "most": left[group],
            }
            for raw in await db.execute_fetchall(named()["rows_of"], values):
                acked = group == "acked"
                rows.append(row_of(place, raw, acked=acked, kept_until=kept.get(place, 0)))
                left[group] -= 1
    return rows


async def apply(
    db: aiosqlite.Connection,
    plan: Eviction,
    streams: Mapping[Place, StreamState],
    now_us: int,
) -> None:
    """Delete what goes, and put the tombstones where nobody has it."""
    gone = [*plan.delete, *(one for run in plan.bury for one in run.ids)]
    await db.executemany(named()["delete"], [{"id": one} for one in gone])
    tombstones = [
        tombstone_values(run, streams[Place(ord=run.ord, cls=run.cls)], now_us) for run in plan.bury
    ]
    await db.executemany(named()["append"], tombstones)


async def mark(
    db: aiosqlite.Connection,
    streams: Mapping[Place, StreamState],
    marked: dict[Place, int],
    now_us: int,
    *,
    drop_before_us: int,
) -> None:
    """Write down, every ten minutes, how far each stream was acknowledged; drop old marks."""
    for place, state in streams.items():
        last_us = marked.get(place)
        due = last_us is None or not 0 <= now_us - last_us < _MARK_EVERY_US
        if state.acked and state.records and due:
            values = {"ord": place.ord, "cls": place.cls, "seq": state.acked, "at_us": now_us}
            await db.execute(named()["mark"], values)
            marked[place] = now_us
    await db.execute(named()["drop_marks"], {"before_us": drop_before_us})


async def give_back(db: aiosqlite.Connection, *, keep: int) -> None:
    """Shorten the file by its unused pages, but for `keep` bytes."""
    spare, size = [
        next(iter(await db.execute_fetchall(f"pragma {name}")))[0]
        for name in ("freelist_count", "page_size")
    ]
    pages = spare - keep // size
    if pages > 0:
        # Only a script is stepped to its end: a statement would give back a single page.
        await db.executescript(f"pragma incremental_vacuum({pages:d});")
