"""The chain of epochs in the buffer file: what is known of it, and how the next one begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import aiosqlite

from edge_agent.buffer.opening import Unreadable, new_epoch
from edge_agent.buffer.queries import named
from edge_agent.buffer.records import insert
from edge_agent.buffer.rows import Entry, Place, StreamState
from wire.frame import StreamClass
from wire.ids import EdgeId
from wire.records import Opening, Predecessor, encode_record

EPOCHS_KEPT: Final = 1_000
"""How many epochs are remembered after their records are gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """Every epoch and stream in the file."""

    epochs: dict[int, Predecessor]
    """By place in the chain, as an opening names them, but for `last_seq`."""
    streams: dict[Place, StreamState]
    marked: dict[Place, int]
    """When each stream's acknowledgements were last marked, microseconds since the epoch."""


async def read_chain(db: aiosqlite.Connection) -> Chain:
    """What the file knows. Raises Unreadable where it says what was never written."""
    try:
        return await _read_chain(db)
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(f"a row of the chain: {error!r:.200}") from error


async def _read_chain(db: aiosqlite.Connection) -> Chain:
    sql = named()
    epochs = {
        row[0]: Predecessor(
            epoch=UUID(bytes=row[1]), last_seq=0, clean=row[4] is not None, alive_us=row[3]
        )
        for row in await db.execute_fetchall(sql["epochs"])
    }
    streams = {}
    for row in await db.execute_fetchall(sql["streams"]):
        if not all(isinstance(value, int) for value in (*row[2:4], *row[6:8])):
            raise TypeError(row[:4])
        state = StreamState(
            ord=row[0],
            epoch=epochs[row[0]].epoch,
            cls=StreamClass(row[1]),
            last_seq=row[2],
            acked=row[3],
            from_us=row[4],
            to_us=row[5],
            records=row[6],
            fixed=row[7],
        )
        streams[state.place] = state
    marks = await db.execute_fetchall(sql["newest_marks"])
    marked = {Place(ord=row[0], cls=StreamClass(row[1])): row[2] for row in marks}
    return Chain(epochs=epochs, streams=streams, marked=marked)


def next_place(known: Chain) -> int:
    """The place in the chain of the epoch that comes next."""
    return max(known.epochs, default=0) + 1


async def begin(
    db: aiosqlite.Connection, known: Chain, edge: EdgeId, *, agent: str, now_us: int
) -> dict[StreamClass, StreamState]:
    """Write down the next epoch, its streams and their first records, in the caller's transaction.

    Returns the streams as they are once that is committed.
    """
    sql, ord_, epoch = named(), next_place(known), new_epoch()
    values = {"ord": ord_, "epoch": epoch.bytes, "at_us": now_us, "agent": agent}
    await db.execute(sql["open_epoch"], values)
    for cls in StreamClass:
        await db.execute(sql["open_stream"], {"ord": ord_, "cls": cls})
    states = {cls: StreamState(ord=ord_, epoch=epoch, cls=cls) for cls in StreamClass}
    entries = _first_records(known, ord_ - 1, edge, agent=agent, now_us=now_us)
    return await insert(db, states, entries, [1] * len(entries), now_us)


def _first_records(
    known: Chain, before: int, edge: EdgeId, *, agent: str, now_us: int
) -> list[Entry]:
    """The opening of each class, naming the epoch at place `before` (0 for none)."""
    entries = []
    for cls in StreamClass:
        predecessor = known.epochs.get(before)
        if predecessor is not None:
            last = known.streams.get(Place(ord=before, cls=cls))
            said = {"last_seq": 0 if last is None else last.last_seq}
            predecessor = predecessor.model_copy(update=said)
        record = Opening(
            plant=edge.plant,
            edge=edge.edge,
            opened_us=now_us,
            agent=agent,
            predecessor=predecessor,
        )
        body = encode_record(record)
        entries.append(Entry(cls=cls, body=body, from_us=now_us, to_us=now_us))
    return entries


async def forget_old(db: aiosqlite.Connection, known: Chain) -> list[Place]:
    """Forget epochs of which nothing is left, but for the newest thousand; their streams."""
    forgotten: list[Place] = []
    for ord_ in sorted(known.epochs)[:-EPOCHS_KEPT]:
        places = [Place(ord=ord_, cls=cls) for cls in StreamClass]
        states = [known.streams[place] for place in places if place in known.streams]
        if any(state.records or state.acked < state.last_seq for state in states):
            continue
        for name in ("forget_marks", "forget_stream", "forget_epoch"):
            await db.execute(named()[name], {"ord": ord_})
        forgotten += places
    return forgotten
