"""What makes an alarm: limits and fault words, and how readings become conditions, by columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ingest_server.domain.facts import Bools, Int64s
from wire.quality import NO_VALUE, NOT_FINITE, is_good

Priority = Literal["low", "medium", "high", "critical"]

_INT64_REACH: Final = 2.0**63


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitRule:
    """One alarm: the value beyond `limit` (above a high one, below a low one), in the tag's unit.

    It ends when the value is back at the limit or, with a `deadband`, that far on the good side.
    """

    id: str
    direction: Literal["high", "low"]
    limit: float
    deadband: float = 0.0
    on_delay_us: int = 0
    off_delay_us: int = 0
    latching: bool = False

    def alarms(self) -> tuple[str, ...]:
        """The keys of the rule's alarms: one without a name of its own."""
        return ("",)


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultWordRule:
    """One alarm a bit of an integer; `bits` are the numbers (0 = least) that mean something."""

    id: str
    bits: tuple[int, ...]
    on_delay_us: int = 0
    off_delay_us: int = 0
    latching: bool = False

    def alarms(self) -> tuple[str, ...]:
        """The keys of the rule's alarms: the bit's number as text."""
        return tuple(str(bit) for bit in self.bits)


Rule = LimitRule | FaultWordRule


def alarm_id(rule_id: str, key: str) -> str:
    """The name of one alarm everywhere: the rule's, with the bit for a fault word."""
    return f"{rule_id}/{key}" if key else rule_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Conditions:
    """One alarm and n readings: the condition after each, held where a reading tells nothing."""

    key: str
    on: Bools


def unusable(value: NDArray[Any], q: NDArray[np.uint32]) -> Bools:
    """Readings that say nothing about a condition: quality not good, no value, not finite."""
    bad: Bools = ~is_good(q) | ((q & np.uint32(NO_VALUE | NOT_FINITE)) != 0)
    if value.dtype.kind == "f":
        bad |= ~np.isfinite(value)
    return bad


def conditions(
    rule: Rule, value: NDArray[Any], bad: Bools, before: Sequence[bool]
) -> list[Conditions]:
    """The conditions of every alarm of `rule`; `before`: those before the first reading."""
    if isinstance(rule, LimitRule):
        return [Conditions(key="", on=_limit(rule, value, bad, was_on=before[0]))]
    last = _last_telling(~bad)
    words = _words(value)[np.maximum(last, 0)]
    found = []
    for bit, was_on in zip(rule.bits, before, strict=True):
        on = ((words >> bit) & 1).astype(np.bool_)
        on[last < 0] = was_on
        found.append(Conditions(key=str(bit), on=on))
    return found


def _limit(rule: LimitRule, value: NDArray[Any], bad: Bools, *, was_on: bool) -> Bools:
    if rule.direction == "high":
        beyond, back = value > rule.limit, value <= rule.limit - rule.deadband
    else:
        beyond, back = value < rule.limit, value >= rule.limit + rule.deadband
    last = _last_telling((beyond | back) & ~bad)
    on: Bools = beyond[np.maximum(last, 0)]
    on[last < 0] = was_on
    return on


def _last_telling(tells: Bools) -> Int64s:
    """For each reading the index of the last one that tells something, itself included, or -1."""
    at = np.where(tells, np.arange(len(tells)), -1)
    return np.maximum.accumulate(at, dtype=np.int64)


def _words(value: NDArray[Any]) -> NDArray[Any]:
    if value.dtype.kind == "f":
        in_reach = np.abs(value) < _INT64_REACH  # false for NaN; such readings are bad anyway
        words: Int64s = np.where(in_reach, value, 0).astype(np.int64)
        return words
    if value.dtype.kind == "b":
        return value.astype(np.int64)
    return value.astype(np.uint64) if value.dtype.kind == "u" else value.astype(np.int64)
