"""Was every sample that became durable in an edge's buffer stored exactly once, or told as a gap?

`judge` is pure: records of the edges' buffers on one side, rows of the server on the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from rig.rows import Place, Row

LOSSES: Final = frozenset(
    {
        "overflow",
        "age",
        "disk",
        "corrupt",
        "lost_database",
        "buffer_lost",
        "late_after_retention",
        "implausible_time",
    }
)
"""Causes that account for samples once durable; the others say that nothing was collected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A time the server says it lacks data for; `cls`, `device` None: all; `to_us` None: open."""

    plant: str
    edge: str
    cls: str | None
    device: str | None
    from_us: int
    to_us: int | None
    cause: str

    def covers(self, place: Place, ts_us: int, *, untold: bool = False) -> bool:
        """Whether it accounts for a sample of a record at `place` with event time `ts_us`.

        `untold`: its buffer was replaced before the server had heard of it. To the server that is
        a time without an agent, and nobody can know better.
        """
        return (
            (self.cause in LOSSES or (untold and self.cause == "agent_down"))
            and (self.plant, self.edge) == (place.plant, place.edge)
            and self.cls in (None, place.cls)
            and self.from_us <= ts_us
            and (self.to_us is None or ts_us <= self.to_us)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """The rows of one batch at the server."""

    batch: int
    rows: tuple[Row, ...]


@dataclass(kw_only=True, slots=True)
class Verdict:
    """Counts of samples. `in_gap`: durable, not stored, and told in `gap`; `waiting`: beyond the
    server's cursor, unconfirmed, and held by an edge that can still send them."""

    collected: int = 0
    stored: int = 0
    lost: int = 0
    duplicated: int = 0
    in_gap: int = 0
    waiting: int = 0
    unknown: int = 0
    """Stored rows whose record the buffers no longer have: counted, not compared."""
    unknown_us: dict[Place, int] = field(default_factory=dict)
    """Those records with a time of theirs."""
    examples: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the promise was kept."""
        return self.lost == 0 and self.duplicated == 0

    def example(self, text: str) -> None:
        """Keep a few findings for people."""
        if len(self.examples) < 20:
            self.examples.append(text)


def judge(
    held: Mapping[Place, Sequence[Row]],
    stored: Mapping[Place, Sequence[Stored]],
    gaps: Iterable[Gap],
    *,
    waiting: Collection[Place] = (),
    untold: Collection[UUID] = (),
    strays: int = 0,
) -> Verdict:
    """Compare record by record, as multisets of rows.

    `held`: every samples record found in a buffer. `stored`: the batches of each record at the
    server; more than one for a record is a double. `waiting`: records still to come. `untold`:
    epochs that nobody has any more and of which the server never heard. `strays`: rows that belong
    to no batch.
    """
    verdict = Verdict(duplicated=strays)
    known_gaps = list(gaps)
    for place, rows in sorted(held.items()):
        verdict.collected += len(rows)
        if place in waiting and place not in stored:
            verdict.waiting += len(rows)
            continue
        wanted = Counter(rows)
        for at, batch in enumerate(stored.get(place, ())):
            got = Counter(batch.rows)
            verdict.stored += len(batch.rows)
            extra = got - wanted
            if extra:
                verdict.duplicated += extra.total()
                verdict.example(f"{place}: batch {batch.batch} (copy {at + 1}) has {extra}")
            wanted -= got
        for row, count in wanted.items():
            unheard = place.epoch in untold
            if any(gap.covers(place, row[1], untold=unheard) for gap in known_gaps):
                verdict.in_gap += count
            else:
                verdict.lost += count
                verdict.example(f"{place}: {row} is neither stored nor in a gap")
    for place, batches in stored.items():
        if place not in held:
            verdict.unknown += sum(len(batch.rows) for batch in batches)
            verdict.unknown_us[place] = max(row[1] for batch in batches for row in batch.rows)
            verdict.stored += sum(len(batch.rows) for batch in batches)
            # Even without the record, one record may be applied only once.
            verdict.duplicated += sum(len(batch.rows) for batch in batches[1:])
    return verdict
