"""Takes records that were carried here in a file, by the same rules as those that come over MQTT.

Invariants:
- every record goes through the committer: its stream's cursor decides, so a record counts once,
  whether it came before, comes later over MQTT, or stands in several files, in any order; what was
  taken stays taken when the rest fails, and the import can be begun again at any time;
- a record whose bytes changed is refused here and never reaches the committer, which would move
  past it when it comes a second time: the edge still has it;
- of a file whose checksum does not fit only those records are taken that the edge in its header is
  known to have numbered: by an opening in the file, or by a stream the database knows.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingest_server.receive.arrival import Arrival, look_at, read_content
from ingest_server.receive.decide import Reason
from ingest_server.receive.late import BUSY
from ingest_server.store.errors import CursorMoved
from runtime import messages
from wire.carried import Carried, Damaged, Reader
from wire.errors import DamagedBody, WireError
from wire.ids import EdgeId
from wire.records import Opening
from wire.topics import up

if TYPE_CHECKING:
    from uuid import UUID

    from ingest_server.receive.committer import Committer
    from ingest_server.receive.draft import Outcome

AT_ONCE: Final = 32
MOST_ROWS: Final = 50_000
MOST_TOLD: Final = 20
_TRIES: Final = 40
_PAUSE_S: Final = 0.25
_WAITING: Final = frozenset({Reason.AHEAD, Reason.PREDECESSOR_MISSING, BUSY})
_ASIDE: Final = frozenset({Reason.BAD, Reason.REFUSED_BY_DATABASE, Reason.DAMAGED_AGAIN})

Progress = Callable[[int], None]
"""Told how many bytes of the file were dealt with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A record that was not taken, and where it stands in the file."""

    number: int
    offset: int
    reason: str


@dataclass(kw_only=True, slots=True)
class Report:
    """What became of the records of one file."""

    file: str
    edge: EdgeId | None = None
    records: int = 0
    taken: int = 0
    readings: int = 0
    stored_already: int = 0
    waiting: int = 0
    """Records whose predecessors the server does not have yet."""
    set_aside: int = 0
    """Records that say nothing valid; kept as dead letters, their time stands in `gap`."""
    refused: list[Refusal] = field(default_factory=list)
    more_refused: int = 0
    damage: Damaged | None = None
    """Why the file is not whole."""

    @property
    def complete(self) -> bool:
        """Whether the server now has all there is in the file."""
        return not (self.waiting or self.refused or self.damage)

    def refuse(self, one: Carried, reason: str) -> None:
        """Note a record that is not taken; the first ones with their place."""
        if len(self.refused) < MOST_TOLD:
            self.refused.append(Refusal(number=one.number, offset=one.offset, reason=reason))
        else:
            self.more_refused += 1

    def lines(self) -> Iterator[str]:
        """The report for people, in their language."""
        if self.edge is not None:
            yield messages.text(
                "LS-5460", file=self.file, edge=str(self.edge), taken=self.taken,
                readings=self.readings, already=self.stored_already,
            )  # fmt: skip
        if self.set_aside:
            yield messages.text("LS-5461", file=self.file, count=self.set_aside)
        for one in self.refused:
            yield messages.text(
                "LS-5462", file=self.file, record=one.number, offset=one.offset, reason=one.reason
            )
        if self.more_refused:
            yield messages.text("LS-5463", file=self.file, count=self.more_refused)
        if self.damage is not None:
            yield messages.describe(self.damage)
        if self.waiting:
            yield messages.text("LS-5464", file=self.file, count=self.waiting)

    def as_json(self) -> dict[str, object]:
        """The same for programs."""
        damage = self.damage
        return {
            "file": self.file,
            "edge": None if self.edge is None else str(self.edge),
            "records": self.records,
            "taken": self.taken,
            "readings": self.readings,
            "stored_already": self.stored_already,
            "waiting": self.waiting,
            "set_aside": self.set_aside,
            "refused": [
                {"record": one.number, "offset": one.offset, "reason": one.reason}
                for one in self.refused
            ],
            "refused_count": len(self.refused) + self.more_refused,
            "damaged_at": None if damage is None else [damage.record, damage.offset],
            "complete": self.complete,
        }


class Importer:
    """Imports files one after the other. Blocking; one thread."""

    def __init__(
        self, committer: Committer, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._committer = committer
        self._sleep = sleep

    def all_of(
        self, files: Sequence[Path], progress: Callable[[Path, int], None] = lambda _file, _n: None
    ) -> list[Report]:
        """Import files in whatever order they are given; a report of each. Raises StoreError.

        What waits for a record of another file is tried again as long as that helps.
        """
        found: dict[Path, Report] = {}
        left = list(dict.fromkeys(files))
        while left:
            taken = 0
            for file in left:
                before = found.get(file)
                report = self.one(file, partial(progress, file))
                taken += report.taken
                if before is not None:
                    report.taken += before.taken
                    report.readings += before.readings
                    report.set_aside += before.set_aside
                    report.stored_already -= before.taken + before.set_aside
                found[file] = report
            left = [file for file in left if found[file].waiting] if taken else []
        return [found[file] for file in dict.fromkeys(files)]

    def one(self, path: Path, progress: Progress = lambda _: None) -> Report:
        """Import one file. Raises StoreError, OSError; then begin again."""
        report = Report(file=str(path))
        trusted = self._look_through(path, report)
        if report.edge is None:
            return report
        topic = up(report.edge, "data")
        group: list[tuple[Carried, Arrival]] = []
        rows = 0
        for one in _records(path):
            report.records += 1
            arrival = self._arrival(topic, one, trusted, report)
            if arrival is not None:
                group.append((one, arrival))
                rows += arrival.rows
            if len(group) >= AT_ONCE or rows >= MOST_ROWS:
                self._hand_in(group, report)
                group, rows = [], 0
                progress(one.offset)
        self._hand_in(group, report)
        self._committer.upkeep()
        progress(path.stat().st_size)
        return report

    def _look_through(self, path: Path, report: Report) -> frozenset[UUID] | None:
        """Read the whole file once. None: it is whole; else the epochs that are surely its edge's.

        `report` gets the edge, and the damage if there is any.
        """
        openings: set[UUID] = set()
        edge: EdgeId | None = None
        try:
            with path.open("rb") as file:
                reader = Reader(file, str(path))
                edge = _edge_of(reader)
                for one in reader.records():
                    if (epoch := _opened_by(one.record, edge)) is not None:
                        openings.add(epoch)
        except Damaged as damage:
            report.damage = damage
        report.edge = edge
        if report.damage is None or edge is None:
            return None
        known = next((row for row in self._committer.known_edges() if row.edge == edge), None)
        streams = () if known is None else known.streams
        return frozenset(openings | {epoch for epoch, _ in streams})

    def _arrival(
        self, topic: str, one: Carried, trusted: frozenset[UUID] | None, report: Report
    ) -> Arrival | None:
        """The record as if it had arrived over MQTT; None where it is refused."""
        arrival = look_at(topic, one.record)
        if arrival.error is not None or arrival.prefix is None:
            report.refuse(one, str(arrival.error))
            return None
        if trusted is not None and arrival.prefix.epoch not in trusted:
            report.refuse(one, "in a damaged file, and nothing else says which edge it is of")
            return None
        content = read_content(one.record, arrival.prefix)
        if isinstance(content, DamagedBody):
            report.refuse(one, str(content))
            return None
        return Arrival(
            topic=topic,
            payload=one.record,
            edge=arrival.edge,
            prefix=arrival.prefix,
            content=content,
        )

    def _hand_in(self, group: Sequence[tuple[Carried, Arrival]], report: Report) -> None:
        if not group:
            return
        outcomes = self._insist([arrival for _, arrival in group])
        counted: Counter[str] = Counter()
        for (one, _), outcome in zip(group, outcomes, strict=True):
            reason = str(outcome.reason)
            if reason in _WAITING:
                counted["waiting"] += 1
            elif reason in _ASIDE:
                counted["set_aside"] += 1
            elif reason == Reason.STORED_ALREADY:
                counted["stored_already"] += 1
            elif outcome.applied:
                counted["taken"] += 1
                counted["readings"] += outcome.rows
            else:
                report.refuse(one, f"{reason} {outcome.defect or outcome.error or ''}".strip())
        for name, count in counted.items():
            setattr(report, name, getattr(report, name) + count)

    def _insist(self, arrivals: list[Arrival]) -> Sequence[Outcome]:
        """A worker that serves the same edge may be faster, again and again."""
        for _ in range(_TRIES):
            try:
                return self._committer.handle(arrivals)
            except CursorMoved:
                self._sleep(_PAUSE_S)
        return self._committer.handle(arrivals)


def _records(path: Path) -> Iterator[Carried]:
    """Every record up to the damage, if there is any."""
    try:
        with path.open("rb") as file:
            yield from Reader(file, str(path)).records()
    except Damaged:
        return


def _edge_of(reader: Reader) -> EdgeId:
    try:
        return EdgeId.parse(f"{reader.header.get('plant')}/{reader.header.get('edge')}")
    except WireError as error:
        raise Damaged(
            file="", record=0, offset=reader.offset, reason="the header names no edge"
        ) from error


def _opened_by(record: bytes, edge: EdgeId) -> UUID | None:
    """The epoch whose opening by this edge the record is."""
    arrival = look_at(up(edge, "data"), record)
    if arrival.prefix is None:
        return None
    content = read_content(record, arrival.prefix) if arrival.prefix.seq == 1 else None
    if not isinstance(content, Opening) or (content.plant, content.edge) != (edge.plant, edge.edge):
        return None
    return arrival.prefix.epoch
