"""Compares the wide line with the server: each reading of each register, once and no other.

Of a few hundred registers at a time, for a long run has hundreds of millions of readings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rig.chaos.wide import EDGE, MOST_READINGS, Handed, path, place, readings_of
from rig.collected import LOSS_WINDOW_US
from rig.readings import Gap
from rig.server_view import ServerView
from simulators.truth import FOREVER

Counts = NDArray[np.int64]
ANSWERS: Final = Path("wide") / "answers.bin"
"""In a run's folder."""
_GAP_SLACK_US: Final = 1_000_000
_MOST_SHOWN: Final = 5


@dataclass(kw_only=True, slots=True)
class WideVerdict:
    """What came out, in readings."""

    handed: int = 0
    lost: int = 0
    doubled: int = 0
    in_gap: int = 0
    findings: list[str] = field(default_factory=list)


def judge_wide(view: ServerView, file: Path, gaps: Sequence[Gap]) -> WideVerdict:
    """Compare all that was handed out, but for the loss window before the end, with the server."""
    handed, verdict = Handed.load(file), WideVerdict()
    told = [gap for gap in gaps if gap.edge == EDGE]
    due, most = _counts(handed)
    verdict.handed = sum(int(counts.sum()) for counts in due.values())
    absent = {(unit, register) for unit, counts in due.items() for register in range(len(counts))}
    for tag, found in view.whole_numbers(EDGE):
        unit, register = place(tag)
        absent.discard((unit, register))
        _one(verdict, handed, unit, register, found, int(due[unit][register]), told)
        number = readings_of(register, found)
        strange = int(((number == 0) | (number > most[unit][register])).sum())
        if strange:
            verdict.findings.append(f"{tag}: {strange} values were never handed out")
    for unit, register in sorted(absent):
        nothing = np.zeros(0, np.int64)
        _one(verdict, handed, unit, register, nothing, int(due[unit][register]), told)
    shown = verdict.findings[:_MOST_SHOWN]
    if len(verdict.findings) > _MOST_SHOWN:
        shown.append(f"{EDGE}: {len(verdict.findings) - _MOST_SHOWN} registers more")
    verdict.findings = shown
    return verdict


def _one(
    verdict: WideVerdict,
    handed: Handed,
    unit: int,
    register: int,
    found: NDArray[np.int64],
    due: int,
    gaps: Sequence[Gap],
) -> None:
    """One register; `found`: the values at the server, `due`: readings 1 to that must be there."""
    times = np.bincount(readings_of(register, found), minlength=MOST_READINGS + 1)
    tag = path(unit, register)
    doubled = int((times[times > 1] - 1).sum())
    missing = np.flatnonzero(times[1 : due + 1] == 0)
    if not doubled and not len(missing):
        return
    when = handed.when(unit, register)[missing]
    untold = when[~_told(when, f"unit-{unit}", gaps)]
    verdict.doubled += doubled
    verdict.lost += len(untold)
    verdict.in_gap += len(missing) - len(untold)
    if doubled:
        verdict.findings.append(f"{tag}: {doubled} readings are there more than once")
    if len(untold):
        verdict.findings.append(
            f"{tag}: {len(untold)} readings are missing, the first of {int(untold[0])}"
        )


def _told(when: NDArray[np.int64], device: str, gaps: Iterable[Gap]) -> NDArray[np.bool_]:
    """Which of these times stand in a gap of the device or of its whole edge."""
    known = np.zeros(len(when), np.bool_)
    for gap in gaps:
        if gap.device in (None, "", device):
            to_us = np.iinfo(np.int64).max if gap.to_us is None else gap.to_us + _GAP_SLACK_US
            known |= (gap.from_us - _GAP_SLACK_US <= when) & (when <= to_us)
    return known


def _counts(handed: Handed) -> tuple[dict[int, Counts], dict[int, Counts]]:
    """By unit, how often each register was read: before the loss window, and until the end."""
    due, most = {}, {}
    for unit in (int(one) for one in np.unique(handed.answers["unit"])):
        mine = handed.answers[handed.answers["unit"] == unit]
        registers = int((mine["first"].astype(np.int64) + mine["count"]).max())
        durable_us = handed.last_us(unit) - LOSS_WINDOW_US
        due[unit] = handed.counts(unit, registers, until_us=durable_us)
        most[unit] = handed.counts(unit, registers, until_us=FOREVER)
    return due, most
