"""Buckets with count, share of good, least, greatest, means, first and last of each.

What they are made of comes from the rollups where these stand, else from the readings (`pieces`).
Texts have no rollups, and 64-bit integers only as far as a double holds them exactly: beyond that
their readings are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

import numpy as np
from psycopg.rows import TupleRow

from ingest_server.api.database import Connection
from ingest_server.api.problems import Invalid
from ingest_server.api.series.local import iso_texts
from ingest_server.api.series.pieces import HOUR, MINUTE, Piece, Source, pieces
from ingest_server.api.series.spans import Begins
from ingest_server.api.times import zone_of
from ingest_server.api.values import LARGEST_EXACT, reader_of
from ingest_server.store import reads
from runtime.clock import from_datetime, to_datetime
from wire.dtypes import DType

_WIDE: Final = frozenset(dtype for dtype in DType if dtype.needs_big)
_LONG: Final = _WIDE | {DType.STR}
"""Types with values that no double holds."""
_US: Final = timedelta(microseconds=1)
_UNITS_US: Final[Mapping[Source, int]] = {"1m": MINUTE // _US, "1h": HOUR // _US}
_ORDER: Final[tuple[Source, ...]] = ("raw", "1m", "1h")

Frames = Mapping[int, dict[str, Any]]


class _Part(NamedTuple):
    """What a piece says about a bucket: the columns of `rolled_*`, `each_*` and `brief`.

    Values are as stored: float, int or text.
    """

    piece: int
    """Its place in the plan."""
    tag: int
    bucket: int
    """Its number, from 1."""
    samples: int
    good: int
    mean: float | None
    least: Any
    greatest: Any
    first: Any
    last: Any
    twa: float | None
    """Only of a rollup that is the whole bucket."""


_BUCKET: Final = _Part._fields.index("bucket")


class Filled(NamedTuple):
    """The coarsest table that was used, and how many samples the tag with the most has."""

    source: Source
    most: int


async def fill_buckets(
    connection: Connection,
    series: Frames,
    start: datetime,
    to: datetime,
    begins: Begins,
    *,
    most_samples: int,
    stale: Mapping[str, Sequence[datetime]],
) -> Filled:
    """Put the buckets into their series.

    `begins`: of the buckets, the first not after `start`. `stale`: `minutes` and `hours` that have
    to be rolled up anew (`look_at`). Raises Invalid where more than `most_samples` readings would
    have to be read.
    """
    reading = _Reading(connection, series, begins, to, most_samples=most_samples)
    numeric = [tag for tag, frame in series.items() if frame["dtype"] != DType.STR]
    plan = pieces(start, to, begins, minutes=stale["minutes"], hours=stale["hours"])
    rolled = await reading.exact(numeric, plan)
    await reading.take(rolled, plan)
    await reading.take(
        [tag for tag in series if tag not in rolled], [Piece(source="raw", start=start, to=to)]
    )
    most = reading.finish()
    used = [piece.source for piece in plan if rolled]
    return Filled(max(used, key=_ORDER.index, default="raw"), most)


class _Reading:
    """One request: the parts found so far, and how many samples may still be read."""

    def __init__(
        self,
        connection: Connection,
        series: Frames,
        begins: Begins,
        to: datetime,
        *,
        most_samples: int,
    ) -> None:
        self._connection = connection
        self._series = series
        self._begins = begins
        self._width_us = int(
            np.diff(begins).min() if len(begins) > 1 else from_datetime(to) - begins[0]
        )
        self._most_samples = most_samples
        self._left = dict.fromkeys(series, most_samples // len(series))
        # Rows like `_Part`, one a bucket, in the order of time. What a bucket is made of where
        # that is several parts, which few are, stands in `_more` by its place.
        self._parts: dict[int, list[TupleRow]] = {tag: [] for tag in series}
        self._more: dict[int, dict[int, list[_Part]]] = {tag: {} for tag in series}

    async def exact(self, tags: Sequence[int], plan: Iterable[Piece]) -> list[int]:
        """Those of the tags whose rollups are exact in the pieces that come from rollups."""
        wide = [tag for tag in tags if self._series[tag]["dtype"] in _WIDE]
        beyond: set[int] = set()
        for piece in plan:
            if piece.source == "raw" or not wide:
                continue
            for row in await reads.rows(
                self._connection,
                "readings",
                f"beyond_{piece.source}",
                tags=wide,
                from_ts=piece.start,
                to_ts=piece.to,
                most=float(LARGEST_EXACT),
            ):
                beyond.add(row["tag_id"])
        return [tag for tag in tags if tag not in beyond]

    async def take(self, tags: Sequence[int], plan: Sequence[Piece]) -> None:
        """Add what the pieces, in the order of time, say about some tags."""
        if not tags:
            return
        # Rollups and what is short in one go. Other readings are asked for piece by piece:
        # what one took, the next may not.
        asked = {
            place: self._asked(tags, place, piece)
            for place, piece in enumerate(plan)
            if piece.source != "raw" or self._is_brief(tags, piece)
        }
        said: dict[int, list[TupleRow]] = {place: [] for place in asked}
        if asked:
            rows = await reads.united(self._connection, "readings", *asked.values())
            for place, mine in groupby(rows, itemgetter(0)):
                said[place] += mine
        for place, piece in enumerate(plan):
            if place not in said:
                query, values = self._asked(tags, place, piece)
                found = await reads.tuple_rows(self._connection, "readings", query, **values)
                self._read(tags, map(_of_readings, found))
            elif piece.source == "raw":
                self._read(tags, said[place])
            else:
                self._sum(tags, piece, said[place])

    def _is_brief(self, tags: Sequence[int], piece: Piece) -> bool:
        return piece.to - piece.start <= MINUTE and not any(
            self._series[tag]["dtype"] in _LONG for tag in tags
        )

    def _within(self, piece: Piece) -> tuple[int, Begins]:
        """How many buckets end before the piece, and the begins of those that lie in it.

        To send all begins with each piece costs more than to sum up.
        """
        start_us, to_us = from_datetime(piece.start), from_datetime(piece.to)
        before = max(int(np.searchsorted(self._begins, start_us, side="right")) - 1, 0)
        return before, self._begins[before : np.searchsorted(self._begins, to_us)]

    def _asked(self, tags: Sequence[int], place: int, piece: Piece) -> tuple[str, dict[str, Any]]:
        """The query of a piece, which is the plan's at that place, with its parameters."""
        before, begins = self._within(piece)
        values = {
            "piece": place,
            "tags": list(tags),
            "from_ts": piece.start,
            "to_ts": piece.to,
            "before": before,
        }
        if piece.source == "raw":
            values |= {
                "begins": _datetimes(begins),
                "most": max(self._left[tag] for tag in tags),
            }
            if self._is_brief(tags, piece):
                return "brief", values
            return "bucketed", {
                **values,
                "wide": [self._series[tag]["dtype"] == DType.U64 for tag in tags],
                "small": [self._series[tag]["dtype"] not in _WIDE for tag in tags],
            }
        if _is_each(begins, piece):
            return f"each_{piece.source}", values
        return f"rolled_{piece.source}", {**values, "begins": _datetimes(begins)}

    def _sum(self, tags: Sequence[int], piece: Piece, rows: Sequence[TupleRow]) -> None:
        """Add what a rollup says, in rows like `_Part`."""
        if self._width_us != _UNITS_US.get(piece.source):
            # The mean of a part of the bucket says nothing about the bucket.
            rows = [(*row[:-1], None) for row in rows]
        each = [(tags[0], rows)] if len(tags) == 1 else groupby(rows, itemgetter(1))
        for tag, mine in each:
            if self._series[tag]["dtype"] in _WIDE:
                self._add(tag, [_as_whole(row) for row in mine])
            else:
                self._add(tag, list(mine))

    def _read(self, tags: Sequence[int], rows: Iterable[TupleRow]) -> None:
        """Add what the readings say, in rows like `_Part`."""
        for row in rows:
            part = _Part._make(row)
            self._left[part.tag] -= part.samples
            self._add(part.tag, [part])
        if min(self._left[tag] for tag in tags) <= 0:
            raise Invalid("LS-6017", at="query.from", limit=self._most_samples)

    def _add(self, tag: int, parts: list[TupleRow]) -> None:
        known, more = self._parts[tag], self._more[tag]
        if known and parts and known[-1][_BUCKET] == parts[0][_BUCKET]:
            more.setdefault(len(known) - 1, [_Part._make(known[-1])]).append(_Part._make(parts[0]))
            del parts[0]
        known.extend(parts)

    def finish(self) -> int:
        """Put the parts of each bucket together; gives the count of the tag with the most."""
        most = 0
        times: dict[str, list[str]] = {}
        for tag, parts in self._parts.items():
            if not parts:
                continue
            for place, several in self._more[tag].items():
                parts[place] = _together(several)
            frame = self._series[tag]
            zone = frame["time_zone"]
            if zone not in times:
                times[zone] = iso_texts(self._begins, zone_of(zone))
            _, _, numbers, samples, *columns = zip(*parts, strict=True)
            begins = [times[zone][number - 1] for number in numbers]
            frame["buckets"] = _buckets(begins, samples, columns, frame["dtype"])
            most = max(most, sum(samples))
        return most


