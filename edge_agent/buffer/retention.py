"""What leaves the buffer, and what becomes a tombstone: a pure decision.

The order in which room is made: acknowledged records, oldest first; then those of `bulk` that
nobody has, oldest first; those of `key` last. What nobody has never goes without a tombstone in
its place. Openings and tag tables are not offered for eviction as long as their stream needs them.

Reasons: acknowledged for longer than `keep_acked_us`; older than `max_age_us` (age); more than
`max_bytes` in use (overflow); less than `min_free_bytes` on the volume (disk). Short of disk,
acknowledged records are given up until enough is free, but unacknowledged ones only so that the
file need not grow any more: somebody else's files are no reason to lose more than that.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from edge_agent.buffer.rows import Bounds, Eviction, Row, Run, Usage
from wire.frame import StreamClass
from wire.records import Cause

TOMBSTONE_COST: Final = 400
"""Bytes a tombstone takes itself."""
MOST_HEADROOM: Final = 8 * 1024 * 1024
_PAGE: Final = 4096
_INLINE: Final = 3_500
_ROW: Final = 200


def cost(size: int) -> int:
    """About how many bytes of the file a record of `size` bytes takes; long ones take pages."""
    return size + _ROW if size < _INLINE else -(-size // _PAGE) * _PAGE + 2 * _ROW


def headroom(bounds: Bounds) -> int:
    """Bytes kept free in the file, so that not every commit has to make room."""
    return min(bounds.max_bytes // 16, MOST_HEADROOM)


def overflow(usage: Usage, bounds: Bounds) -> int:
    """Bytes to give up because of the byte bound; 0 while it is kept."""
    over = usage.used - bounds.max_bytes
    return over + headroom(bounds) if over > 0 else 0


def shortage(usage: Usage, bounds: Bounds) -> int:
    """Bytes the volume has too few."""
    return max(0, bounds.min_free_bytes - usage.free)


def decide(rows: Iterable[Row], usage: Usage, *, now_us: int, bounds: Bounds) -> Eviction:
    """What goes, given candidates of each stream from its oldest on (without the fixed ones)."""
    ordered = sorted(rows, key=lambda row: (row.ord, row.cls, row.seq))
    too_many, too_few = overflow(usage, bounds), shortage(usage, bounds)
    delete: list[int] = []
    freed = 0
    for row in sorted((row for row in ordered if row.acked), key=lambda row: (row.ord, row.at_us)):
        if row.kept_enough or freed < max(too_many, too_few):
            delete.append(row.id)
            freed += cost(row.size)
    growing = too_few and max(0, headroom(bounds) - (usage.file - usage.used))
    bury: list[Run] = []
    for cls in (StreamClass.BULK, StreamClass.KEY):
        unacked = [row for row in ordered if row.cls is cls and not row.acked]
        for _, stream in groupby(unacked, key=lambda row: row.ord):
            runs, freed = _bury(
                list(stream), freed, too_many, growing, oldest_us=now_us - bounds.max_age_us
            )
            bury += runs
    return Eviction(delete=tuple(delete), bury=tuple(bury))


def _bury(
    rows: list[Row], freed: int, too_many: int, growing: int, *, oldest_us: int
) -> tuple[list[Run], int]:
    """The runs of one stream's oldest rows that go, and the bytes freed with them."""
    runs: list[Run] = []
    open_run: list[Row] = []
    open_cause: Cause | None = None
    for row in rows:
        if row.tombstone is not None:
            cause: Cause | None = row.tombstone
        elif row.at_us < oldest_us:
            cause = "age"
        elif freed < too_many:
            cause = "overflow"
        elif freed < growing:
            cause = "disk"
        else:
            cause = None
        if cause is None:
            break
        adjacent = bool(open_run) and open_run[-1].through + 1 == row.seq
        if not (adjacent and cause == open_cause):
            runs += _close(open_run, open_cause)
            open_run = []
        open_run.append(row)
        open_cause = cause
        if row.tombstone is None:
            freed += cost(row.size)
    runs += _close(open_run, open_cause)
    return runs, freed


def _close(rows: list[Row], cause: Cause | None) -> list[Run]:
    """One tombstone for the rows, none where they are tombstones already."""
    if cause is None or all(row.tombstone is not None for row in rows):
        return []
    return [
        Run(
            ord=rows[0].ord,
            cls=rows[0].cls,
            seq=rows[0].seq,
            through=rows[-1].through,
            ids=tuple(row.id for row in rows),
            samples=sum(row.samples for row in rows),
            from_us=min(row.from_us for row in rows),
            to_us=max(row.to_us for row in rows),
            exact=all(row.exact for row in rows),
            cause=cause,
        )
    ]
