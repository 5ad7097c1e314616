"""Readings of several tags as columns: those of one tag together, in stream order. Pure.

This is how the columnar folds take a record. `tag` is a tag's place among those an edge's folds are
bound to, not its number in the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest_server.domain.facts import Bools, Int64s

Places = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, slots=True)
class TagRows:
    """n readings, sorted by `tag`; `f` holds the value where `floating`, else `i`."""

    tag: Places
    ts_us: Int64s
    f: NDArray[np.float64]
    i: Int64s
    floating: Bools
    q: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.tag)

    def take(self, chosen: Bools) -> TagRows:
        """The readings that are chosen."""
        return TagRows(
            tag=self.tag[chosen],
            ts_us=self.ts_us[chosen],
            f=self.f[chosen],
            i=self.i[chosen],
            floating=self.floating[chosen],
            q=self.q[chosen],
        )

    def of(self, tag: int) -> tuple[Int64s, NDArray[Any], NDArray[np.uint32]]:
        """Times, values and qualities of one tag, as the folds of one tag take them."""
        low, high = np.searchsorted(self.tag, (tag, tag + 1))
        part = slice(int(low), int(high))
        value: NDArray[Any] = self.f if self.floating[part].any() else self.i
        return self.ts_us[part], value[part], self.q[part]


def heads(tag: Places) -> Bools:
    """For each row of a sorted column: whether it is the first of its tag."""
    first = np.empty(len(tag), np.bool_)
    first[:1] = True
    np.not_equal(tag[1:], tag[:-1], out=first[1:])
    return first


def tails(first: Bools) -> Bools:
    """For each row: whether it is the last of its tag, from `heads`."""
    last = np.empty(len(first), np.bool_)
    last[-1:] = True
    last[:-1] = first[1:]
    return last
