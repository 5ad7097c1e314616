"""Raw columns of a device to the samples that are kept: pure, column by column.

Scaling, event time, what counts as a change. The rules:

- **Event time** is decided here, once. The device's own time counts if its clock is `trusted` (or
  `offset`, then after correction) and the time lies within the plausible window around the edge's
  own offset-corrected clock. Otherwise the time of reading counts; where a device time was there
  but not believable, the sample has the flag CLOCK and keeps the device's time in `orig`.
- A polled value that did not change and whose device time did not move either is a new look at an
  old value: its event time is the time of reading.
- **Reports**: points of class `key`, and those with a deadband, are reported when they change, and
  again after `max_silence_s` (60 s if not configured) while they are polled. Other polled points
  are reported at every reading. What a device reports by itself is compared likewise, but never
  repeated: nobody has looked at it.
- A change of quality is always a change. A deadband is relative to the last value reported.
- What a float cannot hold after scaling, and texts beyond the wire's limit, have no value and a
  quality that says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drivers.base import Columns, FixedOffset
from edge_agent.collect.points import CLASSES, FLOAT, INTEGER, TEXT, Points
from wire import quality
from wire.columns import LATEST_US, MAX_TEXT
from wire.frame import StreamClass
from wire.samples import Samples

_NO_VALUE: Final = np.uint32(quality.NO_VALUE)
_CLOCK: Final = np.uint32(quality.CLOCK)
_INFINITE: Final = np.uint32(quality.BAD_OUT_OF_RANGE | quality.NO_VALUE | quality.NOT_FINITE)
_TOO_LONG: Final = np.uint32(quality.BAD_OUT_OF_RANGE | quality.NO_VALUE)
_LOST: Final = np.uint32(quality.BAD_NOT_CONNECTED | quality.NO_VALUE)
_RETIRED: Final = np.uint32(quality.BAD_OUT_OF_SERVICE | quality.NO_VALUE)
_NEVER: Final = np.iinfo(np.int64).min // 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockRule:
    """How far a device's time is believed."""

    use: bool
    """Whether its time counts at all."""
    offset_us: int = 0
    """Device clock minus true time."""
    past_us: int = 86_400_000_000
    future_us: int = 120_000_000

    @classmethod
    def of(cls, clock: str | FixedOffset, *, past_us: int, future_us: int) -> ClockRule:
        """The rule of a device's configuration."""
        offset_us = int(clock.offset_s * 1e6) if isinstance(clock, FixedOffset) else 0
        return cls(
            use=clock != "ignored", offset_us=offset_us, past_us=past_us, future_us=future_us
        )


