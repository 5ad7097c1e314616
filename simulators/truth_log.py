"""Writes down what really happened and what was handed out, before anybody can have seen it.

Invariants:
- a line is one `write` to the operating system: a killed process loses no line that was told, at
  most the last one is torn; nothing is ever rewritten;
- what happened until a tick is written before that tick's values are served;
- an answer is written before it is handed to the socket;
- a folder holds one run: a plant that starts again with its state tells only what is new, any
  other plant is refused.

`events.jsonl` has one object a line (see `events.Event`; what is not the model's own has no
`stream`), `answers.jsonl` one array a line, `tags.json` the address map both refer to.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from runtime.clock import Clock
from runtime.platform import write_private
from simulators.addresses import Table
from simulators.answers import How, Served
from simulators.errors import SimulatorError
from simulators.events import Event

EVENTS = "events.jsonl"
ANSWERS = "answers.jsonl"
TAGS = "tags.json"


class TruthLog:
    """The truth log of one run in `folder`, the servers' witness; None writes nothing down."""

    def __init__(
        self, folder: Path | None, *, clock: Clock, answers: bool, run: str, tags: dict[str, Any]
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._wants_answers = answers
        self._run = run
        self._tags = tags
        self._events: FileIO | None = None
        self._answers: FileIO | None = None
        self._told: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        if self._folder is None:
            return self
        self._folder.mkdir(parents=True, exist_ok=True)
        self._told = _last_numbers(self._folder / EVENTS, self._run)
        write_private(self._folder / TAGS, orjson.dumps(self._tags, option=orjson.OPT_INDENT_2))
        self._events = _append(self._folder / EVENTS)
        if self._wants_answers:
            self._answers = _append(self._folder / ANSWERS)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in (self._events, self._answers):
            if file is not None:
                file.close()
        self._events = self._answers = None

    # -- what happened ----------------------------------------------------------------------

    def note(self, what: str, **data: object) -> None:
        """Something that is not the model's own: start, stop, command, silence, ..."""
        if self._events is not None:
            record = {"at": self._clock(), "what": what, **data}
            _write(self._events, orjson.dumps(record) + b"\n")

    def tell(self, events: Sequence[Event], *, start_us: int, tick_us: int) -> None:
        """The model's changes; those told by an earlier start of the same run are left out."""
        lines = []
        for event in events if self._events is not None else ():
            if event.number <= self._told.get(event.stream, 0):
                continue
            self._told[event.stream] = event.number
            lines.append(
                orjson.dumps(
                    {
                        "at": start_us + event.tick * tick_us,
                        "tick": event.tick,
                        "stream": event.stream,
                        "n": event.number,
                        "what": event.what,
                        **event.data,
                    }
                )
            )
        if lines and self._events is not None:
            _write(self._events, b"\n".join(lines) + b"\n")

    # -- what was handed out (the servers' witness) -----------------------------------------

    def modbus_answer(
        self, *, line: str, unit: int, table: Table, address: int, count: int, body: bytes
    ) -> None:
        """[at, line, "m", unit, table, address, count, body in hex]."""
        if self._answers is not None:
            what = f'"{line}","m",{unit},"{table}",{address},{count},"{body.hex()}"'
            told = f"[{self._clock()},{what}]\n"
            _write(self._answers, told.encode())

    def opcua_answer(
        self,
        *,
        line: str,
        how: How,
        places: Sequence[int],
        values: Sequence[Served],
        source_us: Sequence[int],
        statuses: Sequence[int],
    ) -> None:
        """[at, line, "r" or "n", places, values, source time or times, statuses or 0]."""
        if self._answers is not None and places:
            stamp = source_us[0] if len(set(source_us)) == 1 else source_us
            status = statuses if any(statuses) else 0
            told = [self._clock(), line, how[0], places, values, stamp, status]
            _write(self._answers, orjson.dumps(told) + b"\n")

    def write_attempt(self, *, line: str, target: str, answer: str) -> None:
        """Somebody tried to write."""
        self.note("write_attempt", line=line, target=target, answer=answer)


def _append(path: Path) -> FileIO:
    """The file, ready for whole lines: a torn last line is closed off, not removed."""
    file = FileIO(path, "a+")
    size = file.seek(0, 2)
    if size:
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.write(b"\n")
    return file


def _write(file: FileIO, told: bytes) -> None:
    written = file.write(told)
    if written != len(told):
        raise SimulatorError("LS-7006", file=file.name)


def _last_numbers(path: Path, run: str) -> dict[str, int]:
    """The last event number of each stream in the log; refuses the log of another run."""
    told: dict[str, int] = {}
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return told
    with file:
        for line in file:
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue  # torn by a kill; the event was told to nobody and comes again
            if record.get("what") == "start" and record.get("run") != run:
                raise SimulatorError("LS-7007", folder=path.parent)
            if "stream" in record:
                told[record["stream"]] = record["n"]
    return told
