"""A group of records decided one after the other, before anything of it is written.

Invariants:
- a draft works on copies: what the committer remembers changes only once the draft is committed;
- each record is decided on the state that the records before it leave behind;
- rows of edges and tags that are made on the way say only who exists; all else waits for the
  transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ingest_server.receive.arrival import Arrival, dead_letter, read_content
from ingest_server.receive.decide import (
    Action,
    Content,
    Reason,
    SampleBatch,
    Verdict,
    decide,
    move_past,
    needs_content,
)
from ingest_server.store import edges
from ingest_server.store.changes import Changes, RecordRows
from ingest_server.store.copyrows import readings_of
from ingest_server.store.rows import EdgeRow, TagMap, shape_of
from wire.control import Refusal
from wire.errors import BadBody, DamagedBody, UnknownVersion
from wire.records import Events, TagTable

if TYPE_CHECKING:
    from uuid import UUID

    from ingest_server.store.connection import Connection
    from ingest_server.store.copyrows import Readings
    from ingest_server.store.errors import BadBatch
    from ingest_server.store.rows import DeadLetterRow, StreamRow
    from wire.control import Rewind
    from wire.errors import WireError
    from wire.frame import Prefix
    from wire.ids import EdgeId

_AHEAD_US = 5_000_000
_LAG_US = 30_000_000
"""By so much at most the newest reading of a stream is ahead of what it is complete to.

Rather too much than too little. Within it each reading is compared with what was folded last of
its own tag, which takes nothing away from a stream that is alone, as that of a replaced buffer; a
second reader's that is not compared counts twice.
"""
MOST_EPOCHS = 16
"""Tag maps remembered for each edge."""
MOST_TAG_NUMBER = 1_000_000
"""Edges number their tags from 1 on; a map is an array up to the highest number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is remembered of an edge between transactions; the transaction checks that it holds."""

    row: EdgeRow
    tags: dict[UUID, TagMap] = field(default_factory=dict)

    def with_tags(self, epoch: UUID, tags: TagMap) -> Known:
        """The same with the map of an epoch; the oldest remembered one goes."""
        kept = {**{key: value for key, value in self.tags.items() if key != epoch}, epoch: tags}
        while len(kept) > MOST_EPOCHS:
            kept.pop(next(iter(kept)))
        return replace(self, tags=kept)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one message, for the answer to its edge; `row` None: no answer is due.

    `defect`: what failed in this program where the message could not be dealt with.
    """

    reason: str
    row: EdgeRow | None = None
    applied: int = 0
    urgent: bool = False
    rows: int = 0
    hello: bool = False
    rewinds: tuple[Rewind, ...] = ()
    refused: tuple[Refusal, ...] = ()
    error: WireError | None = None
    defect: Exception | None = None


