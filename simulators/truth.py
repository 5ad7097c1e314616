"""Reads a truth log: what a plant really made and what it handed out, to compare with a server.

Times are microseconds since the Unix epoch. `since_us` is exclusive, `until_us` inclusive. Machines
are named `line/machine`, tags `line/machine/name`. Only a torn last line (or one torn by a kill and
followed by a new start) is passed over; any other damage raises `TruthDamaged`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import orjson

from simulators.addresses import TagAddress
from simulators.errors import SimulatorError, TruthDamaged
from simulators.modbus_image import decode
from simulators.truth_log import ANSWERS, EVENTS, TAGS

Record = Mapping[str, Any]
FOREVER = 1 << 62


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """Parts really made."""

    good: int
    scrap: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderInterval:
    """An order was shown by a PLC; `end_us` None: it still is."""

    machine: str
    order: str
    program: str
    start_us: int
    end_us: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossing:
    """A published value went above its limit, or came back to it or below."""

    tag: str
    at_us: int
    above: bool
    value: float
    limit: float


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultInterval:
    """A bit of a fault word was on; `off_us` None: it still is."""

    machine: str
    bit: int
    on_us: int
    off_us: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CounterReset:
    """A PLC's counters fell to 0."""

    machine: str
    at_us: int
    reason: str
    good_before: int
    scrap_before: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """One value handed out. `source_us` None: the protocol has no stamps; `status` is an OPC UA
    StatusCode, 0 good."""

    tag: str
    at_us: int
    value: int | float | bool | str | None
    source_us: int | None
    status: int
    how: str


