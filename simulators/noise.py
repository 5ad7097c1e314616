"""Repeatable noise: a number that depends on a key and an index alone, in any order of asking.

The mixing function is SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
Generators, 2014). Arrays use only additions, multiplications and shifts, so that one value at a
time and a thousand at once give the same bits on every machine.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB
_UNIT = 1.0 / (1 << 53)


def key(seed: int, *names: str) -> int:
    """A 64-bit key of a seed and a path of names."""
    told = "\x1f".join((str(seed), *names)).encode()
    return int.from_bytes(blake2b(told, digest_size=8).digest(), "big")


def uniform(of: int, index: int) -> float:
    """A number in [0, 1) of key `of` at `index`."""
    z = (of + (index + 1) * _STEP) & _MASK
    z = ((z ^ (z >> 30)) * _MIX_1) & _MASK
    z = ((z ^ (z >> 27)) * _MIX_2) & _MASK
    return ((z ^ (z >> 31)) >> 11) * _UNIT


def uniforms(of: int, indices: NDArray[np.int64]) -> NDArray[np.float64]:
    """Numbers in [0, 1) of key `of`, the same as `uniform` at each of `indices`."""
    z = np.uint64(of) + (indices.astype(np.uint64) + np.uint64(1)) * np.uint64(_STEP)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_MIX_1)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_MIX_2)
    mixed: NDArray[np.float64] = ((z ^ (z >> np.uint64(31))) >> np.uint64(11)).astype(np.float64)
    return mixed * _UNIT


def triangle(indices: NDArray[np.int64], period: int) -> NDArray[np.float64]:
    """A wave between -1 and 1 with `period` indices a turn (no sine: its last bit depends on
    how many values a processor takes at once)."""
    phase = (indices % period).astype(np.float64) / period
    wave: NDArray[np.float64] = 1.0 - 4.0 * np.abs(phase - 0.5)
    return wave
