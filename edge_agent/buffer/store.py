"""The buffer file: one SQLite database in WAL mode, opened by one agent, over one connection.

Invariants:
- every opening is a new epoch whose first record in each class names the epoch before; only the
  current epoch grows, older ones are sent byte for byte;
- when `append` returns, its records are on disk (synchronous=FULL) and numbered without holes; when
  it raises, none is and no number is used;
- a record nobody has acknowledged leaves only by `evict`, which puts a tombstone in its place in
  the same transaction; an acknowledgement deletes nothing by itself;
- `acked` may be older on disk than in memory (then records are sent again), but it is written with
  whatever deletes because of it;
- one connection per file, locked exclusively: a second agent is refused. Transactions and reads
  never interleave, so nothing is read that is not yet durable;
- what changes the file runs to its end even if its caller is cancelled: memory and file agree.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

import aiosqlite

from edge_agent.buffer import (
    answers,
    copies,
    mending,
    opening,
    orders,
    received,
    room,
    salvage,
)
from edge_agent.buffer.chain import Chain, begin, forget_old, next_place, read_chain
from edge_agent.buffer.finish import to_the_end
from edge_agent.buffer.numbering import seqs
from edge_agent.buffer.orders import DispatchedOrder
from edge_agent.buffer.queries import named
from edge_agent.buffer.records import insert, is_fixed, is_sound
from edge_agent.buffer.retention import decide, headroom, shortage
from edge_agent.buffer.rows import (
    Bounds,
    Entry,
    Eviction,
    Place,
    Salvage,
    Stored,
    StreamState,
    Usage,
)
from runtime.clock import Clock
from runtime.errors import LinesideError, RetryLater
from wire.frame import StreamClass
from wire.ids import EdgeId
from wire.records import Cause

_CHECK_BELOW_BYTES = 256 * 1024 * 1024


class BufferBlocked(RetryLater):
    """The disk does not take anything now: full, read-only, or failing."""


class BufferDamaged(LinesideError):
    """The file is damaged; open it again, which salvages what can be read."""


class Store:
    """The buffer in `path`; `async with` opens a new epoch, leaving it in order closes it."""

    def __init__(
        self, path: Path, edge: EdgeId, *, agent: str, clock: Clock, min_free_bytes: int = 0
    ) -> None:
        self.path = path
        self.edge = edge
        self.streams: dict[Place, StreamState] = {}
        """Every stream known, by place in the chain and class."""
        self.ord = 0
        """The current epoch's place in the chain."""
        self.salvaged: Salvage | None = None
        """What became of a file that could not be read at this opening."""
        self.grown = asyncio.Event()
        """Set whenever there is more to send; whoever waits for it clears it."""
        self.damaged = asyncio.Event()
        """Set when the file was found damaged: close it and open it again."""
        self._agent = agent
        self._clock = clock
        self._min_free_bytes = min_free_bytes
        self._db: aiosqlite.Connection | None = None
        self._lock = asyncio.Lock()
        self._stale: set[Place] = set()  # acked in memory is ahead of the file
        self._marked: dict[Place, int] = {}
        self._sql = named()

    @property
    def epoch(self) -> UUID:
        """The epoch in which this agent numbers."""
        return self.streams[Place(ord=self.ord, cls=StreamClass.KEY)].epoch

    # -- opening and closing ---------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Open, salvaging a damaged file first.

        Raises Reconfigure (in use by another agent, not writable, from a later release).
        """
        await asyncio.to_thread(self.path.parent.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(salvage.finish, self.path, now_us=self._clock())
        if await asyncio.to_thread(opening.marker(self.path).exists):
            await self._open_salvaged("found damaged while in use")
        else:
            try:
                await self._open()
            except opening.Unreadable as error:
                await self._open_salvaged(str(error))
        await asyncio.to_thread(copies.forget, self.path, min_free_bytes=self._min_free_bytes)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, in order unless an error got here: the next epoch then says so."""
        await to_the_end(self._close(clean=kind is None))

    async def _close(self, *, clean: bool) -> None:
        db = self._db
        if db is None:
            return
        try:
            if clean:
                async with self._transaction():
                    values = {"ord": self.ord, "at_us": self._clock()}
                    await db.execute(self._sql["close_epoch"], values)
        finally:
            self._db = None
            # Closing copies the log into the file, which a bad disk may refuse: the log stays then.
            with suppress(sqlite3.Error):
                await db.close()

    async def _open_salvaged(self, reason: str) -> None:
        self.salvaged = await asyncio.to_thread(
            salvage.salvage, self.path, reason=reason, now_us=self._clock()
        )
        try:
            await self._open()
        except opening.Unreadable as error:
            raise RetryLater("LS-4104", file=str(self.path), reason=str(error)) from error

    async def _open(self) -> None:
        db = self._db = await opening.connect(self.path)
        try:
            await opening.prepare(db, self.path, check_below=_CHECK_BELOW_BYTES)
            await self._begin(await read_chain(db))
        except BaseException as error:
            self._db = None
            await db.close()
            if isinstance(error, sqlite3.Error):
                raise opening.verdict(error, self.path) from error
            if isinstance(error, BufferDamaged):
                raise opening.Unreadable(str(error)) from error
            raise

    async def _begin(self, known: Chain) -> None:
        """Begin the epoch: its rows and its first record in each class."""
        self.streams, self._marked = known.streams, known.marked
        self.ord = next_place(known)
        now_us = self._clock()
        async with self._transaction() as db:
            forgotten = await forget_old(db, known)
            grown = await begin(db, known, self.edge, agent=self._agent, now_us=now_us)
        for place in forgotten:
            self.streams.pop(place, None)
        self.streams.update({state.place: state for state in grown.values()})

    # -- growing ---------------------------------------------------------------------------------

    async def append(self, entries: Sequence[Entry], *, receipts: Sequence[UUID] = ()) -> None:
        """Number the entries, in order, and make them durable, all or none.

        `receipts`: the ids under which somebody sent what is in them, for `has_received`. Writes
        down that the agent is running, too. Raises BufferBlocked or BufferDamaged.
        """
        await to_the_end(self._append(entries, receipts))

    async def _append(self, entries: Sequence[Entry], receipts: Sequence[UUID]) -> None:
        now_us = self._clock()
        async with self._transaction() as db:
            current = {cls: self.streams[Place(ord=self.ord, cls=cls)] for cls in StreamClass}
            last = {cls: state.last_seq for cls, state in current.items()}
            given = seqs(last, [entry.cls for entry in entries])
            grown = await insert(db, current, entries, given, now_us)
            await db.execute(self._sql["alive"], {"ord": self.ord, "at_us": now_us})
            await self._save_acked(db)
            await received.remember(db, receipts, now_us)
        for cls, state in grown.items():
            held = current[cls]
            held.last_seq, held.from_us, held.to_us = state.last_seq, state.from_us, state.to_us
            held.records += sum(entry.cls is cls for entry in entries)
            held.fixed += sum(entry.cls is cls and is_fixed(entry) for entry in entries)
        if entries:
            self.grown.set()

    # -- reading and acknowledging ---------------------------------------------------------------

    async def read(self, place: Place, seq: int, *, most: int) -> list[Stored]:
        """The record that covers `seq` and up to `most - 1` behind it, as far as there are.

        A record whose bytes went bad on disk is replaced by a tombstone (corrupt) first.
        """
        values = {"ord": place.ord, "cls": place.cls, "seq": seq, "most": most}
        async with self._reading() as db:
            rows = await db.execute_fetchall(self._sql["records_from"], values)
        found: list[Stored] = []
        for row in rows:
            stored = Stored(seq=row[0], through=row[1], body=row[2])
            if stored.through < seq:
                continue
            if not is_sound(stored, self.streams[place]):
                await to_the_end(self._bury_damaged(place, stored))
                return [*found, *await self.read(place, stored.seq, most=1)]
            found.append(stored)
        return found

    async def _bury_damaged(self, place: Place, stored: Stored) -> None:
        async with self._transaction() as db:
            plan = await mending.burial_of(db, place, stored)
            await room.apply(db, plan, self.streams, self._clock())
        await self._recount()

    def acknowledged(self, place: Place, acked: int) -> None:
        """The server has everything of the stream up to `acked`; written with the next commit."""
        state = self.streams[place]
        if acked > state.acked:
            state.acked = min(acked, state.last_seq)
            self._stale.add(place)

    async def rewind(self, place: Place, cursor: int) -> int:
        """The server has only up to `cursor` any more: what is held is unacknowledged again.

        What is not held any more becomes tombstones (lost_database); returns how many.
        """
        return await to_the_end(self._rewind(place, cursor, "lost_database"))

    async def mend(self, place: Place) -> int:
        """Put tombstones (corrupt) where unacknowledged records are missing; returns how many."""
        return await to_the_end(self._rewind(place, self.streams[place].acked, "corrupt"))

    async def _rewind(self, place: Place, cursor: int, cause: Cause) -> int:
        state = self.streams[place]
        async with self._transaction() as db:
            missing = await mending.rewind(db, state, cursor, now_us=self._clock(), cause=cause)
        self._stale.discard(place)
        self._marked.pop(place, None)
        state.acked = cursor
        state.records += missing
        self.grown.set()
        return missing

    async def held_from(self) -> dict[Place, int]:
        """The lowest seq held of every stream that holds any."""
        async with self._reading() as db:
            rows = await db.execute_fetchall(self._sql["held"])
        return {Place(ord=row[0], cls=StreamClass(row[1])): row[2] for row in rows}

    async def oldest_unacked(self, place: Place) -> tuple[int, int] | None:
        """Event time, and time on disk, of the stream's oldest unacknowledged record."""
        values = {"ord": place.ord, "cls": place.cls, "acked": self.streams[place].acked}
        async with self._reading() as db:
            rows = list(await db.execute_fetchall(self._sql["oldest_unacked"], values))
        return (rows[0][0], rows[0][1]) if rows else None

    # -- room ------------------------------------------------------------------------------------

    async def usage(self) -> Usage:
        """What the file takes and the volume has left, in bytes."""
        async with self._reading() as db:
            return await room.usage_of(db, self.path.parent)

    async def evict(
        self, bounds: Bounds, *, sent: Mapping[Place, int] | None = None
    ) -> tuple[Eviction, bool]:
        """Make room as `retention.decide` says; and whether there may be more to do.

        `sent[place]` is the last seq that is under way just now: up to there nothing is buried.
        """
        return await to_the_end(self._evict(bounds, sent or {}))

    async def _evict(self, bounds: Bounds, sent: Mapping[Place, int]) -> tuple[Eviction, bool]:
        now_us = self._clock()
        before_us = now_us - bounds.keep_acked_us
        async with self._transaction() as db:
            usage = await room.usage_of(db, self.path.parent)
            rows = await room.candidates(
                db, self.streams, current=self.ord, sent=sent, keep_before_us=before_us
            )
            plan = decide(rows, usage, now_us=now_us, bounds=bounds)
            await room.apply(db, plan, self.streams, now_us)
            await room.mark(db, self.streams, self._marked, now_us, drop_before_us=before_us)
            await self._save_acked(db)
        if plan:
            await self._recount()
        if plan.delete and shortage(usage, bounds):
            async with self._reading() as db:
                await room.give_back(db, keep=headroom(bounds))
        return plan, bool(plan) and len(rows) >= room.CANDIDATES

    async def _recount(self) -> None:
        async with self._reading() as db:
            for row in await db.execute_fetchall(self._sql["streams"]):
                state = self.streams[Place(ord=row[0], cls=StreamClass(row[1]))]
                state.records, state.fixed = row[6], row[7]

    async def has_received(self, receipt: UUID) -> bool:
        """Whether what was sent under this id is durable; the newest 20,000 ids are known."""
        async with self._reading() as db:
            return await received.is_known(db, receipt)

    # -- commands --------------------------------------------------------------------------------

    async def answer_of(self, command: UUID) -> bytes | None:
        """What was answered to a command before, None if it is new."""
        async with self._reading() as db:
            return await answers.answer_of(db, command)

    async def answered(self, command: UUID, answer: bytes) -> None:
        """Remember the answer, so that a repeated command gets the same."""
        await to_the_end(self._answered(command, answer))

    async def _answered(self, command: UUID, answer: bytes) -> None:
        async with self._transaction() as db:
            await answers.remember(db, command, answer, self._clock())

    async def take_order(self, order: DispatchedOrder) -> bool:
        """Keep what the server says of an order, if it is news; False: there are too many."""
        return await to_the_end(self._take_order(order))

    async def _take_order(self, order: DispatchedOrder) -> bool:
        async with self._transaction() as db:
            return await orders.take(db, order)

    async def dispatched_orders(self) -> list[DispatchedOrder]:
        """What there is to do at this line, by equipment and rank; at most 1,000."""
        async with self._reading() as db:
            return await orders.dispatched(db)

    # -- the connection --------------------------------------------------------------------------

    def _opened(self) -> aiosqlite.Connection:
        if self._db is None:
            raise ValueError("the buffer is not open")
        return self._db

    async def _save_acked(self, db: aiosqlite.Connection) -> None:
        for place in tuple(self._stale):
            # First, so that an acknowledgement that comes while the file is written is kept.
            self._stale.discard(place)
            values = {"ord": place.ord, "cls": place.cls, "acked": self.streams[place].acked}
            await db.execute(self._sql["acked"], values)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._lock:
            try:
                yield self._opened()
            except sqlite3.Error as error:
                raise await self._failed(error) from error

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        async with self._lock:
            db = self._opened()
            stale = set(self._stale)
            try:
                await db.execute("begin immediate")
                yield db
                await db.execute("commit")
            except BaseException as error:
                self._stale |= stale
                with suppress(sqlite3.Error):
                    await db.execute("rollback")
                if isinstance(error, sqlite3.Error):
                    raise await self._failed(error) from error
                raise

    async def _failed(self, error: sqlite3.Error) -> LinesideError:
        params = {"file": str(self.path), "reason": str(error)}
        if opening.is_damage(error):
            await asyncio.to_thread(opening.marker(self.path).touch)
            self.damaged.set()
            return BufferDamaged("LS-4105", **params)
        return BufferBlocked("LS-4104", **params)
