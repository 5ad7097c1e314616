"""What may be off of counters that two agents read at once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rig.collected import Window
from rig.figures import CounterTruth
from rig.readings import Gap
from rig.server_view import Counter


def in_time(counter: Counter) -> Counter:
    """Two agents' readings come in turns: what could be seen is a matter of their times."""
    readings = sorted(counter.readings, key=lambda reading: reading.at_us)
    return replace(counter, readings=readings)


def made_within(truth: CounterTruth, windows: Sequence[Window]) -> dict[str, int]:
    """Parts made in these times, by order."""
    sums: dict[str, int] = {}
    for part in truth.parts:
        if any(window.holds(part.at_us) for window in windows):
            sums[part.order] = sums.get(part.order, 0) + part.count
    return sums


def as_gaps(edge: str, windows: Sequence[Window]) -> list[Gap]:
    """These times as ones that cannot be told part by part.

    A counter that fell while two agents read it is believed only by what is read afterwards: what
    is counted from there to the first change behind it may be of one order or of the next.
    """
    return [
        Gap(
            plant="",
            edge=edge,
            cls=None,
            device=None,
            from_us=window.from_us,
            to_us=window.to_us,
            cause="two_agents",
        )
        for window in windows
    ]
