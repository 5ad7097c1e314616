"""Buckets with count, share of good, least, greatest, means, first and last of each.

What they are made of comes from the rollups where these stand, else from the readings (`pieces`).
Texts have no rollups, and 64-bit integers only as far as a double holds them exactly: beyond that
their readings are read.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

from ingest_server.api.database import Connection
from ingest_server.api.problems import Invalid
from ingest_server.api.series.pieces import HOUR, MINUTE, Piece, Source, pieces
from ingest_server.api.times import iso, zone_of
from ingest_server.api.values import LARGEST_EXACT, reader_of
from ingest_server.store import reads
from wire.dtypes import DType

_WIDE: Final = frozenset(dtype for dtype in DType if dtype.needs_big)
_UNITS: Final[Mapping[Source, timedelta]] = {"1m": MINUTE, "1h": HOUR}
_ORDER: Final[tuple[Source, ...]] = ("raw", "1m", "1h")

Frames = Mapping[int, dict[str, Any]]


class _Part(NamedTuple):
    """What a piece says about a bucket. Values are as stored: float, int or text."""

    samples: int
    good: int
    mean: float | None
    least: Any
    greatest: Any
    first: Any
    last: Any
    twa: float | None = None
    """Only of a rollup that is the whole bucket."""


async def fill_buckets(
    connection: Connection,
    series: Frames,
    start: datetime,
    to: datetime,
    begins: Sequence[datetime],
    *,
    most_samples: int,
) -> Source:
    """Put the buckets into their series; gives the coarsest table that was used.

    `begins`: of the buckets, the first not after `start`. Raises Invalid where more than
    `most_samples` readings would have to be read.
    """
    reading = _Reading(connection, series, begins, to, most_samples=most_samples)
    numeric = [tag for tag, frame in series.items() if frame["dtype"] != DType.STR]
    stale: dict[str, list[datetime]] = {"minutes": [], "hours": []}
    if numeric:
        for row in await reads.rows(
            connection, "readings", "stale", tags=numeric, from_ts=start, to_ts=to
        ):
            stale[row["what"]].append(row["at"])
    plan = pieces(start, to, begins, **stale)
    rolled = await reading.exact(numeric, plan)
    await reading.take(rolled, plan)
    await reading.take(
        [tag for tag in series if tag not in rolled], [Piece(source="raw", start=start, to=to)]
    )
    reading.finish()
    used = [piece.source for piece in plan if rolled]
    return max(used, key=_ORDER.index, default="raw")


class _Reading:
    """One request: the parts found so far, and how many samples may still be read."""

    def __init__(
        self,
        connection: Connection,
        series: Frames,
        begins: Sequence[datetime],
        to: datetime,
        *,
        most_samples: int,
    ) -> None:
        self._connection = connection
        self._series = series
        self._begins = list(begins)
        self._width = min((b - a for a, b in pairwise(begins)), default=to - begins[0])
        self._most_samples = most_samples
        self._left = dict.fromkeys(series, most_samples // len(series))
        self._parts: dict[int, dict[int, list[_Part]]] = {tag: {} for tag in series}

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
        summed = [piece for piece in plan if piece.source != "raw"]
        found = iter(
            await reads.several(
                self._connection, "readings", *(self._asked(tags, piece) for piece in summed)
            )
            if summed
            else ()
        )
        wide = {tag for tag in tags if self._series[tag]["dtype"] in _WIDE}
        for piece in plan:
            before, begins = self._within(piece)
            if piece.source == "raw":
                await self._read(tags, piece, before, begins)
                continue
            is_whole = self._width == _UNITS[piece.source]
            for row in next(found):
                figures = [row[name] for name in _FIGURES]
                if row["tag_id"] in wide:
                    figures = [value if value is None else int(value) for value in figures]
                self._add(row, before, figures, row["mean"], twa=row["twa"] if is_whole else None)

    def _within(self, piece: Piece) -> tuple[int, list[datetime]]:
        """How many buckets end before the piece, and the begins of those that lie in it.

        To send all begins with each piece costs more than to sum up.
        """
        before = max(bisect_right(self._begins, piece.start) - 1, 0)
        return before, self._begins[before : bisect_left(self._begins, piece.to)]

    def _asked(self, tags: Sequence[int], piece: Piece) -> tuple[str, dict[str, Any]]:
        _, begins = self._within(piece)
        values = {"tags": list(tags), "from_ts": piece.start, "to_ts": piece.to}
        if _is_each(begins, piece):
            return f"each_{piece.source}", values
        return f"rolled_{piece.source}", {**values, "begins": begins}

    async def _read(
        self, tags: Sequence[int], piece: Piece, before: int, begins: Sequence[datetime]
    ) -> None:
        found = await reads.rows(
            self._connection,
            "readings",
            "bucketed",
            tags=list(tags),
            wide=[self._series[tag]["dtype"] == DType.U64 for tag in tags],
            small=[self._series[tag]["dtype"] not in _WIDE for tag in tags],
            from_ts=piece.start,
            to_ts=piece.to,
            begins=list(begins),
            most=max(self._left[tag] for tag in tags),
        )
        for row in found:
            self._left[row["tag_id"]] -= row["samples"]
            mean = row["mean_num"] if row["mean_num"] is not None else row["mean_big"]
            values = [
                _first_of(row[f"{name}_num"], row[f"{name}_big"], row.get(f"{name}_txt"))
                for name in _FIGURES
            ]
            self._add(row, before, values, mean)
        if min(self._left[tag] for tag in tags) <= 0:
            raise Invalid("LS-6017", at="query.from", limit=self._most_samples)

    def _add(
        self,
        row: Mapping[str, Any],
        before: int,
        values: Sequence[Any],
        mean: float | None,
        *,
        twa: float | None = None,
    ) -> None:
        least, greatest, first, last = values
        part = _Part(row["samples"], row["good"], mean, least, greatest, first, last, twa)
        self._parts[row["tag_id"]].setdefault(before + row["bucket"], []).append(part)

    def finish(self) -> None:
        """Put the parts of each bucket together, in the order of time."""
        for tag, buckets in self._parts.items():
            frame = self._series[tag]
            zone = zone_of(frame["time_zone"])
            read, is_time = _told_as(frame["dtype"]), frame["dtype"] == DType.TIME
            frame["buckets"].extend(
                _bucket(buckets[number], read, iso(begin.astimezone(zone)), is_time=is_time)
                for number, begin in enumerate(self._begins, start=1)
                if number in buckets
            )


_FIGURES: Final = ("min", "max", "first", "last")


def _is_each(begins: Sequence[datetime], piece: Piece) -> bool:
    """Whether the piece's buckets are the rollup's own: then there is nothing to sum up."""
    unit = _UNITS[piece.source]
    count = len(begins)
    return (
        begins[0] == piece.start
        and piece.start + count * unit == piece.to
        and all(after - begin == unit for begin, after in pairwise(begins))
    )


def _first_of(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _bucket(
    parts: Sequence[_Part], read: Callable[[Any], Any], begin: str, *, is_time: bool
) -> dict[str, Any]:
    if len(parts) == 1:
        (part,) = parts
        return {
            "ts": begin,
            "count": part.samples,
            "good": part.good / part.samples,
            "min": read(part.least),
            "max": read(part.greatest),
            "mean": None if is_time or not part.good else part.mean,
            "twa": None if is_time else part.twa,
            "first": read(part.first) if part.good else None,
            "last": read(part.last) if part.good else None,
        }
    samples = sum(part.samples for part in parts)
    good = [part for part in parts if part.good]
    numbers = [part for part in good if part.least is not None]
    return {
        "ts": begin,
        "count": samples,
        "good": sum(part.good for part in good) / samples,
        "min": read(min((part.least for part in numbers), default=None)),
        "max": read(max((part.greatest for part in numbers), default=None)),
        "mean": None if is_time else _mean(numbers),
        "twa": None,
        "first": read(_first_of(*(part.first for part in good))),
        "last": read(_first_of(*(part.last for part in reversed(good)))),
    }


def _mean(parts: Sequence[_Part]) -> float | None:
    if len(parts) == 1:
        return parts[0].mean
    means = [part.mean for part in parts if part.mean is not None]
    if not means or len(means) < len(parts):
        return None
    weights = [part.good for part in parts]
    return sum(m * w for m, w in zip(means, weights, strict=True)) / sum(weights)


def _told_as(dtype: str) -> Callable[[Any], Any]:
    read = reader_of(dtype)
    if dtype in (DType.F32, DType.F64):
        return _as_it_is

    def told(value: Any) -> Any:
        if isinstance(value, float):
            return read(value, None, None)
        # Texts, and unsigned integers from 2^63 on, which are numbers only here.
        return read(None, None, value) if isinstance(value, str) else read(None, value, None)

    return told


def _as_it_is(value: Any) -> Any:
    return value
