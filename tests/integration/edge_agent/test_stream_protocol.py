"""The edge's buffer and window against the server's own decisions, over a channel that fails.

What must hold whatever happens to channel, edge and server: in the end every record that was
durable at the edge was applied once, or a tombstone that was applied covers it.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from edge_agent.buffer.numbering import Definition, TagNumbers, tables
from edge_agent.buffer.rows import Bounds, Entry, Place
from edge_agent.buffer.store import Store
from edge_agent.publish.window import Window
from ingest_server.receive.decide import Action, SampleBatch, decide, needs_content
from ingest_server.store.rows import EdgeRow
from tests.unit.edge_agent.buffer.model import entry
from wire.columns import decode_columns
from wire.control import Ack, Cursor, Rewind, Status, StreamStatus
from wire.frame import Kind, StreamClass, read_prefix, unpack_body
from wire.ids import EdgeId
from wire.records import Tombstone, decode_record

T = TypeVar("T")
EDGE = EdgeId(plant="p", edge="e")
ROOMY = Bounds(max_bytes=2**30, min_free_bytes=0, max_age_us=2**60, keep_acked_us=2**60)
Number = tuple[UUID, StreamClass, int]


@dataclass
class Database:
    """What the server has committed."""

    edge: EdgeRow = field(
        default_factory=lambda: EdgeRow(edge=EDGE, edge_id=1, next_batch=1, streams={})
    )
    applied: dict[Number, bytes] = field(default_factory=dict)
    given_up: dict[Number, str] = field(default_factory=dict)

    def copy(self) -> Database:
        """As a backup has it."""
        return Database(edge=self.edge, applied=dict(self.applied), given_up=dict(self.given_up))

    def take(self, record: bytes, now_us: int) -> list[Rewind]:
        """Decide on a record and do as decided; what is to be sent again."""
        prefix = read_prefix(record)
        cursor = self.edge.cursor(prefix.epoch, prefix.cls)
        content: Any = None
        if needs_content(cursor, prefix):
            plain = unpack_body(record, prefix)
            if prefix.kind is Kind.SAMPLES:
                samples, to_us = decode_columns(plain)
                content = SampleBatch(samples=samples, complete_to_us=to_us)
            else:
                content = decode_record(prefix.kind, plain)
        verdict = decide(self.edge, prefix, content, now_us=now_us)
        assert verdict.action not in (Action.SET_ASIDE, Action.MOVE_PAST), verdict
        if verdict.action is Action.APPLY:
            assert verdict.stream is not None
            assert not verdict.stream.forked, "one buffer, one chain"
            if isinstance(content, Tombstone):
                for seq in range(cursor + 1, content.through + 1):
                    number = (prefix.epoch, prefix.cls, seq)
                    assert number not in self.applied
                    assert number not in self.given_up
                    self.given_up[number] = content.cause
            else:
                number = (prefix.epoch, prefix.cls, prefix.seq)
                assert number not in self.applied
                assert number not in self.given_up
                self.applied[number] = record
            self.edge = self.edge.with_stream(verdict.stream)
        return list(verdict.rewinds)


class Protocol(RuleBasedStateMachine):
    """An edge, a server, and what is on its way between them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.now_us = 1_700_000_000_000_000
        self.now_s = 0.0
        self.database = Database()
        self.backup = self.database.copy()
        self.worker = uuid4()
        self.way_out: list[bytes] = []
        self.way_back: list[Ack] = []
        self.written: dict[Number, bytes] = {}
        self.lost_by_server = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def start(self) -> None:
        self._open()

    def _open(self) -> None:
        path = self.folder / "buffer.db"
        self.store = Store(path, EDGE, agent="", clock=lambda: self.now_us)
        self.run(self.store.__aenter__())
        self.window = Window(self.store.streams, first_timeout_s=5, last_timeout_s=40)
        for cls in StreamClass:
            self._remember(cls, 1)
        # As the agent does: the tables of its tags before anything else.
        self._append([entry_of for cls in StreamClass for entry_of in _table(cls, self.now_us)])
        self.connect()

    def _append(self, entries: list[Entry]) -> None:
        self.run(self.store.append(entries))
        for cls in StreamClass:
            self._remember(cls, sum(one.cls is cls for one in entries))

    def _remember(self, cls: StreamClass, count: int) -> None:
        place = Place(ord=self.store.ord, cls=cls)
        state = self.store.streams[place]
        for seq in range(state.last_seq - count + 1, state.last_seq + 1):
            [stored] = self.run(self.store.read(place, seq, most=1))
            self.written[(state.epoch, cls, seq)] = stored.body

    # -- the edge --------------------------------------------------------------------------------

    @rule(classes=st.lists(st.sampled_from(list(StreamClass)), min_size=1, max_size=12))
    def collect(self, classes: list[StreamClass]) -> None:
        self.now_us += 1_000
        self._append([entry(cls, self.now_us, filler=600) for cls in classes])

    @rule(count=st.integers(1, 40), max_bytes=st.sampled_from([1, 55_000, 80_000]))
    def outage(self, count: int, max_bytes: int) -> None:
        """Much is collected while nobody listens."""
        self.collect([StreamClass.BULK, StreamClass.KEY, StreamClass.BULK] * count)
        self.run_out_of_room(max_bytes)

    @rule(most=st.integers(1, 20))
    def send(self, most: int) -> None:
        for _ in range(most):
            wanted = self.window.wanted()
            if wanted is None:
                return
            [stored] = self.run(self.store.read(wanted.place, wanted.seq, most=1))
            assert stored.seq <= wanted.seq <= stored.through
            self.window.sent(wanted, through=stored.through, now_s=self.now_s)
            self.way_out.append(stored.body)

    @rule(max_bytes=st.sampled_from([1, 55_000, 65_000, 80_000]))
    def run_out_of_room(self, max_bytes: int) -> None:
        bounds = replace(ROOMY, max_bytes=max_bytes)
        self.run(self.store.evict(bounds, sent=self.window.sent_up_to()))

    @rule()
    def connect(self) -> None:
        """A fresh connection begins with a status, which the server answers."""
        self.window.connected()
        self._status()

    def _status(self) -> None:
        held = self.run(self.store.held_from())
        status = Status(
            state="online",
            epoch=self.store.epoch,
            session=1,
            at_us=self.now_us,
            streams=[
                StreamStatus(
                    epoch=one.epoch,
                    cls=one.cls,
                    last_seq=one.last_seq,
                    acked=one.acked,
                    held_from=held.get(place, one.last_seq + 1),
                )
                for place, one in self.store.streams.items()
            ],
        )
        rewinds = [
            Rewind(epoch=one.epoch, cls=one.cls, cursor=cursor, acked=one.acked)
            for one in status.streams
            if one.acked > (cursor := self.database.edge.cursor(one.epoch, one.cls))
        ]
        self._answer(rewinds)

    @rule(seconds=st.integers(1, 60))
    def wait(self, seconds: int) -> None:
        self.now_s += seconds
        self.now_us += seconds * 1_000_000
        self.window.timed_out(self.now_s)

    @precondition(lambda self: self.store.ord < 5)
    @rule(clean=st.booleans())
    def restart_edge(self, clean: bool) -> None:
        if not clean:
            # As a power cut leaves the file.
            copy = Path(tempfile.mkdtemp())
            for file in self.folder.iterdir():
                shutil.copy(file, copy)
        self.run(self.store.__aexit__(None, None, None))
        if not clean:
            shutil.rmtree(self.folder)
            self.folder = copy
        self._open()

    # -- the channel -----------------------------------------------------------------------------

    @precondition(lambda self: self.way_out)
    @rule(lot=st.integers(0, 100), keep=st.booleans(), count=st.integers(1, 16))
    def deliver(self, lot: int, keep: bool, count: int) -> None:
        for _ in range(count):
            if not self.way_out:
                return
            place = lot % len(self.way_out) if lot % 4 == 0 else 0
            record = self.way_out[place] if keep else self.way_out.pop(place)
            self._answer(self.database.take(record, self.now_us))

    def _answer(self, rewinds: list[Rewind], *, hello: bool = False) -> None:
        self.way_back.append(
            Ack(
                kind="hello" if hello else "ack",
                worker=self.worker,
                at_us=self.now_us,
                streams=[
                    Cursor(epoch=epoch, cls=cls, cursor=row.cursor)
                    for (epoch, cls), row in self.database.edge.streams.items()
                ],
                rewind=rewinds,
            )
        )

    @precondition(lambda self: self.way_back)
    @rule(lot=st.integers(0, 100), count=st.integers(1, 8))
    def answer(self, lot: int, count: int) -> None:
        for _ in range(count):
            if self.way_back:
                self._hear(self.way_back.pop(lot % len(self.way_back)))

    def _hear(self, ack: Ack) -> None:
        outcome = self.window.answered(
            ack.streams,
            ack.rewind,
            hello_of=ack.worker if ack.kind == "hello" else None,
            now_s=self.now_s,
        )
        for place, acked in outcome.progress.items():
            self.store.acknowledged(place, acked)
        for place, cursor in outcome.rewinds:
            self.run(self.store.rewind(place, cursor))
            self.window.rewound(place)

    @rule()
    def exchange(self) -> None:
        """For once all goes well."""
        self.send(16)
        while self.way_out:
            self._answer(self.database.take(self.way_out.pop(0), self.now_us))
        while self.way_back:
            self._hear(self.way_back.pop(0))

    @rule()
    def exchange_and_back_up(self) -> None:
        self.exchange()
        self.backup = self.database.copy()
        self.collect([StreamClass.KEY, StreamClass.BULK, StreamClass.KEY])
        self.exchange()

    @rule(lot=st.integers(0, 100))
    def lose(self, lot: int) -> None:
        del self.way_out[lot % (len(self.way_out) + 1) :]
        del self.way_back[: lot % (len(self.way_back) + 1)]

    # -- the server ------------------------------------------------------------------------------

    @rule()
    def restart_server(self) -> None:
        self.worker = uuid4()
        self._answer([], hello=True)

    @rule(connected=st.booleans())
    def restore(self, connected: bool) -> None:
        self.database = self.backup.copy()
        self.worker = uuid4()
        self._answer([], hello=True)
        if not connected:
            self.connect()

    # -- the end ---------------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        try:
            self._finish()
        finally:
            self.run(self.store.__aexit__(None, None, None))
            self.runner.close()
            shutil.rmtree(self.folder)

    def _finish(self) -> None:
        """The channel works from now on: everything has to arrive."""
        for _ in range(200):
            self.lose(0)
            self.connect()
            for _ in range(200):
                while self.way_back:
                    self._hear(self.way_back.pop(0))
                self.send(16)
                if not self.way_out:
                    break
                while self.way_out:
                    self._answer(self.database.take(self.way_out.pop(0), self.now_us))
            if self.window.idle and self._all_there():
                break
            self.wait(60)
        missing = [
            number
            for number, body in self.written.items()
            if self.database.applied.get(number) != body and number not in self.database.given_up
        ]
        assert not missing
        assert set(self.database.applied) <= set(self.written)

    def _all_there(self) -> bool:
        return all(
            self.database.edge.cursor(one.epoch, one.cls) == one.last_seq
            for one in self.store.streams.values()
        )


def _table(cls: StreamClass, at_us: int) -> list[Entry]:
    new = TagNumbers().define([Definition(path="a", cls=cls, dtype="u16")])
    return [Entry(cls=cls, body=body, from_us=at_us, to_us=at_us) for body in tables(new[cls])]


Protocol.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestProtocol = Protocol.TestCase
