"""The one source of readings for byte and rate figures: seeded, so that every run has the same.

Of every ten tags four are noisy float32, three 12-bit raw values scaled to float32, two counters
(u32) and one is a bit. Every value changes with every poll; a poll has one time stamp.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from wire import quality
from wire.columns import family_code
from wire.dtypes import DType
from wire.records import TagDef
from wire.samples import Samples

FLOAT: Final = 0
SCALED: Final = 1
COUNTER: Final = 2
BIT: Final = 3
PATTERN: Final = (FLOAT, SCALED, FLOAT, COUNTER, FLOAT, SCALED, BIT, FLOAT, SCALED, COUNTER)
_DTYPES: Final = {
    FLOAT: DType.F32,
    SCALED: DType.F32,
    COUNTER: DType.U32,
    BIT: DType.BOOL,
}
_SCALE: Final = (100 / 4095, 0.0)
MOST_PIECES: Final = 5
"""A counter rises by 1 to 5 each poll."""
NOISE_MEAN: Final = 60.0
NOISE_SIGMA: Final = 2.0


class Generator:
    """Polls of `tags` tags, numbered from 1; the time of a poll is `start_us + n * every_us`."""

    def __init__(self, tags: int, *, start_us: int, every_us: int, seed: int = 1) -> None:
        self.tags = tags
        self.kinds: NDArray[np.int8] = np.resize(np.array(PATTERN, np.int8), tags)
        self._rng = np.random.default_rng(seed)
        self._now_us, self._every_us = start_us, every_us
        self._raw = self._rng.integers(0, 4096, tags)
        self._count = self._rng.integers(0, 1_000_000, tags)
        self._bit = self._rng.integers(0, 2, tags)

    def definitions(self) -> list[TagDef]:
        """What the tag numbers mean; paths are `t/<number>`."""
        return [
            TagDef(
                n=number,
                path=f"t/{number}",
                dtype=_DTYPES[kind],
                scale=_SCALE if kind == SCALED else None,
            )
            for number, kind in enumerate(self.kinds.tolist(), start=1)
        ]

    def families(self) -> NDArray[np.int8]:
        """Family codes by tag number, as `encode_columns` wants them."""
        codes = [family_code(_DTYPES[kind].family) for kind in range(4)]
        return np.concatenate(([0], np.array(codes, np.int8)[self.kinds])).astype(np.int8)

    def numbers_of(self, kind: int) -> list[int]:
        """The tag numbers of a kind."""
        found: list[int] = (np.flatnonzero(self.kinds == kind) + 1).tolist()
        return found

    def polls(self, count: int) -> Samples:
        """The next `count` polls of all tags, one after the other."""
        values = [self._poll() for _ in range(count)]
        ts = self._now_us + self._every_us * np.arange(count, dtype=np.int64)
        self._now_us += self._every_us * count
        rows = self.tags * count
        return Samples(
            tag=np.tile(np.arange(1, self.tags + 1, dtype=np.int32), count),
            ts=np.repeat(ts, self.tags),
            q=np.full(rows, quality.GOOD, np.uint32),
            f=np.concatenate([f for f, _ in values]),
            i=np.concatenate([i for _, i in values]),
        )

    def _poll(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        rng, kinds = self._rng, self.kinds
        # A step of 1 to 4094 modulo 4096, and noise that never repeats: everything changes.
        self._raw = (self._raw + rng.integers(1, 4095, self.tags)) % 4096
        self._count = self._count + rng.integers(1, MOST_PIECES + 1, self.tags)
        self._bit = 1 - self._bit
        noisy = rng.normal(NOISE_MEAN, NOISE_SIGMA, self.tags)
        f = np.where(kinds == FLOAT, noisy, np.where(kinds == SCALED, self._raw * _SCALE[0], 0.0))
        i = np.where(kinds == COUNTER, self._count, np.where(kinds == BIT, self._bit, 0))
        return f.astype(np.float32).astype(np.float64), i.astype(np.int64)
