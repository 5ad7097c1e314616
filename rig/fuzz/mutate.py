"""Input that is nearly valid: bytes flipped, cut and extended, JSON with hostile values. Pure."""

from __future__ import annotations

import copy
from random import Random
from typing import Any, Final

import orjson

_MOST_CHANGES: Final = 4
_EDGES: Final = (0, 1, 2, 4, 5, 8, 16, 31, 62, 63, 64)
_NUMBERS: Final = sorted(
    {sign * 2**bits + more for bits in _EDGES for sign in (1, -1) for more in (-1, 0, 1)}
)
_TEXTS: Final = (
    "",
    "\0",
    "NaN",
    "-inf",
    "9" * 400,
    "厂" * 1_500,
    "x" * 5_000,
    "a/b",
    "../..",
    "${HOME}",
    "\u202e",
    "🏭",
    "00000000-0000-0000-0000-000000000000",
    "2026-01-01T00:00:00Z",
)
_OTHERS: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0.5,
    -0.0,
    1e300,
    5e-324,
    [],
    {},
    [[]],
    [None],
    {"": 0},
)
_DEEP: Final = "\u2603deep"
"""Stands for nesting that an encoder would refuse to write."""


def altered(chance: Random, valid: bytes) -> bytes:
    """The bytes with a few changes."""
    found = bytearray(valid)
    for _ in range(chance.randint(1, _MOST_CHANGES)):
        _alter(chance, found)
    return bytes(found)


def altered_json(chance: Random, valid: Any) -> bytes:
    """The JSON of a value in which a few places were swapped, left out or repeated."""
    root = [copy.deepcopy(valid)]
    for _ in range(chance.randint(1, _MOST_CHANGES)):
        _swap(chance, root)
    try:
        raw = orjson.dumps(root[0])
    except orjson.JSONEncodeError:  # a number beyond 64 bits
        raw = repr(root[0]).replace("'", '"').encode()
    deep = b"[" * 50_000 + b"]" * 50_000
    return raw.replace(orjson.dumps(_DEEP), deep)


def number(chance: Random) -> int:
    """An integer near a border of some type."""
    return chance.choice(_NUMBERS)


def _alter(chance: Random, found: bytearray) -> None:
    at = chance.randrange(len(found) + 1)
    size = chance.choice((1, 1, 2, 4, 8, 30))
    match chance.randrange(8):
        case 0 if found:
            found[at % len(found)] ^= 1 << chance.randrange(8)
        case 1 if found:
            found[at % len(found)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        case 2:
            del found[at : at + size]
        case 3:
            del found[at:]
        case 4:
            found[at:at] = chance.randbytes(size)
        case 5:
            found[at:at] = found[at : at + size] * chance.choice((1, 2, 50))
        case 6:
            width = chance.choice((2, 4, 8))
            order = chance.choice(("little", "big"))
            value = number(chance) % 256**width
            found[at : at + width] = value.to_bytes(width, "big" if order == "big" else "little")
        case _:
            other = chance.randrange(len(found) + 1)
            found[at : at + size] = found[other : other + size]


def _swap(chance: Random, root: list[Any]) -> None:
    """Change one place somewhere below the root."""
    holder: Any = root
    key: Any = 0
    while isinstance(holder[key], list | dict) and holder[key] and chance.random() < 0.85:
        holder = holder[key]
        key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match chance.randrange(6):
        case 0 if holder is not root:
            del holder[key]
        case 1 if isinstance(holder, list) and holder is not root:
            holder[key:key] = [holder[key]] * chance.choice((1, 3, 200))
        case 2 if isinstance(holder, dict):
            holder[chance.choice(_TEXTS)] = _value(chance)
        case _:
            holder[key] = _value(chance, holder[key])


def _value(chance: Random, before: Any = None) -> Any:
    match chance.randrange(6):
        case 0 | 1:
            return number(chance)
        case 2:
            return chance.choice(_TEXTS)
        case 3:
            return copy.deepcopy(chance.choice(_OTHERS))
        case 4 if isinstance(before, int) and not isinstance(before, bool):
            return chance.choice((before + 1, before - 1, -before, str(before), float(before)))
        case _:
            return chance.choice((_DEEP, [before], {"a": before}, str(before)))