class Shaper:
    """The memory of one device's points, as columns: what was last reported of each."""

    def __init__(self, points: Points, clock: ClockRule) -> None:
        count = len(points)
        self.points = points
        self.clock = clock
        self.f = np.zeros(count, np.float64)
        self.i = np.zeros(count, np.int64)
        self.s = np.full(count, "", np.object_)
        self.q = np.full(count, _NO_VALUE, np.uint32)
        self.ts = np.zeros(count, np.int64)
        """Value, quality and event time last reported of each point."""
        self.fresh = np.zeros(count, np.bool_)
        """Reported since somebody last cleared this; for live values."""
        self._known = np.zeros(count, np.bool_)
        self._sent_us = np.full(count, _NEVER, np.int64)
        self._source_us = np.zeros(count, np.int64)

    def shape(
        self, columns: Columns, *, polled: bool, offset_us: int = 0
    ) -> dict[StreamClass, Samples]:
        """What is kept of the columns, by class, in their order.

        `offset_us`: the server's clock minus the edge's, as estimated.
        """
        if not len(columns):
            return {}
        point = columns.point
        f, i, s, q = self._values(columns)
        ts, q, orig = self._event_times(columns, q, polled=polled, offset_us=offset_us, v=(f, i, s))
        chosen = self._choose(point, f, i, s, q, columns.read_us, polled=polled)
        if chosen.size != point.size:
            point, f, i, s, q = point[chosen], f[chosen], i[chosen], s[chosen], q[chosen]
            ts, orig = ts[chosen], orig[chosen]
        self._remember(point, f, i, s, q, ts, columns.read_us)
        return self._by_class(point, f, i, s, q, ts, orig)

    def lost(
        self, at_us: int, retired: NDArray[np.bool_] | None = None
    ) -> dict[StreamClass, Samples]:
        """One bad sample of every point: the device is not connected since `at_us`.

        `retired`: which points are not collected any more at all, by configuration.
        """
        count = len(self.points)
        point = np.arange(count, dtype=np.int32)
        f, i = np.zeros(count, np.float64), np.zeros(count, np.int64)
        s = np.full(count, "", np.object_)
        q = np.full(count, _LOST, np.uint32)
        if retired is not None:
            q[retired] = _RETIRED
        ts = np.full(count, at_us, np.int64)
        self._remember(point, f, i, s, q, ts, at_us)
        return self._by_class(point, f, i, s, q, ts, np.zeros(count, np.int64))

    # -- values ----------------------------------------------------------------------------------

    def _values(
        self, columns: Columns
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.object_], NDArray[np.uint32]]:
        """Values as they are sent, and qualities, with what cannot be sent taken out."""
        points, point = self.points, columns.point
        f, i, q = columns.f.astype(np.float64), columns.i.astype(np.int64), columns.q.copy()
        s = np.full(point.size, "", np.object_) if columns.s is None else columns.s.copy()
        rows = np.flatnonzero(points.scaled[point])
        if rows.size:
            self._scale(rows, point, f, i, s)
        valued = (q & _NO_VALUE) == 0
        floats = valued & (points.sent[point] == FLOAT)
        with np.errstate(over="ignore"):
            narrow = np.where(points.single[point], f.astype(np.float32).astype(np.float64), f)
        unfit = floats & ~np.isfinite(narrow)
        if unfit.any():
            q[unfit] = _INFINITE
        if columns.s is not None:
            self._check_texts(point, s, q)
        gone = (q & _NO_VALUE) != 0
        if gone.any():
            f[gone], i[gone], s[gone] = 0.0, 0, ""
        return f, i, s, q

    def _scale(
        self,
        rows: NDArray[np.intp],
        point: NDArray[np.int32],
        f: NDArray[np.float64],
        i: NDArray[np.int64],
        s: NDArray[np.object_],
    ) -> None:
        points, chosen = self.points, point[rows]
        raw = np.where(points.raw[chosen] == INTEGER, i[rows].astype(np.float64), f[rows])
        large = np.flatnonzero((s[rows] != "") & (points.raw[chosen] == INTEGER))
        if large.size:
            # Unsigned integers beyond 2**63-1 come as text.
            raw[large] = [float(text) for text in s[rows][large]]
        with np.errstate(over="ignore", invalid="ignore"):
            f[rows] = raw * points.factor[chosen] + points.offset[chosen]
        i[rows] = 0
        s[rows] = ""

    def _check_texts(
        self, point: NDArray[np.int32], s: NDArray[np.object_], q: NDArray[np.uint32]
    ) -> None:
        rows = np.flatnonzero(self.points.sent[point] == TEXT)
        if rows.size:
            long = np.array([len(text.encode()) > MAX_TEXT for text in s[rows]], np.bool_)
            q[rows[long]] = _TOO_LONG

    # -- time ------------------------------------------------------------------------------------

    def _event_times(
        self,
        columns: Columns,
        q: NDArray[np.uint32],
        *,
        polled: bool,
        offset_us: int,
        v: tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.object_]],
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.int64]]:
        """Event time, quality with the flag CLOCK where due, and set-aside device times."""
        read_us, point = columns.read_us, columns.point
        ts = np.full(point.size, read_us, np.int64)
        orig = np.zeros(point.size, np.int64)
        source = columns.source_us
        if source is None or not self.clock.use:
            return ts, q, orig
        given = source != 0
        corrected = source - self.clock.offset_us
        now_us = read_us + offset_us
        believed = (
            given
            & (corrected >= max(0, now_us - self.clock.past_us))
            & (corrected <= min(LATEST_US - 1, now_us + self.clock.future_us))
        )
        if polled:
            stale = believed & (source == self._source_us[point]) & ~self._differs(point, *v, q)
        else:
            stale = np.zeros(point.size, np.bool_)
        ts = np.where(believed & ~stale, corrected, ts)
        doubted = given & ~believed
        if doubted.any():
            q = np.where(doubted, q | _CLOCK, q)
            orig = np.where(doubted, source, orig)
        self._source_us[point] = source
        return ts, q, orig

    # -- what is reported ------------------------------------------------------------------------

    def _differs(
        self,
        point: NDArray[np.int32],
        f: NDArray[np.float64],
        i: NDArray[np.int64],
        s: NDArray[np.object_],
        q: NDArray[np.uint32],
    ) -> NDArray[np.bool_]:
        """Whether each is anything but what was last reported of its point."""
        # The flag CLOCK is about the time stamp, not about the value.
        return np.asarray(
            ~self._known[point]
            | (f != self.f[point])
            | (i != self.i[point])
            | (s != self.s[point]).astype(np.bool_)
            | ((q ^ self.q[point]) & ~_CLOCK != 0)
        )

    def _choose(
        self,
        point: NDArray[np.int32],
        f: NDArray[np.float64],
        i: NDArray[np.int64],
        s: NDArray[np.object_],
        q: NDArray[np.uint32],
        read_us: int,
        *,
        polled: bool,
    ) -> NDArray[np.intp]:
        """Rows that are reported, in order."""
        points = self.points
        always = ~points.on_change[point]
        if always.all():
            return np.arange(point.size)
        rank = _rank(point)
        banded = (points.absolute[point] > 0) | (points.percent[point] > 0)
        silent = read_us - self._sent_us[point] >= points.silence_us[point]
        keep = always | (polled & silent & (rank == 0))
        # Without a deadband "as the last one reported" is "as the one before".
        keep |= self._differs(point, f, i, s, q) & (rank == 0) & ~banded
        if rank.any():
            before = _previous(point)
            later = np.flatnonzero((rank > 0) & ~banded)
            if later.size:
                earlier = before[later]
                keep[later] |= (
                    (f[later] != f[earlier])
                    | (i[later] != i[earlier])
                    | (s[later] != s[earlier]).astype(np.bool_)
                    | ((q[later] ^ q[earlier]) & ~_CLOCK != 0)
                )
        if banded.any():
            keep |= self._outside(point, f, i, q, banded, rank)
        return np.flatnonzero(keep)

    def _outside(
        self,
        point: NDArray[np.int32],
        f: NDArray[np.float64],
        i: NDArray[np.int64],
        q: NDArray[np.uint32],
        banded: NDArray[np.bool_],
        rank: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Which of the points with a deadband left it: one round per report of the same point."""
        points = self.points
        value = np.where(points.sent[point] == INTEGER, i.astype(np.float64), f)
        last = np.where(points.sent == INTEGER, self.i.astype(np.float64), self.f)
        last_q, known = self.q.copy(), self._known.copy()
        keep = np.zeros(point.size, np.bool_)
        for turn in range(int(rank[banded].max()) + 1):
            rows = np.flatnonzero(banded & (rank == turn))
            at = point[rows]
            band = np.maximum(points.absolute[at], points.percent[at] * np.abs(last[at]))
            out = (
                ~known[at]
                | (np.abs(value[rows] - last[at]) > band)
                | ((q[rows] ^ last_q[at]) & ~_CLOCK != 0)
            )
            kept = rows[out]
            keep[kept] = True
            last[point[kept]], last_q[point[kept]] = value[kept], q[kept]
            known[point[kept]] = True
        return keep

    def _remember(
        self,
        point: NDArray[np.int32],
        f: NDArray[np.float64],
        i: NDArray[np.int64],
        s: NDArray[np.object_],
        q: NDArray[np.uint32],
        ts: NDArray[np.int64],
        read_us: int,
    ) -> None:
        # Of several reports of one point the last assignment stays: the newest.
        self.f[point], self.i[point], self.s[point] = f, i, s
        self.q[point], self.ts[point] = q, ts
        self._sent_us[point] = read_us
        self._known[point] = self.fresh[point] = True

    def _by_class(
        self,
        point: NDArray[np.int32],
        f: NDArray[np.float64],
        i: NDArray[np.int64],
        s: NDArray[np.object_],
        q: NDArray[np.uint32],
        ts: NDArray[np.int64],
        orig: NDArray[np.int64],
    ) -> dict[StreamClass, Samples]:
        if not point.size:
            return {}
        samples = Samples(
            tag=self.points.tag[point],
            ts=ts,
            q=q,
            f=f,
            i=i,
            s=s if bool((s != "").any()) else None,
            orig=orig if bool(orig.any()) else None,
        )
        cls = self.points.cls[point]
        return {
            name: samples if rows.size == point.size else samples.take(rows)
            for code, name in enumerate(CLASSES)
            if (rows := np.flatnonzero(cls == code)).size
        }


def _rank(point: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many rows before each row belong to the same point."""
    order = np.argsort(point, kind="stable")
    ordered = point[order]
    starts = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    if starts.all():
        return np.zeros(point.size, np.int64)
    position = np.arange(point.size)
    rank = np.empty(point.size, np.int64)
    rank[order] = position - np.maximum.accumulate(np.where(starts, position, 0))
    return rank


def _previous(point: NDArray[np.int32]) -> NDArray[np.int64]:
    """The row before each row that belongs to the same point, -1 for none."""
    order = np.argsort(point, kind="stable")
    before = np.full(point.size, -1, np.int64)
    same = point[order][1:] == point[order][:-1]
    before[order[1:][same]] = order[:-1][same]
    return before
