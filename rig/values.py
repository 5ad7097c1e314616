"""Was every value that an edge took under a tag's name one that this tag's device handed out?

A reading that carries another tag's value, a swapped word or a stale value under a new time is
found here, whatever counters and alarms make of it. Pure.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from rig.rows import Row, Value
from simulators.addresses import TagAddress
from simulators.truth import Answer
from wire.quality import CLOCK, NO_VALUE

_POLLED_BEFORE_US = 2_500_000
"""A polled value is stamped when the last one of its reading has arrived: block after block, unit
after unit, each asked for as long as its time-out."""
_CLOCK_SLACK_US = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class WrongValue:
    """A reading whose value its device never handed out at about that time."""

    row: Row

    def __str__(self) -> str:
        return f"{self.row[0]}: {self.row[2]!r} at {self.row[1]} was never handed out"


def never_handed_out(
    rows: Iterable[Row], answers: Iterable[Answer], tags: dict[str, TagAddress]
) -> list[WrongValue]:
    """The rows that no answer explains.

    With source times (OPC UA) value and time must be those of one answer, unless a read gave the
    same value and time once more: nothing changed, and the edge says so under the time of that
    read. Without (Modbus), and where the edge set the device's time aside, the value must be one
    that was handed out shortly before the row's time.
    """
    stamped: dict[tuple[str, int], list[Value]] = defaultdict(list)
    polled: dict[str, list[tuple[int, Value]]] = defaultdict(list)
    again: dict[str, list[tuple[int, Value]]] = defaultdict(list)
    for answer in sorted(answers, key=lambda one: one.at_us):
        polled[answer.tag].append((answer.at_us, answer.value))
        if answer.source_us is not None:
            known = stamped[answer.tag, answer.source_us]
            if answer.how == "read" and answer.value in known:
                again[answer.tag].append((answer.at_us, answer.value))
            known.append(answer.value)
    wrong = []
    for row in rows:
        path, ts_us, value, quality = row
        tag = tags.get(path)
        # What has no value, and what is not good, claims nothing.
        if tag is None or quality & NO_VALUE or quality >> 30:
            continue
        if tag.protocol == "opcua" and not quality & CLOCK:
            found = stamped.get((path, ts_us)) or _shortly_before(again.get(path, []), ts_us)
        else:
            found = _shortly_before(polled.get(path, []), ts_us)
        if not any(_same(value, one, tag) for one in found):
            wrong.append(WrongValue(row=row))
    return wrong


def _shortly_before(known: list[tuple[int, Value]], ts_us: int) -> list[Value]:
    begin = bisect_left(known, ts_us - _POLLED_BEFORE_US, key=lambda one: one[0])
    end = bisect_left(known, ts_us + _CLOCK_SLACK_US, key=lambda one: one[0])
    return [value for _, value in known[begin:end]]


def _same(value: Value, handed_out: Value, tag: TagAddress) -> bool:
    if isinstance(value, str) or isinstance(handed_out, str):
        return value == handed_out
    if value is None or handed_out is None:
        return False
    if tag.raw_max:
        scaled = handed_out * tag.scaled_max / tag.raw_max
        return math.isclose(value, scaled, rel_tol=1e-6, abs_tol=1e-6)
    return value == handed_out
