"""Read answers straight from their bytes to columns, where they are laid out as the time before.

The values of a read answer have no fixed places: each is as long as its type, and says by itself
what it has (OPC UA Part 6, 5.2.2.16 and 5.2.2.17). But a server that is asked the same again
answers in the same layout nearly always. So the places are learned from one answer, and each
further one is compared in every byte that says what follows it; where those are the same, so are
all places, and whole columns are taken at once. Anything else is learned anew, or left to the
library: texts, arrays, structures, picoseconds, times that no date has.

Invariant: a value is taken from a place only if every byte that decides on places up to there was
compared in this very answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

_V: Final = ua.VariantType
_TYPES: Final = {
    _V.Boolean.value: "u1",
    _V.SByte.value: "i1",
    _V.Byte.value: "u1",
    _V.Int16.value: "<i2",
    _V.UInt16.value: "<u2",
    _V.Int32.value: "<i4",
    _V.UInt32.value: "<u4",
    _V.Int64.value: "<i8",
    _V.UInt64.value: "<u8",
    _V.Float.value: "<f4",
    _V.Double.value: "<f8",
    _V.DateTime.value: "<i8",
}
"""Scalars of a fixed length. A Variant's first byte is the type; arrays have further bits in it."""
_SIZES: Final = {0: 0, **{kind: np.dtype(name).itemsize for kind, name in _TYPES.items()}}
"""Bytes of a value; type 0 is no value."""
_HAS_VALUE: Final = 0x01
_HAS_STATUS: Final = 0x02
_HAS_SOURCE: Final = 0x04
_HAS_SERVER: Final = 0x08
_KNOWN: Final = _HAS_VALUE | _HAS_STATUS | _HAS_SOURCE | _HAS_SERVER
_COUNT: Final = np.dtype("<i4")
_TICKS_TO_1970: Final = 11_644_473_600_000_000
"""Microseconds from 1601, where OPC UA's times begin (Part 6, 5.2.2.5), to the Unix epoch."""
_LAST_TICK: Final = 2_650_467_743_990_000_000
"""The last second of 9999; the library cuts off what is later, and what is negative."""

Places = NDArray[np.intp]


class _Unlearnable(Exception):
    """Something in the answer has no fixed length."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where what stands in the array of results, its count included; offsets in bytes."""

    count: int
    size: int
    """Bytes of the array."""
    marks: Places
    """Bytes that decide what follows them."""
    marked: NDArray[np.uint8]
    """What stands there."""
    kinds: Places
    """Built-in type of each result, 0 where it has no value."""
    values: tuple[tuple[int, Places, Places], ...]
    """Type, rows, and where their values stand."""
    status: tuple[Places, Places]
    """Rows with a status code, and where it stands."""
    source: tuple[Places, Places]
    """Rows with a source time, and where it stands."""


