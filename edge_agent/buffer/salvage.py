"""Takes what can be read of a damaged buffer file into a fresh one, and accounts for the rest.

The damaged file is kept beside it (`buffer.db.damaged-<time>`), for people. Records vouch for
themselves: each carries epoch, class, seq and checksums, so that they are taken wherever they are
found, under their own numbers. What is missing of a stream whose extent is known becomes tombstones
(corrupt). Works in a thread, with the sqlite3 module: neither file is open elsewhere.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from edge_agent.buffer import opening
from edge_agent.buffer.copies import aside, complete_of, files_of
from edge_agent.buffer.queries import added, named, schema
from edge_agent.buffer.records import holes, is_sound, tombstone_values
from edge_agent.buffer.rows import Place, Salvage, Stored, StreamState
from runtime import platform
from wire.columns import LATEST_US
from wire.errors import WireError
from wire.frame import Kind, StreamClass, read_prefix

_AT_ONCE = 256
_MOST_ID = 2**40
_MOST_FAILURES = 20_000
_BESIDE = {
    "command": "id, at_us, answer",
    "received": "id, at_us",
    "dispatched_order": "order_no, equipment, revision, state, product, quantity, due_us, rank,"
    " note, at_us",
}
"""What stands beside the streams; a file of an earlier release lacks some of it."""
_COLUMNS = "id, ord, cls, seq, through, kind, cause, exact, samples, from_us, to_us, at_us, body"


def salvage(path: Path, *, reason: str, now_us: int) -> Salvage:
    """Put the damaged `path` aside and make a fresh one of what can be read.

    Killed half-way, it begins again at the next start; killed after the fresh file was complete,
    `finish` does the rest.
    """
    fresh = path.with_name(path.name + ".fresh")
    for left in (*files_of(fresh), fresh.with_name(fresh.name + "-journal")):
        left.unlink(missing_ok=True)
    with closing(sqlite3.connect(fresh, isolation_level=None)) as new:
        new.execute("pragma auto_vacuum = incremental")
        new.execute("pragma synchronous = full")
        new.executescript(f"{schema()} {added()} pragma user_version = {opening.VERSION};")
        new.execute("begin")
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as old:
            # One text that is none must not end the reading of its table.
            old.text_factory = _as_text
            records, lost = _Transfer(old, new, now_us).run()
        new.execute("commit")
    fresh.replace(complete_of(path))
    copy = finish(path, now_us=now_us)
    return Salvage(file=str(copy), reason=reason, records=records, lost=lost)


def finish(path: Path, *, now_us: int) -> Path | None:
    """Put a complete fresh file in the place of the damaged one; where that was put, if so."""
    if not complete_of(path).exists():
        return None
    copy = aside(path, now_us)
    for source, target in zip(files_of(path), files_of(copy), strict=True):
        if source.exists():
            source.replace(target)
    opening.marker(path).unlink(missing_ok=True)
    complete_of(path).replace(path)
    platform.fsync_dir(path.parent)
    return copy


class _Transfer:
    def __init__(self, old: sqlite3.Connection, new: sqlite3.Connection, now_us: int) -> None:
        self._old = old
        self._new = new
        self._now_us = now_us
        self._ords: dict[UUID, int] = {}
        self._streams: dict[Place, StreamState] = {}
        self._failures = 0

    def run(self) -> tuple[int, int]:
        """Records taken over, and seqs given up."""
        self._epochs()
        records = sum(self._take(row) for row in self._readable())
        self._finish_streams()
        lost = self._entomb()
        for table, columns in _BESIDE.items():
            marks = ", ".join("?" * len(columns.split(",")))
            for row in self._rows(f"select {columns} from {table}"):  # noqa: S608
                with suppress(sqlite3.Error):  # a value that the column cannot have
                    self._new.execute(
                        f"insert or ignore into {table} ({columns}) values ({marks})",  # noqa: S608
                        row,
                    )
        return records, lost

    def _rows(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """The rows as far as they can be read."""
        try:
            yield from self._old.execute(statement)
        except sqlite3.Error:
            return

    def _epochs(self) -> None:
        known = self._rows("select ord, epoch, opened_us, alive_us, closed_us, agent from epoch")
        for ord_, epoch, opened_us, alive_us, closed_us, agent in known:
            sound = isinstance(epoch, bytes) and len(epoch) == 16 and isinstance(agent, str)
            times = (opened_us, alive_us, *([] if closed_us is None else [closed_us]))
            if sound and _counts(ord_, *times) and UUID(bytes=epoch) not in self._ords:
                self._add_epoch(UUID(bytes=epoch), ord_, opened_us, alive_us, closed_us, agent)
        for ord_, cls, last_seq, acked, from_us, to_us in self._rows(
            "select ord, cls, last_seq, acked, from_us, to_us from stream"
        ):
            if cls not in list(StreamClass) or not _counts(last_seq, acked):
                continue
            state = self._streams.get(Place(ord=ord_, cls=StreamClass(cls)))
            times = tuple(one for one in (from_us, to_us) if one is not None)
            if state is not None and _counts(*times):
                state.last_seq, state.acked = last_seq, acked
                state.from_us, state.to_us = from_us, to_us

    def _add_epoch(
        self,
        epoch: UUID,
        ord_: int,
        opened_us: int,
        alive_us: int,
        closed_us: int | None,
        agent: str,
    ) -> None:
        self._new.execute(
            "insert into epoch (ord, epoch, opened_us, alive_us, closed_us, agent)"
            " values (?, ?, ?, ?, ?, ?)",
            (ord_, epoch.bytes, opened_us, alive_us, closed_us, agent),
        )
        self._ords[epoch] = ord_
        for cls in StreamClass:
            state = StreamState(ord=ord_, epoch=epoch, cls=cls)
            self._streams[state.place] = state
            self._new.execute(named()["open_stream"], {"ord": ord_, "cls": cls})

    def _readable(self) -> Iterator[tuple[Any, ...]]:
        """Every record that can be read, around the damaged pages."""
        try:
            most = self._old.execute("select max(id) from record").fetchone()[0] or 0
        except sqlite3.Error:
            most = _MOST_ID
        yield from self._between(0, min(most, _MOST_ID))

    def _between(self, after: int, upto: int) -> Iterator[tuple[Any, ...]]:
        statement = f"select {_COLUMNS} from record where id > ? and id <= ? order by id limit ?"  # noqa: S608
        while after < upto:
            try:
                rows = self._old.execute(statement, (after, upto, _AT_ONCE)).fetchall()
            except sqlite3.Error:
                self._failures += 1
                if upto - after > 1 and self._failures < _MOST_FAILURES:
                    middle = (after + upto) // 2
                    yield from self._between(after, middle)
                    yield from self._between(middle, upto)
                return
            yield from rows
            if len(rows) < _AT_ONCE:
                return
            after = rows[-1][0]

    def _take(self, row: tuple[Any, ...]) -> bool:
        """Take one record over, if its bytes are what they were."""
        body, seq, through = row[12], row[3], row[4]
        try:
            prefix = read_prefix(body)
        except (WireError, TypeError):
            return False
        if prefix.epoch not in self._ords:
            at_us = row[9] if _counts(row[9]) else self._now_us
            ord_ = max(self._ords.values(), default=0) + 1
            self._add_epoch(prefix.epoch, ord_, at_us, at_us, None, "")
        ord_ = self._ords[prefix.epoch]
        state = self._streams[Place(ord=ord_, cls=prefix.cls)]
        stored = Stored(seq=prefix.seq, through=through, body=body)
        single = prefix.kind is not Kind.TOMBSTONE
        cause = row[6]
        if not _counts(seq, through, *row[7:12]) or not isinstance(cause, str | None):
            return False
        if seq != prefix.seq or through < seq or (single and through != seq):
            return False
        if not is_sound(stored, state):
            return False
        values = [ord_, prefix.cls, seq, through, int(prefix.kind), *row[6:12], len(body), body]
        taken = self._new.execute(
            "insert or ignore into record (ord, cls, seq, through, kind, cause, exact, samples,"
            " from_us, to_us, at_us, size, body) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        ).rowcount
        state.last_seq = max(state.last_seq, through)
        state.from_us = row[9] if state.from_us is None else min(state.from_us, row[9])
        state.to_us = row[10] if state.to_us is None else max(state.to_us, row[10])
        return bool(taken)

    def _finish_streams(self) -> None:
        for state in self._streams.values():
            self._new.execute(
                "update stream set last_seq = ?, acked = ?, from_us = ?, to_us = ?"
                " where ord = ? and cls = ?",
                (
                    state.last_seq,
                    min(state.acked, state.last_seq),
                    state.from_us,
                    state.to_us,
                    state.ord,
                    state.cls,
                ),
            )

    def _entomb(self) -> int:
        lost = 0
        for state in self._streams.values():
            values = {"ord": state.ord, "cls": state.cls, "acked": state.acked}
            places = self._new.execute(named()["places"], values).fetchall()
            missing = holes(places, state, after=state.acked, now_us=self._now_us, cause="corrupt")
            for run in missing:
                self._new.execute(named()["append"], tombstone_values(run, state, self._now_us))
                lost += run.through - run.seq + 1
        return lost


def _counts(*values: object) -> bool:
    """Whether all of these are numbers or times that may stand in such a column."""
    return all(isinstance(value, int) and 0 <= value < LATEST_US for value in values)


def _as_text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
