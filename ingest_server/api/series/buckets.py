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

from psycopg.rows import TupleRow

from ingest_server.api.database import Connection
from ingest_server.api.problems import Invalid
from ingest_server.api.series.pieces import HOUR, MINUTE, Piece, Source, pieces
from ingest_server.api.times import zone_of
from ingest_server.api.values import LARGEST_EXACT, reader_of
from ingest_server.store import reads
from wire.dtypes import DType

_WIDE: Final = frozenset(dtype for dtype in DType if dtype.needs_big)
_UNITS: Final[Mapping[Source, timedelta]] = {"1m": MINUTE, "1h": HOUR}
_ORDER: Final[tuple[Source, ...]] = ("raw", "1m", "1h")

Frames = Mapping[int, dict[str, Any]]


class _Part(NamedTuple):
    """What a piece says about a bucket. Values are as stored: float, int or text.

    The order is that of the columns of `rolled_*` and `each_*` from the third on.
    """

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
    stale: Sequence[Mapping[str, Any]],
) -> Source:
    """Put the buckets into their series; gives the coarsest table that was used.

    `begins`: of the buckets, the first not after `start`. `stale`: what has to be rolled up anew
    (`look_at`). Raises Invalid where more than `most_samples` readings would have
    to be read.
    """
    reading = _Reading(connection, series, begins, to, most_samples=most_samples)
    numeric = [tag for tag, frame in series.items() if frame["dtype"] != DType.STR]
    marked: dict[str, list[datetime]] = {"minutes": [], "hours": []}
    for row in stale:
        marked[row["what"]].append(row["at"])
    plan = pieces(start, to, begins, **marked)
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
        # Rollups and both ends in one go. Readings in between are asked for one by one: what one
        # piece took, the next may not. (Both ends may so read twice what is allowed, not more.)
        together = [
            piece for piece in plan if piece.source != "raw" or piece in (plan[0], plan[-1])
        ]
        found = await reads.tuples(
            self._connection, "readings", *(self._asked(tags, piece) for piece in together)
        )
        said = dict(zip(together, found, strict=True))
        for piece in plan:
            rows = said.get(piece)
            if rows is None:
                asked = self._asked(tags, piece)
                (rows,) = await reads.tuples(self._connection, "readings", asked)
            if piece.source == "raw":
                self._read(tags, piece, rows)
            else:
                self._sum(tags, piece, rows)

    def _within(self, piece: Piece) -> tuple[int, list[datetime]]:
        """How many buckets end before the piece, and the begins of those that lie in it.

        To send all begins with each piece costs more than to sum up.
        """
        before = max(bisect_right(self._begins, piece.start) - 1, 0)
        return before, self._begins[before : bisect_left(self._begins, piece.to)]

    def _asked(self, tags: Sequence[int], piece: Piece) -> tuple[str, dict[str, Any]]:
        _, begins = self._within(piece)
        values = {"tags": list(tags), "from_ts": piece.start, "to_ts": piece.to}
        if piece.source == "raw":
            return "bucketed", {
                **values,
                "wide": [self._series[tag]["dtype"] == DType.U64 for tag in tags],
                "small": [self._series[tag]["dtype"] not in _WIDE for tag in tags],
                "begins": begins,
                "most": max(self._left[tag] for tag in tags),
            }
        if _is_each(begins, piece):
            return f"each_{piece.source}", values
        return f"rolled_{piece.source}", {**values, "begins": begins}

    def _sum(self, tags: Sequence[int], piece: Piece, rows: Sequence[TupleRow]) -> None:
        """Add what a rollup says."""
        before, _ = self._within(piece)
        is_whole = piece.source != "raw" and self._width == _UNITS[piece.source]
        wide = {tag for tag in tags if self._series[tag]["dtype"] in _WIDE}
        for row in rows:
            tag, bucket = row[0], row[1]
            part = _Part._make(row[2:]) if is_whole else _Part(*row[2:-1])
            if tag in wide:
                part = part._replace(
                    least=_whole(part.least),
                    greatest=_whole(part.greatest),
                    first=_whole(part.first),
                    last=_whole(part.last),
                )
            self._parts[tag].setdefault(before + bucket, []).append(part)

    def _read(self, tags: Sequence[int], piece: Piece, rows: Sequence[TupleRow]) -> None:
        """Add what the readings say, whose columns are those of `bucketed`."""
        before, _ = self._within(piece)
        for tag, bucket, samples, good, *rest in rows:
            low, high, mean, low_big, high_big, mean_big, *ends = rest
            self._left[tag] -= samples
            part = _Part(
                samples,
                good,
                mean if mean is not None else mean_big,
                _first_of(low, low_big),
                _first_of(high, high_big),
                _first_of(*ends[:3]),
                _first_of(*ends[3:]),
            )
            self._parts[tag].setdefault(before + bucket, []).append(part)
        if min(self._left[tag] for tag in tags) <= 0:
            raise Invalid("LS-6017", at="query.from", limit=self._most_samples)

    def finish(self) -> None:
        """Put the parts of each bucket together, in the order of time."""
        for tag, buckets in self._parts.items():
            frame = self._series[tag]
            zone = zone_of(frame["time_zone"])
            read, is_time = _told_as(frame["dtype"]), frame["dtype"] == DType.TIME
            frame["buckets"].extend(
                _bucket(buckets[number], read, begin.astimezone(zone), is_time=is_time)
                for number, begin in enumerate(self._begins, start=1)
                if number in buckets
            )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


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
    parts: Sequence[_Part], read: Callable[[Any], Any], begin: datetime, *, is_time: bool
) -> dict[str, Any]:
    if len(parts) == 1:
        (part,) = parts
        if read is _as_it_is and part.good:  # nearly always
            return {
                "ts": begin,
                "count": part.samples,
                "good": part.good / part.samples,
                "min": part.least,
                "max": part.greatest,
                "mean": part.mean,
                "twa": part.twa,
                "first": part.first,
                "last": part.last,
            }
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
