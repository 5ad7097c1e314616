"""Who says which order runs on an equipment, and the timeline that follows from all they said.

At any instant each source (the PLC's order tag, a scan, an explicit start) holds what it said last,
by event time and then by `seq`; saying nothing (an empty tag, a stop) releases. The highest source
that holds an order wins: a PLC that knows is believed before a scanner, a scanner before a person's
start; when the higher one releases, the lower one shows again. The timeline is the same for any
order of arrival of the assignments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Source = Literal["plc", "scan", "explicit"]

PRECEDENCE: Final[tuple[Source, ...]] = ("plc", "scan", "explicit")
"""Highest first."""

ORDER_LENGTH: Final = 64
"""Characters of an order number that are kept (plant.yaml allows no more)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """From `at_us` on `source` says that `order` (and `operation`) runs; None: it says nothing.

    `author` is a person or the tag; `seq` orders assignments of one source with equal times.
    `since`: an edge and a batch of it; of what this edge told it holds from that batch on alone.
    """

    equipment: str
    at_us: int
    order: str | None
    operation: str | None = None
    source: Source
    author: str = ""
    seq: int = 0
    since: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What is made: an order's operation, or nothing that anybody named (`order` is None)."""

    order: str | None
    operation: str | None = None


UNASSIGNED: Final = Run(order=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """The runs of one equipment: segment i lasts from `start_us[i]` to the next, the last for ever.

    `start_us`: int64 of shape (n,), ascending, unique. `run`: index into `runs` for each segment.
    `said_by`: the winning assignment of each segment, None where unassigned. Before the first
    segment everything is unassigned; `runs[0]` is always `UNASSIGNED`. Neighbouring segments may
    have the same run (said again by somebody): that is no boundary.
    """

    start_us: NDArray[np.int64]
    run: NDArray[np.int64]
    runs: tuple[Run, ...]
    said_by: tuple[Assignment | None, ...]

    def segment(self, at_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """The segment of each time; -1 before the first."""
        return np.searchsorted(self.start_us, at_us, side="right").astype(np.int64) - 1

    def run_at(self, at_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """The index into `runs` at each time."""
        return np.concatenate(([0], self.run))[self.segment(at_us) + 1]

    def changes_before(self, at_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many boundaries (changes of the run) lie at or before each time."""
        run = np.concatenate(([0], self.run))
        changes = np.concatenate(([0], np.cumsum(run[1:] != run[:-1])))
        return changes[self.segment(at_us) + 1]


def cleaned_order(text: str | None) -> str | None:
    """An order number as PLC or scanner gave it, without padding; None where nothing is left.

    PLC strings come padded with NULs or blanks; what stands behind the first NUL is old memory.
    """
    if text is None:
        return None
    kept = "".join(letter for letter in text.split("\0", 1)[0] if letter.isprintable())
    return kept.strip()[:ORDER_LENGTH] or None


def timelines(assignments: Iterable[Assignment]) -> Mapping[str, Timeline]:
    """One timeline for each equipment that anything was said of."""
    by_equipment: dict[str, list[Assignment]] = {}
    for assignment in assignments:
        by_equipment.setdefault(assignment.equipment, []).append(assignment)
    return {name: timeline(said) for name, said in sorted(by_equipment.items())}


def timeline(assignments: Iterable[Assignment]) -> Timeline:
    """The timeline of one equipment's assignments, given in any order, repeated or not."""
    runs: dict[Run, int] = {UNASSIGNED: 0}
    starts: list[int] = []
    indexes: list[int] = []
    said_by: list[Assignment | None] = []
    holds: dict[Source, Assignment] = {}
    ordered = sorted(set(assignments), key=_rank)
    for place, assignment in enumerate(ordered):
        holds[assignment.source] = assignment
        if place + 1 < len(ordered) and ordered[place + 1].at_us == assignment.at_us:
            continue
        winner = _winner(holds)
        if said_by and said_by[-1] == winner:
            continue
        run = UNASSIGNED
        if winner is not None:
            run = Run(order=winner.order, operation=winner.operation)
        starts.append(assignment.at_us)
        indexes.append(runs.setdefault(run, len(runs)))
        said_by.append(winner)
    return Timeline(
        start_us=np.array(starts, dtype=np.int64),
        run=np.array(indexes, dtype=np.int64),
        runs=tuple(runs),
        said_by=tuple(said_by),
    )


def timelines_for(
    assignments: Sequence[Assignment], edge_id: int, batch: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.bool_], Timeline]]:
    """What holds for what an edge told of one equipment, in n batches: masks, each with a timeline.

    Where the edge's device never went back to a time it had spoken of, that is one.
    """
    steps = sorted({one.since[1] for one in assignments if one.since and one.since[0] == edge_id})
    last = np.searchsorted(np.array(steps, np.int64), batch, side="right")
    for place in np.unique(last).tolist():
        later = set(steps[place:])
        yield (
            last == place,
            timeline(
                one
                for one in assignments
                if one.since is None or one.since[0] != edge_id or one.since[1] not in later
            ),
        )


def differing_spans(before: Timeline, after: Timeline) -> tuple[tuple[int, int | None], ...]:
    """Where two timelines name different runs, as half-open spans; None: without end.

    What was made in these spans (or reaches into them) has to be attributed again.
    """
    starts = np.union1d(before.start_us, after.start_us).astype(np.int64)
    old, new = before.run_at(starts), after.run_at(starts)
    spans: list[tuple[int, int | None]] = []
    for place in range(len(starts)):
        if before.runs[old[place]] == after.runs[new[place]]:
            continue
        start = int(starts[place])
        end = int(starts[place + 1]) if place + 1 < len(starts) else None
        if spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return tuple(spans)


def _rank(assignment: Assignment) -> tuple[int, int, str, str, str, str]:
    # Every field takes part: two that differ in anything have one order, whoever came first.
    return (
        assignment.at_us,
        assignment.seq,
        assignment.source,
        assignment.order or "",
        assignment.operation or "",
        assignment.author,
    )


def _winner(holds: Mapping[Source, Assignment]) -> Assignment | None:
    for source in PRECEDENCE:
        held = holds.get(source)
        if held is not None and held.order is not None:
            return held
    return None
