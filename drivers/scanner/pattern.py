"""How long a pattern can take at worst: patterns that could hold up the program are refused. Pure.

Python's matcher tries alternatives one after the other; nested repetitions make their number
exponential in the length of the line. The number of ways through a pattern, for lines up to a
length, is bounded here from above: repetitions multiply by their possible lengths, what follows
each other multiplies, alternatives add up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Final

MOST_WAYS: Final = 4_000_000
"""Tried in less than a second, and only by lines made for that."""

_REPEATS: Final = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)


def ways(pattern: str, longest: int) -> int:
    """At most so many ways to match lines of up to `longest` characters, capped above MOST_WAYS.

    Raises re.error where the pattern is none.
    """
    re.compile(pattern)
    return _sequence(_parser.parse(pattern), longest)


def _sequence(nodes: Sequence[Any], longest: int) -> int:
    product = 1
    for operator, argument in nodes:
        product = _capped(product * _node(operator, argument, longest))
    return product


def _node(operator: Any, argument: Any, longest: int) -> int:
    if operator in _REPEATS:
        least, most, body = argument
        most = max(least, min(most, longest))
        return _repeated(_sequence(body, longest), least, most)
    if operator is _constants.POSSESSIVE_REPEAT:
        # Each round is decided for good, so rounds add up.
        _, most, body = argument
        inside = _sequence(body, longest)
        return 1 if inside == 1 else _capped(inside * min(most, longest))
    if operator is _constants.BRANCH:
        return _capped(sum(_sequence(one, longest) for one in argument[1]))
    if operator is _constants.SUBPATTERN:
        return _sequence(argument[-1], longest)
    if operator is _constants.ATOMIC_GROUP:
        return _decided(_sequence(argument, longest), longest)
    if operator in (_constants.ASSERT, _constants.ASSERT_NOT):
        return _decided(_sequence(argument[1], longest), longest)
    if operator is _constants.GROUPREF_EXISTS:
        _, yes, no = argument
        return _capped(_sequence(yes, longest) + (_sequence(no, longest) if no else 1))
    return 1


def _decided(inside: int, longest: int) -> int:
    """Ways through what is matched once and for good: one repetition only adds its length."""
    return 1 if inside <= longest + 1 else inside


def _repeated(inside: int, least: int, most: int) -> int:
    choices = most - least + 1
    rounds = 1
    for _ in range(most if inside > 1 else 0):
        rounds = _capped(rounds * inside)
    return _capped(choices * rounds)


def _capped(number: int) -> int:
    return min(number, MOST_WAYS + 1)
