"""The buffer on disk against the model: append, confirm, evict, close, kill, in any order."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge_agent.buffer.numbering import Definition, TagNumbers, tables
from edge_agent.buffer.rows import Bounds, Entry, Place
from edge_agent.buffer.store import Store
from tests.unit.edge_agent.buffer.model import MINUTE_US, Model, check, contents, entry, opening
from wire.frame import StreamClass
from wire.ids import EdgeId

T = TypeVar("T")

HOUR_US = 60 * MINUTE_US
CLASSES = st.sampled_from(list(StreamClass))
ROOMY = Bounds(
    max_bytes=2**30, min_free_bytes=0, max_age_us=24 * HOUR_US, keep_acked_us=2 * HOUR_US
)


class Buffer(RuleBasedStateMachine):
    """One file through several openings; `kill` copies it as a power cut would leave it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.now_us = 1_700_000_000_000_000
        self.model = Model()
        self.store: Store | None = None
        self.clean = True
        self.alive_us = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @property
    def open(self) -> Store:
        assert self.store is not None
        return self.store

    @initialize()
    def start(self) -> None:
        self._open()

    def _open(self) -> None:
        before = max((place.ord for place in self.model.last), default=0)
        store = Store(
            self.folder / "buffer.db",
            EdgeId(plant="p", edge="e"),
            agent="test",
            clock=lambda: self.now_us,
        )
        self.run(store.__aenter__())
        self.store = store
        assert store.salvaged is None
        assert store.ord == before + 1
        for cls in StreamClass:
            place = Place(ord=store.ord, cls=cls)
            [(seq, _, body)] = self.run(contents(store, place))
            self.model.wrote(place, seq, body)
            said = opening(body).predecessor
            if before:
                last = Place(ord=before, cls=cls)
                assert said is not None
                assert said.epoch == store.streams[last].epoch
                assert said.last_seq == self.model.last[last]
                assert said.clean == self.clean
                assert said.alive_us >= self.alive_us
            else:
                assert said is None

    def _note(self, entries: list[Entry]) -> None:
        store = self.open
        for cls in StreamClass:
            place = Place(ord=store.ord, cls=cls)
            for _ in [one for one in entries if one.cls is cls]:
                seq = self.model.last[place] + 1
                [stored] = self.run(store.read(place, seq, most=1))
                self.model.wrote(place, seq, stored.body)
        self.alive_us = self.now_us

    @rule(classes=st.lists(CLASSES, min_size=1, max_size=6), size=st.sampled_from([0, 500, 9_000]))
    def append(self, classes: list[StreamClass], size: int) -> None:
        entries = [entry(cls, self.now_us, filler=size) for cls in classes]
        self.run(self.open.append(entries))
        self._note(entries)

    @rule(cls=CLASSES)
    def define_tags(self, cls: StreamClass) -> None:
        new = TagNumbers().define([Definition(path="a", cls=cls, dtype="u16")])
        entries = [
            Entry(cls=cls, body=body, from_us=self.now_us, to_us=self.now_us)
            for body in tables(new[cls])
        ]
        self.run(self.open.append(entries))
        self._note(entries)

    @rule(minutes=st.integers(1, 200))
    def time_passes(self, minutes: int) -> None:
        self.now_us += minutes * MINUTE_US

    @rule(cls=CLASSES, share=st.floats(0, 1), line=st.floats(0, 0.999))
    def confirm(self, cls: StreamClass, share: float, line: float) -> None:
        store = self.open
        place = Place(ord=1 + int(line * store.ord), cls=cls)
        state = store.streams[place]
        store.acknowledged(place, state.acked + int(share * (state.last_seq - state.acked)))

    @rule(cls=CLASSES, share=st.floats(0, 1), line=st.floats(0, 0.999))
    def restore_server(self, cls: StreamClass, share: float, line: float) -> None:
        store = self.open
        place = Place(ord=1 + int(line * store.ord), cls=cls)
        state = store.streams[place]
        self.run(store.rewind(place, int(share * state.acked)))

    @rule(max_bytes=st.sampled_from([1, 60_000, 90_000, 2**30]))
    def evict(self, max_bytes: int) -> None:
        bounds = Bounds(
            max_bytes=max_bytes,
            min_free_bytes=0,
            max_age_us=ROOMY.max_age_us,
            keep_acked_us=ROOMY.keep_acked_us,
        )
        self.run(self.open.evict(bounds))

    @precondition(lambda self: self.open.ord < 6)
    @rule()
    def close_and_open(self) -> None:
        self.run(self.open.__aexit__(None, None, None))
        self.clean = True
        self._open()

    @precondition(lambda self: self.open.ord < 6)
    @rule()
    def kill_and_open(self) -> None:
        copy = Path(tempfile.mkdtemp())
        for file in self.folder.iterdir():
            shutil.copy(file, copy)
        self.run(self.open.__aexit__(None, None, None))
        shutil.rmtree(self.folder)
        self.folder, self.clean = copy, False
        self._open()

    @invariant()
    def all_is_there(self) -> None:
        if self.store is not None:
            self.run(check(self.store, self.model))

    def teardown(self) -> None:
        if self.store is not None:
            self.run(self.store.__aexit__(None, None, None))
        self.runner.close()
        shutil.rmtree(self.folder)


Buffer.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestBuffer = Buffer.TestCase