class Truth:
    """All that a truth log says."""

    def __init__(self, folder: Path, records: list[Record], tags: list[TagAddress]) -> None:
        self.folder = folder
        self.records = records
        self.tags = {tag.path: tag for tag in tags}
        self.machines = tuple(dict.fromkeys(tag.machine for tag in tags))
        self._by_line: dict[str, list[TagAddress]] = {}
        for tag in tags:
            self._by_line.setdefault(tag.line, []).append(tag)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The truth log in `folder`, also of a plant that still runs."""
        try:
            told = orjson.loads((folder / TAGS).read_bytes())
            records = [record for _, record in _lines(folder / EVENTS)]
        except FileNotFoundError as error:
            raise SimulatorError("LS-7002", folder=folder) from error
        tags = [TagAddress(**tag) for line in told["lines"] for tag in line["tags"]]
        return cls(folder, _unique(folder, records), tags)

    @property
    def start_us(self) -> int:
        """When model time began; 0 if it has not."""
        return max(
            (r["start_us"] for r in self.records if r["what"] in ("run", "start")), default=0
        )

    @property
    def stopped(self) -> bool:
        """Whether the plant came to a clean stop."""
        return bool(self.records) and self.records[-1]["what"] == "stop"

    # -- quantities -------------------------------------------------------------------------

    def good(self, machine: str, *, since_us: int = 0, until_us: int = FOREVER) -> int:
        """Good parts a machine made."""
        return self._sum(machine, "good", since_us, until_us)

    def scrap(self, machine: str, *, since_us: int = 0, until_us: int = FOREVER) -> int:
        """Scrap parts a machine made."""
        return self._sum(machine, "scrap", since_us, until_us)

    def pulses(self, machine: str, *, since_us: int = 0, until_us: int = FOREVER) -> int:
        """How often a machine's pulse bit rose."""
        return sum(r["on"] for r in self._of(machine, "pulse", since_us, until_us))

    def orders(
        self, *, since_us: int = 0, until_us: int = FOREVER
    ) -> dict[tuple[str, str], Quantity]:
        """Parts by (order, machine); the order "" is production without one."""
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        for machine in self.machines:
            for r in self._of(machine, "parts", since_us, until_us):
                good, scrap = sums.get((r["order"], machine), (0, 0))
                sums[r["order"], machine] = (good + r["good"], scrap + r["scrap"])
        return {which: Quantity(good=good, scrap=scrap) for which, (good, scrap) in sums.items()}

    # -- what happened ----------------------------------------------------------------------

    def order_intervals(self, machine: str) -> list[OrderInterval]:
        """The orders a PLC showed, in their sequence; stretches without an order have order ""."""
        shown = list(self._of(machine, "order"))
        ends = [r["at"] for r in shown[1:]] + [None]
        return [
            OrderInterval(
                machine=machine,
                order=r["order"],
                program=r["program"],
                start_us=r["at"],
                end_us=end,
            )
            for r, end in zip(shown, ends, strict=True)
        ]

    def crossings(self, tag: str) -> list[Crossing]:
        """Crossings of a tag's limit by its published value, in their sequence."""
        return [
            Crossing(tag=tag, at_us=r["at"], above=r["above"], value=r["value"], limit=r["limit"])
            for r in self._of(tag, "limit")
        ]

    def fault_intervals(self, machine: str, bit: int | None = None) -> list[FaultInterval]:
        """When bits of the fault word were on, by their beginning; of one bit if given."""
        on_since: dict[int, int] = {}
        found: list[FaultInterval] = []
        for r in self._of(machine, "fault"):
            if r["on"]:
                on_since[r["bit"]] = r["at"]
            elif r["bit"] in on_since:
                on_us = on_since.pop(r["bit"])
                found.append(
                    FaultInterval(machine=machine, bit=r["bit"], on_us=on_us, off_us=r["at"])
                )
        found += [
            FaultInterval(machine=machine, bit=on, on_us=on_us, off_us=None)
            for on, on_us in on_since.items()
        ]
        found.sort(key=lambda interval: (interval.on_us, interval.bit))
        return [interval for interval in found if bit is None or interval.bit == bit]

    def states(self, machine: str) -> list[tuple[int, int]]:
        """(time, state) of each change of a machine's state."""
        return [(r["at"], r["state"]) for r in self._of(machine, "state")]

    def resets(self, machine: str) -> list[CounterReset]:
        """Falls of a PLC's counters to 0."""
        return [
            CounterReset(
                machine=machine,
                at_us=r["at"],
                reason=r["reason"],
                good_before=r["good_before"],
                scrap_before=r["scrap_before"],
            )
            for r in self._of(machine, "reset")
        ]

    def wraps(self, machine: str) -> list[tuple[int, str]]:
        """(time, counter) of each wrap."""
        return [(r["at"], r["counter"]) for r in self._of(machine, "wrap")]

    def write_attempts(self) -> list[Record]:
        """Attempts to write, with `at`, `line`, `target` and `answer`."""
        return [r for r in self.records if r["what"] == "write_attempt"]

    # -- what was handed out ----------------------------------------------------------------

    def answers(self, *, since_us: int = 0, until_us: int = FOREVER) -> Iterator[Answer]:
        """Every value handed out, in the order of handing out."""
        if not (self.folder / ANSWERS).exists():
            return
        for number, told in _lines(self.folder / ANSWERS):
            if not since_us < told[0] <= until_us:
                continue
            try:
                yield from self._modbus(told) if told[2] == "m" else self._opcua(told)
            except (IndexError, KeyError, TypeError, ValueError) as error:
                raise TruthDamaged(
                    "LS-7001", file=self.folder / ANSWERS, line=number, reason=error
                ) from error

    def last_answers(self, *, until_us: int = FOREVER) -> dict[str, Answer]:
        """The last value handed out of each tag."""
        return {answer.tag: answer for answer in self.answers(until_us=until_us)}

    def last_answer(self, tag: str, *, until_us: int = FOREVER) -> Answer | None:
        """The last value handed out of one tag."""
        return self.last_answers(until_us=until_us).get(tag)

    # -- inside -----------------------------------------------------------------------------

    def _of(
        self, stream: str, what: str, since_us: int = 0, until_us: int = FOREVER
    ) -> Iterator[Record]:
        if stream not in self.tags and stream not in self.machines:
            raise SimulatorError("LS-7010", machine=stream, known=", ".join(self.machines))
        for r in self.records:
            if r.get("stream") == stream and r["what"] == what and since_us < r["at"] <= until_us:
                yield r

    def _sum(self, machine: str, field: str, since_us: int, until_us: int) -> int:
        return sum(int(r[field]) for r in self._of(machine, "parts", since_us, until_us))

    def _modbus(self, told: list[Any]) -> Iterator[Answer]:
        at_us, line, _, unit, table, address, count, body = told
        raw = bytes.fromhex(body)
        for tag in self._by_line[line]:
            if tag.unit_id != unit or tag.table != table:
                continue
            start = tag.address - address
            if start >= 0 and start + max(tag.registers, 1) <= count:
                value = decode(tag, raw, start)
                yield Answer(
                    tag=tag.path, at_us=at_us, value=value, source_us=None, status=0, how="read"
                )

    def _opcua(self, told: list[Any]) -> Iterator[Answer]:
        at_us, line, how, places, values, stamp, status = told
        tags = self._by_line[line]
        stamps = stamp if isinstance(stamp, list) else [stamp] * len(places)
        statuses = status or [0] * len(places)
        for place, value, source_us, code in zip(places, values, stamps, statuses, strict=True):
            yield Answer(
                tag=tags[place].path,
                at_us=at_us,
                value=value,
                source_us=source_us,
                status=code,
                how="read" if how == "r" else "notified",
            )


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    """The records of a file with their line numbers; passes over a line torn by a kill."""
    torn: tuple[int, str] | None = None
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                if torn is not None:
                    raise TruthDamaged(
                        "LS-7001", file=path, line=torn[0], reason=torn[1]
                    ) from error
                torn = (number, str(error))
                continue
            if torn is not None:
                # A kill is followed by a new start; answers have no such mark, one line may go.
                if isinstance(record, dict) and record.get("what") != "start":
                    raise TruthDamaged("LS-7001", file=path, line=torn[0], reason=torn[1])
                torn = None
            yield number, record


def _unique(folder: Path, records: list[Record]) -> list[Record]:
    """Each event once; the same number must always tell the same."""
    known: dict[tuple[str, int], Record] = {}
    unique = []
    for number, record in enumerate(records, start=1):
        if "stream" in record:
            which = (record["stream"], record["n"])
            if which in known:
                if known[which] != record:
                    raise TruthDamaged(
                        "LS-7001",
                        file=folder / EVENTS,
                        line=number,
                        reason=f"two truths for {which}",
                    )
                continue
            known[which] = record
        unique.append(record)
    return unique
