"""Columns of samples: the shape in which readings travel through both programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T", bound=np.generic)


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """n samples as parallel columns of length n, in the order in which they were taken.

    Which value column counts is decided by the tag's data type: `f` for f32 and f64, `i` for bool
    (0/1), integers and times, `s` for texts. The other columns hold 0 or "" there.
    A u64 above 2**63-1 has its decimal text in `s` and 0 in `i`.
    """

    tag: NDArray[np.int32]
    """Tag number of the epoch."""
    ts: NDArray[np.int64]
    """Event time, microseconds since the Unix epoch."""
    q: NDArray[np.uint32]
    """Quality, see `wire.quality`; with the flag NO_VALUE the value columns mean nothing."""
    f: NDArray[np.float64]
    i: NDArray[np.int64]
    s: NDArray[np.object_] | None = None
    """Texts; None where no sample of these columns has one."""
    orig: NDArray[np.int64] | None = None
    """The device's own time where it was set aside (flag CLOCK), else 0; None where all are 0."""

    def __len__(self) -> int:
        return int(self.tag.shape[0])

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Samples:
        """The samples chosen by a numpy index, in that order."""
        return Samples(
            tag=self.tag[index],
            ts=self.ts[index],
            q=self.q[index],
            f=self.f[index],
            i=self.i[index],
            s=None if self.s is None else self.s[index],
            orig=None if self.orig is None else self.orig[index],
        )

    @classmethod
    def empty(cls) -> Self:
        """No samples."""
        return cls(
            tag=np.empty(0, np.int32),
            ts=np.empty(0, np.int64),
            q=np.empty(0, np.uint32),
            f=np.empty(0, np.float64),
            i=np.empty(0, np.int64),
        )


def concat(parts: Sequence[Samples]) -> Samples:
    """All parts one after another."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Samples.empty()
    return Samples(
        tag=np.concatenate([part.tag for part in parts]),
        ts=np.concatenate([part.ts for part in parts]),
        q=np.concatenate([part.q for part in parts]),
        f=np.concatenate([part.f for part in parts]),
        i=np.concatenate([part.i for part in parts]),
        s=_concat_optional([part.s for part in parts], parts, ""),
        orig=_concat_optional([part.orig for part in parts], parts, 0),
    )


def _concat_optional(
    columns: Sequence[NDArray[_T] | None], parts: Sequence[Samples], fill: object
) -> NDArray[_T] | None:
    dtype = next((column.dtype for column in columns if column is not None), None)
    if dtype is None:
        return None
    return np.concatenate(
        [
            np.full(len(part), fill, dtype) if column is None else column
            for column, part in zip(columns, parts, strict=True)
        ]
    )
