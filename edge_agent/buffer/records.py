"""How records become rows of the buffer file, and what stands for those that are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aiosqlite

from edge_agent.buffer.queries import named
from edge_agent.buffer.rows import Entry, Place, Row, Run, Stored, StreamState
from wire.errors import WireError
from wire.frame import Kind, StreamClass, frame, read_prefix, unpack_body
from wire.records import Cause, Tombstone, encode_record


def values_of(
    place: Place,
    *,
    seq: int,
    through: int,
    kind: Kind,
    body: bytes,
    samples: int,
    from_us: int,
    to_us: int,
    at_us: int,
    cause: str | None = None,
    exact: bool = True,
) -> dict[str, Any]:
    """The parameters of the statement `append`."""
    return {
        "ord": place.ord,
        "cls": str(place.cls),
        "seq": seq,
        "through": through,
        "kind": int(kind),
        "cause": cause,
        "exact": int(exact),
        "samples": samples,
        "from_us": from_us,
        "to_us": to_us,
        "at_us": at_us,
        "size": len(body),
        "body": body,
    }


def row_of(place: Place, raw: Sequence[Any], *, acked: bool = False, kept_until: int = 0) -> Row:
    """A row of the statement `rows_of`; `kept_until`: up to there it was kept long enough."""
    return Row(
        id=raw[0],
        ord=place.ord,
        cls=place.cls,
        seq=raw[1],
        through=raw[2],
        tombstone=raw[4] if raw[3] == Kind.TOMBSTONE else None,
        exact=bool(raw[5]),
        samples=raw[6],
        from_us=raw[7],
        to_us=raw[8],
        at_us=raw[9],
        size=raw[10],
        acked=acked,
        kept_enough=acked and raw[2] <= kept_until,
    )


def run_of(row: Row) -> Run:
    """One damaged record, to be replaced by a tombstone."""
    return Run(
        ord=row.ord,
        cls=row.cls,
        seq=row.seq,
        through=row.through,
        ids=(row.id,),
        samples=row.samples,
        from_us=row.from_us,
        to_us=row.to_us,
        exact=row.exact,
        cause="corrupt",
    )


def is_fixed(entry: Entry) -> bool:
    """Whether a record is needed as long as its stream is: openings and tag tables."""
    return entry.body.kind in (Kind.OPENING, Kind.TAGS)


def is_sound(stored: Stored, state: StreamState) -> bool:
    """Whether the bytes on disk are still those that were written there."""
    try:
        prefix = read_prefix(stored.body)
        unpack_body(stored.body, prefix)
    except WireError:
        return False
    return (prefix.epoch, prefix.cls, prefix.seq) == (state.epoch, state.cls, stored.seq)


def holes(
    places: Sequence[Sequence[int]],
    state: StreamState,
    *,
    after: int,
    now_us: int,
    cause: Cause = "lost_database",
) -> list[Run]:
    """What is missing of a stream behind seq `after`, as tombstones of unknown content.

    `places`: (seq, through, from_us, to_us) of what is held behind it, in order. The span of a hole
    reaches from what was taken before to what was taken behind it.
    """
    found: list[Run] = []
    next_seq = after + 1
    known_us = state.from_us
    last_us = state.to_us if state.to_us is not None else now_us
    bounds = [*places, (state.last_seq + 1, state.last_seq, last_us, last_us)]
    for seq, through, from_us, to_us in bounds:
        if seq > next_seq:
            since_us = from_us if known_us is None else min(known_us, from_us)
            found.append(
                Run(
                    ord=state.ord,
                    cls=state.cls,
                    seq=next_seq,
                    through=seq - 1,
                    ids=(),
                    samples=0,
                    from_us=since_us,
                    to_us=from_us,
                    exact=False,
                    cause=cause,
                )
            )
        next_seq, known_us = max(next_seq, through + 1), to_us
    return found


def tombstone_values(run: Run, state: StreamState, now_us: int) -> dict[str, Any]:
    """The parameters of the statement `append` for the tombstone of a run."""
    tombstone = Tombstone(
        through=run.through,
        from_us=run.from_us,
        to_us=run.to_us,
        samples=run.samples,
        exact=run.exact,
        cause=run.cause,
    )
    body = frame(epoch=state.epoch, cls=state.cls, seq=run.seq, body=encode_record(tombstone))
    return values_of(
        state.place,
        seq=run.seq,
        through=run.through,
        kind=Kind.TOMBSTONE,
        body=body,
        samples=run.samples,
        from_us=run.from_us,
        to_us=run.to_us,
        at_us=now_us,
        cause=run.cause,
        exact=run.exact,
    )


async def insert(
    db: aiosqlite.Connection,
    current: Mapping[StreamClass, StreamState],
    entries: Sequence[Entry],
    given: Sequence[int],
    now_us: int,
) -> dict[StreamClass, StreamState]:
    """Insert entries under the numbers given; the streams as they are once that is committed."""
    after: dict[StreamClass, StreamState] = {}
    rows = []
    for entry, seq in zip(entries, given, strict=True):
        known = after.get(entry.cls, current[entry.cls])
        body = frame(epoch=known.epoch, cls=entry.cls, seq=seq, body=entry.body)
        rows.append(
            values_of(
                known.place,
                seq=seq,
                through=seq,
                kind=entry.body.kind,
                body=body,
                samples=entry.samples,
                from_us=entry.from_us,
                to_us=entry.to_us,
                at_us=now_us,
            )
        )
        after[entry.cls] = StreamState(
            ord=known.ord,
            epoch=known.epoch,
            cls=known.cls,
            last_seq=seq,
            acked=known.acked,
            from_us=entry.from_us if known.from_us is None else min(known.from_us, entry.from_us),
            to_us=entry.to_us if known.to_us is None else max(known.to_us, entry.to_us),
            records=known.records + 1,
            fixed=known.fixed + is_fixed(entry),
        )
    await db.executemany(named()["append"], rows)
    for state in after.values():
        await db.execute(
            named()["grow"],
            {
                "ord": state.ord,
                "cls": state.cls,
                "last_seq": state.last_seq,
                "from_us": state.from_us,
                "to_us": state.to_us,
            },
        )
    return after
