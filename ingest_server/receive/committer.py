"""Groups of messages to the database, in a thread of its own: together, or each alone.

Invariants:
- what is due now and then (`upkeep`) has a connection, and may have a thread, of its own: commits
  do not wait for it;
- what is remembered of edges is dropped whenever a transaction fails: the database alone knows;
- a group whose values the database refuses is done again record by record; a record that is refused
  alone, on fresh knowledge, is a bad one: its bytes are kept, its time stands in `gap`;
- a failure of the database leaves nothing written and is raised: the same messages can be handed
  in again;
- any other exception is a defect of ours: where it repeats for a lone record on fresh knowledge,
  that record's stream is held - not stored, not confirmed, never given up: the edge keeps it and
  sends it again - people are told, and all other streams go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest_server.receive import late
from ingest_server.receive.draft import Draft, Known, Outcome
from ingest_server.store import columnstore, edges, leases
from ingest_server.store.changes import Changes, commit
from ingest_server.store.errors import BadBatch, CursorMoved, LeaseLost, StoreAway, StoreError
from ingest_server.store.rows import NoticeRow
from ingest_server.usecases.commit import Commit
from wire.control import Rewind, Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from ingest_server.receive.arrival import Arrival
    from ingest_server.store.connection import Connection
    from ingest_server.store.rows import EdgeRow, TagMap
    from runtime.clock import Clock
    from wire.frame import StreamClass
    from wire.ids import EdgeId

_TRIES_AFTER_A_MOVE = 5
_MOST_TOLD = 10_000


class Committer:
    """Blocking; every method must be called from the same thread, one call at a time.

    But for `upkeep` and `close_upkeep`: they may have another thread, beside the others.
    `cursors` may be read by other threads: a hint of how far each stream is stored.
    `worker`: on behalf of whom it writes (raises LeaseLost once that one is not alive any more).
    `lose_every`: for the proof that losses are found, every so many records lose their readings.
    """

    def __init__(
        self, dsn: str, *, clock: Clock, worker: UUID | None = None, lose_every: int = 0
    ) -> None:
        self.cursors: dict[tuple[EdgeId, UUID, StreamClass], int] = {}
        self._dsn = dsn
        self._worker = worker
        self._clock = clock
        self._lose_every = lose_every
        self._connection: Connection | None = None
        self._beside: Connection | None = None
        self._suspect = False
        self._commit = Commit(dsn, clock=clock, worker=worker)
        self._known: dict[EdgeId, Known] = {}
        self._told: set[tuple[EdgeId, UUID, StreamClass, int]] = set()
        self._held: set[tuple[EdgeId, UUID, StreamClass]] = set()

    @property
    def held(self) -> int:
        """How many streams wait at their edge because their next record fails here."""
        return len(self._held)

    def handle(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        """What became of each message, in their order; all of it is durable. Raises StoreError."""
        done: dict[int, Outcome] = {}
        together: list[int] = []
        alone: list[int] = []
        self._look_anew_if_suspect()
        try:
            for place, arrival in enumerate(arrivals):
                if arrival.edge is not None and arrival.status is not None:
                    done[place] = self._status_or_not(arrival, arrival.edge, arrival.status)
                else:
                    (alone if _stream(arrival) in self._held else together).append(place)
            for places in late.split(arrivals, together, now_us=self._clock()):
                self._late(arrivals, places, done)
            together = [place for place in together if place not in done]
            if not self._in_one([arrivals[place] for place in together], together, done):
                alone = sorted([*together, *alone])
            for place in alone:
                done[place] = self._alone(arrivals[place])
        except StoreError:
            self._drop()
            raise
        return [done[place] for place in range(len(arrivals))]

    def known_edges(self) -> list[EdgeRow]:
        """Every edge in the database, read afresh. Raises StoreError."""
        self._look_anew_if_suspect()
        try:
            connection = self._open()
            self._forget()
            return [edges.load_edge(connection, edge) for edge in edges.known_edges(connection)]
        except StoreError:
            self._drop()
            raise

    def upkeep(self) -> None:
        """What is due about once a second: the latest values. Raises StoreError."""
        try:
            if self._beside is None or self._beside.closed:
                self._beside = leases.connect(self._dsn, name="latest", worker=self._worker)
            self._commit.upkeep(self._beside)
        except StoreError:
            self._suspect = True
            self._commit.drop_latest()
            self.close_upkeep()
            raise

    def close_upkeep(self) -> None:
        """Close the connection of `upkeep`; its next call opens another one."""
        if self._beside is not None:
            self._beside.close()
            self._beside = None

    def tags(self, edge: EdgeId, epoch: UUID) -> TagMap | None:
        """The tag map of an epoch if it is remembered; never asks the database.

        For live values: what an edge shows live, it soon sends as a record, and then it is here.
        """
        known = self._known.get(edge)
        return None if known is None else known.tags.get(epoch)

    def close(self) -> None:
        """Close the connections and forget everything; the next call begins afresh."""
        self.close_upkeep()
        self._drop()

    def _look_anew_if_suspect(self) -> None:
        """The database was away from `upkeep`: it may not be what it was."""
        if self._suspect:
            self._suspect = False
            self._drop()

    def _drop(self) -> None:
        self._forget()
        self._commit.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = leases.connect(self._dsn, name="ingest", worker=self._worker)
        return self._connection

    def _forget(self) -> None:
        self._known.clear()
        self.cursors.clear()
        self._commit.forget()

    def _late(
        self, arrivals: Sequence[Arrival], places: Sequence[int], done: dict[int, Outcome]
    ) -> None:
        """Records of an edge that came late, where old readings are packed: apart, not waiting.

        While TimescaleDB packs a day, writers into it wait; the other edges must not wait with
        them. What does not get its turn soon stays at its edge, which sends it again.
        """
        connection = self._open()
        if not columnstore.is_packed(connection):
            return
        group = [arrivals[place] for place in places]
        try:
            with late.soon_or_not(connection):
                if not self._in_one(group, places, done):
                    done.update(zip(places, map(self._alone, group), strict=True))
        except StoreAway as error:
            if not late.is_locked(error):
                raise
            self._forget()
            done.update((place, Outcome(reason=late.BUSY)) for place in places)

    def _in_one(
        self, group: Sequence[Arrival], places: Sequence[int], done: dict[int, Outcome]
    ) -> bool:
        """Do a group in one transaction; False: nothing was written, each has to be done alone."""
        try:
            done.update(zip(places, self._retried(group), strict=True))
        except Exception as error:  # noqa: BLE001 - one record must not stop the others
            _raise_unless_of_a_record(error)
            self._forget()
            return False
        return True

    def _alone(self, arrival: Arrival) -> Outcome:
        try:
            outcome = self._alone_or_past(arrival)
        except Exception as error:  # noqa: BLE001 - one record must not stop the others
            _raise_unless_of_a_record(error)
            return self._held_back(arrival, error)
        if outcome.applied and (stream := _stream(arrival)) is not None:
            self._held.discard(stream)
        return outcome

    def _alone_or_past(self, arrival: Arrival) -> Outcome:
        try:
            return self._retried([arrival])[0]
        except BadBatch as refused:
            self._forget()
            return self._together([arrival], refused=refused)[0]

    def _held_back(self, arrival: Arrival, error: Exception) -> Outcome:
        """Leave a record where it is, at its edge, because we fail on it; tell people once."""
        self._forget()
        stream, prefix = _stream(arrival), arrival.prefix
        if stream is not None and prefix is not None:
            self._held.add(stream)
            if self._first_time(*stream, prefix.seq):
                row = edges.load_edge(self._open(), stream[0])
                notice = NoticeRow(
                    code="LS-5416",
                    params={
                        "epoch": str(prefix.epoch),
                        "class": str(prefix.cls),
                        "seq": prefix.seq,
                        "reason": repr(error)[:300].replace("\0", "\u2400"),
                    },
                )
                commit(self._open(), Changes(edge_notices=[(row.edge_id, notice)]))
        return Outcome(reason="held", defect=error)

    def _retried(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        for _ in range(_TRIES_AFTER_A_MOVE):
            try:
                return self._together(arrivals)
            except CursorMoved:
                self._forget()
        return self._together(arrivals)

    def _together(
        self, arrivals: Sequence[Arrival], *, refused: BadBatch | None = None
    ) -> list[Outcome]:
        connection = self._open()
        draft = Draft(
            connection,
            self._known,
            now_us=self._clock(),
            refused=refused,
            lose_every=self._lose_every,
        )
        outcomes = [draft.take(arrival) for arrival in arrivals]
        changes = draft.changes()
        if changes is not None and not self._commit.run(connection, changes):
            self._forget()
            return outcomes
        self._known.update(draft.known)
        for edge, known in draft.known.items():
            for (epoch, cls), row in known.row.streams.items():
                self.cursors[edge, epoch, cls] = row.cursor
        return outcomes

    def _status_or_not(self, arrival: Arrival, edge: EdgeId, status: Status) -> Outcome:
        try:
            return self._status(edge, status)
        except Exception as error:  # noqa: BLE001 - one record must not stop the others
            _raise_unless_of_a_record(error)
            return self._held_back(arrival, error)

    def _status(self, edge: EdgeId, status: Status) -> Outcome:
        """Keep a status, and compare what the edge counts as confirmed with what is stored.

        The streams are read afresh: where the database was put back to an older state without a
        word, this is where it shows.
        """
        connection = self._open()
        before = edges.load_status(connection, edge)
        row = edges.load_edge(connection, edge)
        known = self._known.get(edge)
        if known is not None and known.row.next_batch != row.next_batch:
            self._forget()
        if not _is_news(before, status):
            return Outcome(reason="old_status")
        edges.save_status(connection, row.edge_id, status)
        if status.state == "offline":
            return Outcome(reason="offline")
        rewinds = tuple(
            Rewind(epoch=each.epoch, cls=each.cls, cursor=cursor, acked=each.acked)
            for each in status.streams
            if each.acked > (cursor := row.cursor(each.epoch, each.cls))
        )
        notices = [
            NoticeRow(
                code="LS-5410",
                params={
                    "epoch": str(each.epoch),
                    "class": str(each.cls),
                    "cursor": each.cursor,
                    "acked": each.acked,
                },
            )
            for each in rewinds
            if self._first_time(edge, each.epoch, each.cls, each.acked)
        ]
        if notices:
            commit(connection, Changes(edge_notices=[(row.edge_id, each) for each in notices]))
        return Outcome(reason="status", row=row, urgent=True, rewinds=rewinds)

    def _first_time(self, edge: EdgeId, epoch: UUID, cls: StreamClass, seq: int) -> bool:
        """An edge says the same thing every few seconds; a person is told once."""
        key = (edge, epoch, cls, seq)
        if key in self._told:
            return False
        if len(self._told) >= _MOST_TOLD:
            self._told.clear()
        self._told.add(key)
        return True


def _stream(arrival: Arrival) -> tuple[EdgeId, UUID, StreamClass] | None:
    """The stream a record belongs to, as far as it can be read."""
    if arrival.edge is None or arrival.prefix is None:
        return None
    return arrival.edge, arrival.prefix.epoch, arrival.prefix.cls


def _raise_unless_of_a_record(error: Exception) -> None:
    """A database that is away is away for all; refused values and our own defects are not."""
    if isinstance(error, LeaseLost):
        raise error
    if isinstance(error, StoreError) and not isinstance(error, BadBatch):
        raise error


def _is_news(before: Status | None, status: Status) -> bool:
    """Whether a status is not older than the one before: wills may come late.

    Within an epoch `session` counts connections. Of another epoch only `online` counts: a will of
    an older agent arrives after the birth of the newer one.
    """
    if before is None:
        return True
    if status.epoch == before.epoch:
        return status.session >= before.session
    return status.state == "online"
