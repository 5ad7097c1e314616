"""What a server answered, in the shape in which it is turned into columns. Pure.

`Objects` takes apart what the library hands out: one comprehension per column. `drivers.opcua.flat`
reads the bytes of an answer without any object a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from wire.columns import MAX_TEXT

KINDS: Final = 32
"""Built-in types have 6 bits in a Variant, of which 25 are given out (OPC UA Part 6, 5.1.2)."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - only to subtract naive UTC from
_MICROSECOND: Final = timedelta(microseconds=1)


class Answers(Protocol):
    """n values with their statuses, types and times; `at` are indices of answers."""

    @property
    def status(self) -> NDArray[np.uint32]:
        """Status codes, 0 where none was sent."""

    @property
    def kinds(self) -> NDArray[np.intp]:
        """Built-in types, 0 where there is no value."""

    @property
    def lists(self) -> NDArray[np.bool_]:
        """Which of them are arrays."""

    @property
    def source_us(self) -> NDArray[np.int64]:
        """Source times, microseconds since the Unix epoch, 0 where none was sent."""

    def __len__(self) -> int: ...

    def choose(self, elements: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Put elements of arrays in their place (-1: none is asked for); which are not there."""

    def floats(self, at: NDArray[np.intp]) -> NDArray[np.float64]:
        """Numbers as they are, among them infinities and NaN."""

    def integers(self, at: NDArray[np.intp]) -> NDArray[np.int64]:
        """Integers but UInt64, and booleans as 0 and 1."""

    def large(self, at: NDArray[np.intp]) -> NDArray[np.uint64]:
        """UInt64."""

    def times(self, at: NDArray[np.intp]) -> NDArray[np.int64]:
        """DateTimes as microseconds since the Unix epoch."""

    def texts(self, at: NDArray[np.intp]) -> list[str | None]:
        """Texts; None where one is longer than a record takes or not Unicode."""

    def kind_of(self, at: int) -> str:
        """The type of one answer, for people."""


class Objects:
    """Answers as the library decodes them."""

    def __init__(self, values: Sequence[ua.DataValue]) -> None:
        self._values = values
        self._variants = variants = [one.Value for one in values]
        self._raw: list[Any] = [None if one is None else one.Value for one in variants]
        self.status: NDArray[np.uint32] = np.array(
            [0 if one.StatusCode is None else one.StatusCode.value for one in values], np.uint32
        )
        self.kinds: NDArray[np.intp] = np.array(
            [0 if one is None else _kind(one) for one in variants], np.intp
        )
        self.lists: NDArray[np.bool_] = np.array(
            [one is not None and bool(one.is_array) for one in variants], np.bool_
        )

    def __len__(self) -> int:
        return len(self._values)

    @property
    def source_us(self) -> NDArray[np.int64]:
        """See `Answers`."""
        return np.maximum(micros(one.SourceTimestamp for one in self._values), 0)

    def choose(self, elements: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `Answers`."""
        raw = self._raw
        missing = np.zeros(len(raw), np.bool_)
        for row in np.flatnonzero((elements >= 0) & self.lists).tolist():
            element, of = int(elements[row]), raw[row]
            inside = (
                isinstance(of, list) and element < len(of) and not isinstance(of[element], list)
            )
            raw[row] = of[element] if inside else None
            missing[row] = not inside
        return missing

    def floats(self, at: NDArray[np.intp]) -> NDArray[np.float64]:
        """See `Answers`."""
        return np.array([self._raw[row] for row in at.tolist()], np.float64)

    def integers(self, at: NDArray[np.intp]) -> NDArray[np.int64]:
        """See `Answers`."""
        return np.array([self._raw[row] for row in at.tolist()], np.int64)

    def large(self, at: NDArray[np.intp]) -> NDArray[np.uint64]:
        """See `Answers`."""
        return np.array([self._raw[row] for row in at.tolist()], np.uint64)

    def times(self, at: NDArray[np.intp]) -> NDArray[np.int64]:
        """See `Answers`."""
        return micros(self._raw[row] for row in at.tolist())

    def texts(self, at: NDArray[np.intp]) -> list[str | None]:
        """See `Answers`."""
        return [_text(self._raw[row]) for row in at.tolist()]

    def kind_of(self, at: int) -> str:
        """See `Answers`."""
        variant = self._variants[at]
        if variant is None:
            return "Null"
        return f"{variant.VariantType.name}{'[]' if variant.is_array else ''}"


def micros(times: Iterable[datetime | None]) -> NDArray[np.int64]:
    """Microseconds since the Unix epoch; 0 for None. Naive times are UTC, as OPC UA's all are."""
    return np.array(
        [
            0
            if one is None
            else (one - (_NAIVE_EPOCH if one.tzinfo is None else _EPOCH)) // _MICROSECOND
            for one in times
        ],
        np.int64,
    )


def _kind(variant: ua.Variant) -> int:
    code = int(variant.VariantType.value)
    return code if code < KINDS else KINDS - 1


def _text(value: Any) -> str | None:
    text = value.Text if isinstance(value, ua.LocalizedText) else getattr(value, "Value", value)
    if text is None:
        return ""
    if not isinstance(text, str):
        return None
    try:
        return text if len(text.encode()) <= MAX_TEXT else None
    except UnicodeEncodeError:
        return None