class Flat:
    """Answers of one layout: scalars that are numbers, booleans or times. See `Answers`."""

    def __init__(self, layout: Layout, array: bytes) -> None:
        count = layout.count
        self.kinds = layout.kinds
        self.lists: NDArray[np.bool_] = np.zeros(count, np.bool_)
        self.status: NDArray[np.uint32] = np.zeros(count, np.uint32)
        self.source_us: NDArray[np.int64] = np.zeros(count, np.int64)
        self._f: NDArray[np.float64] = np.zeros(count, np.float64)
        self._i: NDArray[np.int64] = np.zeros(count, np.int64)
        rows, at = layout.status
        self.status[rows] = _taken(array, "<u4", at)
        rows, at = layout.source
        self.source_us[rows] = np.maximum(_micros(_taken(array, "<i8", at)), 0)
        for kind, rows, at in layout.values:
            found = _taken(array, _TYPES[kind], at)
            if kind == _V.DateTime.value:
                self._i[rows] = _micros(found)
            elif kind == _V.Boolean.value:
                self._i[rows] = found != 0
            elif found.dtype.kind == "f":
                self._f[rows] = found
            else:
                # A UInt64 beyond 63 bits wraps around, and `large` undoes it.
                self._i[rows] = found.astype(np.int64)
                self._f[rows] = found

    def __len__(self) -> int:
        return int(self.kinds.size)

    def choose(self, elements: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `Answers`: there are no arrays here."""
        return np.zeros(elements.size, np.bool_)

    def floats(self, at: Places) -> NDArray[np.float64]:
        """See `Answers`."""
        return self._f[at]

    def integers(self, at: Places) -> NDArray[np.int64]:
        """See `Answers`."""
        return self._i[at]

    def large(self, at: Places) -> NDArray[np.uint64]:
        """See `Answers`."""
        return self._i[at].view(np.uint64)

    def times(self, at: Places) -> NDArray[np.int64]:
        """See `Answers`."""
        return self._i[at]

    def texts(self, at: Places) -> list[str | None]:
        """See `Answers`: there are none here."""
        return [""] * at.size

    def kind_of(self, at: int) -> str:
        """See `Answers`."""
        return _V(int(self.kinds[at])).name


def flat(layout: Layout | None, array: bytes) -> tuple[Layout | None, Flat | None]:
    """The answers of an array of results, and the layout to try with the next one.

    `array`: from the count of the results on; more may follow behind them. No answers where the
    library has to decode them.
    """
    if layout is None or not _fits(layout, array):
        try:
            layout = learn(array)
        except _Unlearnable:
            return None, None
    if _beyond_dates(layout, array):
        return layout, None
    return layout, Flat(layout, array)


def learn(array: bytes) -> Layout:
    """The layout of these results. Runs over them one by one, once for every layout met.

    Raises _Unlearnable where a result has something without a fixed length, or the bytes end.
    """
    count = int.from_bytes(array[: _COUNT.itemsize], "little", signed=True)
    if len(array) < _COUNT.itemsize or count < 0:
        raise _Unlearnable
    marks, kinds = list(range(_COUNT.itemsize)), []
    values: dict[int, tuple[list[int], list[int]]] = {}
    status: tuple[list[int], list[int]] = ([], [])
    source: tuple[list[int], list[int]] = ([], [])
    at = _COUNT.itemsize
    for row in range(count):
        if at >= len(array):
            raise _Unlearnable
        has, kind = array[at], 0
        marks.append(at)
        at += 1
        if has & ~_KNOWN:
            raise _Unlearnable
        if has & _HAS_VALUE:
            if at >= len(array) or array[at] not in _SIZES:
                raise _Unlearnable
            kind = array[at]
            marks.append(at)
            if kind:
                rows, places = values.setdefault(kind, ([], []))
                rows.append(row)
                places.append(at + 1)
            at += 1 + _SIZES[kind]
        kinds.append(kind)
        if has & _HAS_STATUS:
            status[0].append(row)
            status[1].append(at)
            at += 4
        if has & _HAS_SOURCE:
            source[0].append(row)
            source[1].append(at)
            at += 8
        if has & _HAS_SERVER:
            at += 8
    if at > len(array):
        raise _Unlearnable
    places_of_marks = np.array(marks, np.intp)
    return Layout(
        count=count,
        size=at,
        marks=places_of_marks,
        marked=_taken(array, "u1", places_of_marks),
        kinds=np.array(kinds, np.intp),
        values=tuple((kind, *_places(found)) for kind, found in values.items()),
        status=_places(status),
        source=_places(source),
    )


def _fits(layout: Layout, array: bytes) -> bool:
    if len(array) < layout.size:
        return False
    return bool(np.array_equal(_taken(array, "u1", layout.marks), layout.marked))


def _beyond_dates(layout: Layout, array: bytes) -> bool:
    """Whether a time is outside what a date can say: the library knows what becomes of it."""
    places = [layout.source[1]]
    places += [at for kind, _, at in layout.values if kind == _V.DateTime.value]
    ticks = np.concatenate([_taken(array, "<i8", at) for at in places])
    return bool(((ticks < 0) | (ticks >= _LAST_TICK)).any())


def _places(found: tuple[list[int], list[int]]) -> tuple[Places, Places]:
    return np.array(found[0], np.intp), np.array(found[1], np.intp)


def _taken(array: bytes, dtype: str, at: Places) -> NDArray[Any]:
    """The values of that type at any bytes of the array, aligned or not."""
    kind = np.dtype(dtype)
    places = max(0, len(array) - kind.itemsize + 1)
    every: NDArray[Any] = np.ndarray((places,), kind, array, strides=(1,))
    return every[at]


def _micros(ticks: NDArray[Any]) -> NDArray[np.int64]:
    """Hundreds of nanoseconds since 1601 to microseconds since 1970."""
    return ticks.astype(np.int64) // 10 - _TICKS_TO_1970