def _of_readings(row: TupleRow) -> _Part:
    """Of the columns of `bucketed`."""
    piece, tag, bucket, samples, good, *rest = row
    low, high, mean, low_big, high_big, mean_big, *ends = rest
    return _Part(
        piece,
        tag,
        bucket,
        samples,
        good,
        mean if mean is not None else mean_big,
        _first_of(low, low_big),
        _first_of(high, high_big),
        _first_of(*ends[:3]),
        _first_of(*ends[3:]),
        None,
    )


def _datetimes(begins: Begins) -> list[datetime]:
    return [to_datetime(begin_us) for begin_us in begins.tolist()]


def _as_whole(row: TupleRow) -> _Part:
    part = _Part._make(row)
    return part._replace(
        least=_whole(part.least),
        greatest=_whole(part.greatest),
        first=_whole(part.first),
        last=_whole(part.last),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _is_each(begins: Begins, piece: Piece) -> bool:
    """Whether the piece's buckets are the rollup's own: then there is nothing to sum up."""
    unit_us = _UNITS_US[piece.source]
    start_us, to_us = from_datetime(piece.start), from_datetime(piece.to)
    return (
        bool(begins[0] == start_us)
        and start_us + len(begins) * unit_us == to_us
        and bool((np.diff(begins) == unit_us).all())
    )


def _first_of(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _together(parts: Sequence[_Part]) -> _Part:
    """One part of several of a bucket, in the order of time."""
    good = [part for part in parts if part.good]
    numbers = [part for part in good if part.least is not None]
    return parts[0]._replace(
        samples=sum(part.samples for part in parts),
        good=sum(part.good for part in good),
        mean=_mean(numbers),
        least=min((part.least for part in numbers), default=None),
        greatest=max((part.greatest for part in numbers), default=None),
        first=_first_of(*(part.first for part in good)),
        last=_first_of(*(part.last for part in reversed(good))),
        twa=None,
    )


def _buckets(
    begins: Sequence[str],
    samples: Sequence[int],
    columns: Sequence[Sequence[Any]],
    dtype: str,
) -> list[dict[str, Any]]:
    """What is answered (`answers.Bucket`), of the columns of parts from `good` on."""
    good, mean, least, greatest, first, last, twa = columns
    read = _told_as(dtype)
    if read is not None:
        least, greatest, first, last = (
            [read(value) for value in column] for column in (least, greatest, first, last)
        )
    if dtype == DType.TIME:
        mean = twa = [None] * len(begins)
    return [
        {
            "ts": ts,
            "count": n,
            "good": sound / n,
            "min": low,
            "max": high,
            "mean": average if sound else None,
            "twa": weighted,
            "first": at_first if sound else None,
            "last": at_last if sound else None,
        }
        for ts, n, sound, average, low, high, at_first, at_last, weighted in zip(
            begins, samples, good, mean, least, greatest, first, last, twa, strict=True
        )
    ]


def _mean(parts: Sequence[_Part]) -> float | None:
    if len(parts) == 1:
        return parts[0].mean
    means = [part.mean for part in parts if part.mean is not None]
    if not means or len(means) < len(parts):
        return None
    weights = [part.good for part in parts]
    return sum(m * w for m, w in zip(means, weights, strict=True)) / sum(weights)


def _told_as(dtype: str) -> Callable[[Any], Any] | None:
    """Makes the JSON value of a stored one; None: they are the same."""
    if dtype in (DType.F32, DType.F64):
        return None
    read = reader_of(dtype)

    def told(value: Any) -> Any:
        if isinstance(value, float):
            return read(value, None, None)
        # Texts, and unsigned integers from 2^63 on, which are numbers only here.
        return read(None, None, value) if isinstance(value, str) else read(None, value, None)

    return told
