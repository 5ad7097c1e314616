"""Which part of a span comes from hours, from minutes, from the readings themselves.

Rollups are taken where they are whole and stand: an hour or a minute that begins and ends in the
span and has no mark of new readings. Everything else comes from the readings, so the answer is the
same as if all of it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from ingest_server.api.series.spans import Begins

Source = Literal["raw", "1m", "1h"]

MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
_MOST_STRETCHES: Final = 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of the span, end exclusive, and the table it comes from."""

    source: Source
    start: datetime
    to: datetime


def pieces(
    start: datetime,
    to: datetime,
    begins: Begins,
    *,
    minutes: Iterable[datetime],
    hours: Iterable[datetime],
) -> list[Piece]:
    """The parts of `[start, to)` in the order of time.

    `begins`: of the buckets; they decide how coarse a table may be. `minutes` and `hours` are those
    that have to be rolled up anew, by their begins.
    """
    marked = [(at, at + MINUTE) for at in minutes]
    found = [Piece(source="raw", start=start, to=to)]
    if _on(begins[1:], MINUTE):
        found = _refined(found, "1m", MINUTE, marked)
    if _on(begins[1:], HOUR):
        # Hours take over what was cut into minutes, but for those with a mark of either kind.
        whole = [Piece(source="1m", start=start, to=to)]
        stale = [(at, at + HOUR) for at in hours]
        stale += [(_floor(at, HOUR), _floor(at, HOUR) + HOUR) for at, _ in marked]
        coarse = _refined(whole, "1h", HOUR, stale)
        found = [part for each in coarse for part in _fine(each, found)]
    return found


def _fine(coarse: Piece, fine: Sequence[Piece]) -> list[Piece]:
    if coarse.source == "1h":
        return [coarse]
    return [
        Piece(source=each.source, start=max(each.start, coarse.start), to=min(each.to, coarse.to))
        for each in fine
        if each.start < coarse.to and each.to > coarse.start
    ]


def _refined(
    whole: Sequence[Piece],
    source: Source,
    unit: timedelta,
    stale: Iterable[tuple[datetime, datetime]],
) -> list[Piece]:
    """The pieces with all that is whole units and not stale taken from `source`."""
    found: list[Piece] = []
    stretches = _stretches(stale)
    for piece in whole:
        first, last = _ceil(piece.start, unit), _floor(piece.to, unit)
        at = piece.start
        if first < last:
            free = first
            for begin, end in [*stretches, (last, last)]:
                if end <= first or begin > last:
                    continue
                if begin > free:
                    if at < free:
                        found.append(Piece(source=piece.source, start=at, to=free))
                    found.append(Piece(source=source, start=free, to=begin))
                    at = begin
                free = max(free, min(end, last))
        if at < piece.to:
            found.append(Piece(source=piece.source, start=at, to=piece.to))
    return found


def _stretches(stale: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Stale spans put together: those that touch, and the nearest ones while there are too many."""
    merged: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(stale):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    while len(merged) > _MOST_STRETCHES:
        gaps = [after[0] - before[1] for before, after in pairwise(merged)]
        limit = sorted(gaps)[len(merged) - _MOST_STRETCHES - 1]
        joined = [merged[0]]
        for gap, (begin, end) in zip(gaps, merged[1:], strict=True):
            if gap <= limit:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((begin, end))
        merged = joined
    return merged


def _on(times: Begins, unit: timedelta) -> bool:
    """Whether all of these times are begins of minutes or of hours."""
    return not (times % (unit // timedelta(microseconds=1))).any()


def _floor(at: datetime, unit: timedelta) -> datetime:
    return at - (at - _EPOCH) % unit


def _ceil(at: datetime, unit: timedelta) -> datetime:
    return at + -(at - _EPOCH) % unit
