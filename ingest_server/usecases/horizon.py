"""Readings too old or too far from now to be stored: their spans go to `gap`, people are told.

Invariants:
- a reading is either stored or counted in a gap of its stream, in the same transaction;
- while a transaction writes old readings, retention moves nothing under it: what was looked up
  before is compared under a lock within the transaction;
- a clock that runs wild makes a bounded number of partitions and of gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest_server.store import horizon
from ingest_server.store.errors import FrozenMoved
from ingest_server.store.partitions import DAY_US
from ingest_server.store.rows import GapRow, NoticeRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest_server.store.changes import Changes, RecordRows
    from ingest_server.store.connection import Connection

PAST_US: Final = 3_653 * DAY_US
"""Readings older than ten years are a clock's mistake."""
FUTURE_US: Final = 2 * DAY_US
"""So are readings from the day after tomorrow on."""
LATE_US: Final = DAY_US
"""Nothing younger than this is ever frozen: retention keeps two days at least."""
LATE: Final = "late_after_retention"
IMPLAUSIBLE: Final = "implausible_time"
_MERGED_US: Final[Mapping[str, int]] = {LATE: 3_600_000_000, IMPLAUSIBLE: 2**62}
_NOTICES: Final[Mapping[str, str]] = {LATE: "LS-5820", IMPLAUSIBLE: "LS-5821"}
_TELL_AGAIN_US: Final = DAY_US


class Horizon:
    """`take` before a transaction, `hold` within it."""

    def __init__(self) -> None:
        self._frozen: Mapping[str, int] | None = None
        self._told: dict[tuple[int, str], int] = {}

    def take(self, connection: Connection, changes: Changes, now_us: int) -> Changes:
        """The changes with what is not to be stored set aside. Raises StoreError."""
        self._frozen = None
        if not _is_far(changes, now_us):
            return changes
        self._frozen = horizon.frozen(connection)
        kept = set_aside(changes, self._frozen, now_us)
        notices = [
            (record.edge_id, notice)
            for record, before in zip(kept.records, changes.records, strict=True)
            for gap in record.gaps[len(before.gaps) :]
            if (notice := self._notice(record.edge_id, gap, now_us)) is not None
        ]
        return replace(kept, edge_notices=[*kept.edge_notices, *notices])

    def hold(self, connection: Connection) -> None:
        """Within the transaction: what was looked up still holds, and will until its end.

        Raises FrozenMoved, StoreError.
        """
        if self._frozen is None:
            return
        horizon.share(connection)
        if horizon.frozen(connection) != self._frozen:
            raise FrozenMoved("LS-5822")

    def _notice(self, edge_id: int, gap: GapRow, now_us: int) -> NoticeRow | None:
        """A device says such things every second; a person is told once a day."""
        key = (edge_id, gap.cause)
        if now_us - self._told.get(key, -_TELL_AGAIN_US) < _TELL_AGAIN_US:
            return None
        self._told[key] = now_us
        return NoticeRow(code=_NOTICES[gap.cause], params={"class": str(gap.cls)})


def set_aside(changes: Changes, frozen: Mapping[str, int], now_us: int) -> Changes:
    """The changes without readings that are frozen or implausible; these become gaps."""
    return replace(
        changes, records=[_without_far(record, frozen, now_us) for record in changes.records]
    )


def _is_far(changes: Changes, now_us: int) -> bool:
    parts = [each.readings.ts for each in changes.records if each.readings is not None]
    ts = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return bool(ts.size) and bool(ts.min() < now_us - LATE_US or ts.max() > now_us + FUTURE_US)


def _without_far(record: RecordRows, frozen: Mapping[str, int], now_us: int) -> RecordRows:
    readings = record.readings
    if readings is None or not len(readings):
        return record
    wild = (readings.ts < now_us - PAST_US) | (readings.ts > now_us + FUTURE_US)
    late = (readings.ts < frozen.get(str(record.cls), now_us - PAST_US)) & ~wild
    if not (wild.any() or late.any()):
        return record
    gaps = [
        _gap(record, readings.ts[chosen], cause)
        for cause, chosen in ((LATE, late), (IMPLAUSIBLE, wild))
        if chosen.any()
    ]
    kept = readings.take(np.flatnonzero(~(wild | late)))
    return replace(record, readings=kept, gaps=[*record.gaps, *gaps])


_FIRST_US: Final = -62_135_596_800_000_000
_LAST_US: Final = 253_402_300_799_000_000


def _gap(record: RecordRows, ts: NDArray[np.int64], cause: str) -> GapRow:
    return GapRow(
        epoch=record.epoch,
        cls=record.cls,
        from_us=max(_FIRST_US, int(ts.min())),
        to_us=min(_LAST_US, int(ts.max())),
        cause=cause,
        samples=int(ts.size),
        exact=True,
        merge_within_us=_MERGED_US[cause],
    )