class Draft:
    """Decides records in order and collects what they change.

    `known` is read, never written. `refused`: the database refuses the values of this (lone)
    record, which is therefore moved past. Raises StoreError.
    """

    def __init__(
        self,
        connection: Connection,
        known: dict[EdgeId, Known],
        *,
        now_us: int,
        refused: BadBatch | None = None,
        lose_every: int = 0,
    ) -> None:
        self.known: dict[EdgeId, Known] = {}
        self._connection = connection
        self._before = known
        self._first: dict[EdgeId, EdgeRow] = {}
        self._now_us = now_us
        self._refused = refused
        self._lose_every = lose_every
        self._records: list[RecordRows] = []
        self._dead_letters: list[DeadLetterRow] = []
        self._set_aside: set[tuple[bytes, str]] = set()

    def changes(self) -> Changes | None:
        """All that is to be written in one transaction; None for nothing."""
        if not self._records and not self._dead_letters:
            return None
        pairs = [(self._first[edge], known.row) for edge, known in self.known.items()]
        return Changes(edges=pairs, records=self._records, dead_letters=self._dead_letters)

    def take(self, arrival: Arrival) -> Outcome:
        """Decide one message that is not a status."""
        if arrival.prefix is None or arrival.edge is None:
            return self._unreadable(arrival)
        prefix, known = arrival.prefix, self._edge(arrival.edge)
        cursor = known.row.cursor(prefix.epoch, prefix.cls)
        content = arrival.content
        if content is None and needs_content(cursor, prefix):
            content = read_content(arrival.payload, prefix)
        is_next = prefix.seq == cursor + 1
        if self._refused is not None and is_next:
            verdict = move_past(
                known.row,
                prefix,
                reason=Reason.REFUSED_BY_DATABASE,
                error=BadBody(self._refused.code, **self._refused.params),
                now_us=self._now_us,
            )
        else:
            verdict = decide(
                known.row,
                prefix,
                content,
                now_us=self._now_us,
                flaw=self._flaw(arrival.edge, prefix, content) if is_next else None,
                seen_before=is_next and isinstance(content, DamagedBody) and self._seen(arrival),
            )
        return self._carry_out(arrival, arrival.edge, prefix, content, verdict)

    def _carry_out(
        self,
        arrival: Arrival,
        edge: EdgeId,
        prefix: Prefix,
        content: Content | None,
        verdict: Verdict,
    ) -> Outcome:
        if verdict.error is not None:
            self._keep_dead(arrival, verdict.error, edge_id=self._edge(edge).row.edge_id)
        if verdict.stream is not None:
            useful = content if verdict.action is Action.APPLY else None
            self._record(edge, prefix, useful, verdict)
        return Outcome(
            reason=verdict.reason,
            row=self._edge(edge).row,
            applied=int(verdict.stream is not None),
            urgent=verdict.action is Action.HOLD,
            rows=arrival.rows if verdict.action is Action.APPLY else 0,
            rewinds=verdict.rewinds,
            error=verdict.error,
        )

    def _record(
        self, edge: EdgeId, prefix: Prefix, content: Content | None, verdict: Verdict
    ) -> None:
        assert verdict.stream is not None  # noqa: S101 - the caller looked
        known = self._edge(edge)
        stream = verdict.stream
        # A stream whose folds stand still holds those that follow it: folds go by stream order.
        before = [row for row in known.row.streams.values() if row.cls is prefix.cls]
        if all(row.applied == row.cursor for row in before):
            stream = replace(stream, applied=stream.cursor)
        numbers: dict[int, int] = {}
        readings = None
        if isinstance(content, TagTable):
            ids = edges.ensure_tags(self._connection, known.row.edge_id, prefix.cls, content.tags)
            numbers = dict(zip([tag.n for tag in content.tags], ids, strict=True))
            added = [(tag.n, numbers[tag.n], shape_of(tag)) for tag in content.tags]
            tags = self._tags(edge, prefix.epoch).with_tags(added)
            known = self._edge(edge).with_tags(prefix.epoch, tags)
        elif isinstance(content, SampleBatch):
            readings = readings_of(content.samples, self._tags(edge, prefix.epoch))
            if self._lose_every and prefix.seq % self._lose_every == 0:
                readings = None
            known = self._edge(edge)
        self._records.append(
            RecordRows(
                edge_id=known.row.edge_id,
                batch=known.row.next_batch,
                epoch=prefix.epoch,
                cls=prefix.cls,
                seq=prefix.seq,
                readings=readings,
                complete_to_us=verdict.stream.last_to_us,
                interrupts=verdict.interrupts,
                beside=_is_beside(known.row, stream, readings, self._now_us),
                tag_numbers=numbers,
                gaps=verdict.gaps,
                outages=verdict.outages,
                notices=verdict.notices,
                events=content.events if isinstance(content, Events) else (),
            )
        )
        self.known[edge] = replace(known, row=known.row.with_stream(stream))

    def _unreadable(self, arrival: Arrival) -> Outcome:
        error = arrival.error or BadBody("LS-5401")
        if isinstance(error, UnknownVersion) and arrival.edge is not None:
            row = self._edge(arrival.edge).row
            self._keep_dead(arrival, error, edge_id=row.edge_id)
            refusal = Refusal(
                epoch=None, cls=None, seq=None, code=error.code, reason=str(error)[:500]
            )
            return Outcome(reason="unknown_version", row=row, refused=(refusal,), error=error)
        self._keep_dead(arrival, error, edge_id=None)
        return Outcome(reason="unreadable", error=error)

    def _flaw(self, edge: EdgeId, prefix: Prefix, content: Content | None) -> BadBody | None:
        if isinstance(content, SampleBatch):
            number = self._tags(edge, prefix.epoch).undefined(content.samples.tag)
            return None if number is None else BadBody("LS-5405", number=number)
        if isinstance(content, TagTable):
            tags = self._tags(edge, prefix.epoch).tag_id
            seen: set[int] = set()
            for tag in content.tags:
                if tag.n > MOST_TAG_NUMBER:
                    return BadBody("LS-5417", number=tag.n, limit=MOST_TAG_NUMBER)
                if tag.n in seen or (tag.n < tags.shape[0] and tags[tag.n]):
                    return BadBody("LS-5409", number=tag.n)
                seen.add(tag.n)
        return None

    def _edge(self, edge: EdgeId) -> Known:
        if edge not in self.known:
            known = self._before.get(edge)
            if known is None:
                known = Known(row=edges.load_edge(self._connection, edge))
            self.known[edge] = known
            self._first[edge] = known.row
        return self.known[edge]

    def _tags(self, edge: EdgeId, epoch: UUID) -> TagMap:
        known = self._edge(edge)
        if epoch not in known.tags:
            tags = edges.load_tags(self._connection, known.row.edge_id, epoch)
            known = self.known[edge] = known.with_tags(epoch, tags)
        return known.tags[epoch]

    def _seen(self, arrival: Arrival) -> bool:
        key = (arrival.sha256, arrival.topic)
        return key in self._set_aside or edges.was_set_aside(self._connection, *key)

    def _keep_dead(self, arrival: Arrival, error: WireError, *, edge_id: int | None) -> None:
        self._set_aside.add((arrival.sha256, arrival.topic))
        self._dead_letters.append(dead_letter(arrival, error, edge_id=edge_id))


def _is_beside(edge: EdgeRow, stream: StreamRow, readings: Readings | None, now_us: int) -> bool:
    """Whether a stream that is no part of this one's chain tells of the same time.

    How far a stream is complete lags behind its newest reading, by as long as its slowest source
    takes to answer; the reading was counted all the same. One that tells of times to come says
    nothing: the clock of its edge was wrong.
    """
    if readings is None or not len(readings):
        return False
    rows = [row for row in edge.streams.values() if row.cls is stream.cls]
    if not any(row.forked for row in rows):
        return False
    followed = {row.predecessor for row in rows}
    oldest_us = int(readings.ts.min())
    return any(
        row.last_to_us is not None
        and oldest_us <= row.last_to_us + _LAG_US
        and row.last_to_us <= now_us + _AHEAD_US
        for row in rows
        if row.epoch != stream.epoch and row.epoch not in followed
    )
