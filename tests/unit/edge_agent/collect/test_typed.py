"""What is typed: confirmed when it is durable, taken once, refused with a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from drivers.base import Typed
from edge_agent.buffer.numbering import Definition
from edge_agent.buffer.rows import Bounds, Place
from edge_agent.buffer.store import Store
from edge_agent.buffer.writer import Writer
from edge_agent.collect.typed import Allowance, Outcome, TypedTexts
from runtime.clock import now_us
from runtime.metrics import Metrics
from tests.unit.edge_agent.buffer.model import contents
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.frame import StreamClass
from wire.ids import EdgeId
from wire.samples import Samples

KEY = StreamClass.KEY
EDGE = EdgeId(plant="p", edge="e")
BOUNDS = Bounds(max_bytes=2**40, min_free_bytes=0, max_age_us=2**60, keep_acked_us=2**60)


class Line:
    """A device that takes whatever does not begin with a question mark."""

    def typed(self, text: str) -> tuple[Typed, Mapping[StreamClass, Samples]] | None:
        if text.startswith("?"):
            return Typed(reason="unmatched"), {}
        return Typed(reason="values"), {KEY: _sample(text)}


def _sample(text: str) -> Samples:
    return Samples(
        tag=np.array([1], np.int32),
        ts=np.array([now_us()], np.int64),
        q=np.zeros(1, np.uint32),
        f=np.zeros(1),
        i=np.zeros(1, np.int64),
        s=np.array([text], np.object_),
    )


async def _writer(store: Store) -> Writer:
    writer = Writer(
        store, bounds=BOUNDS, commit_every_ms=5_000, max_waiting=100, clock=now_us,
        metrics=Metrics(),
    )  # fmt: skip
    await writer.define([Definition(path="code", cls=KEY, dtype="str", unit="", scale=None,
                                    device="scan", address="line")])  # fmt: skip
    return writer


async def _stored(store: Store) -> list[object]:
    receiver = Receiver()
    for place in sorted(store.streams, key=lambda one: (one.cls, one.ord)):
        for _, _, body in await contents(store, place):
            receiver.take(body)
    return [value for _, value, _ in receiver.values("code")]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path / "buffer.db", EDGE, agent="", clock=now_us) as opened:
        yield opened


async def test_what_is_said_to_be_kept_is_in_the_file_without_any_further_commit(
    store: Store,
) -> None:
    typed = TypedTexts(lambda: {"scan": Line()}, await _writer(store))
    before = store.streams[Place(ord=1, cls=KEY)].last_seq
    assert await typed.take("scan", "WO1", uuid4(), now_s=0) is Outcome.KEPT
    assert store.streams[Place(ord=1, cls=KEY)].last_seq == before + 1
    assert await _stored(store) == ["WO1"]


async def test_a_text_sent_again_counts_once_even_after_a_new_start(tmp_path: Path) -> None:
    receipt = uuid4()
    path = tmp_path / "buffer.db"
    for start in range(2):
        async with Store(path, EDGE, agent="", clock=now_us) as store:
            typed = TypedTexts(lambda: {"scan": Line()}, await _writer(store))
            first = Outcome.KEPT if start == 0 else Outcome.KEPT_BEFORE
            assert await typed.take("scan", "WO1", receipt, now_s=0) is first
            assert await typed.take("scan", "WO1", receipt, now_s=0) is Outcome.KEPT_BEFORE
            assert await _stored(store) == ["WO1"]


async def test_two_equal_texts_are_two(store: Store) -> None:
    typed = TypedTexts(lambda: {"scan": Line()}, await _writer(store))
    for _ in range(2):
        await typed.take("scan", "WO1", uuid4(), now_s=0)
    assert await _stored(store) == ["WO1", "WO1"]


async def test_while_the_disk_is_full_nothing_is_said_to_be_kept_and_it_counts_once_afterwards(
    store: Store,
) -> None:
    typed = TypedTexts(lambda: {"scan": Line()}, await _writer(store))
    assert store._db is not None
    # The file may not grow: SQLite answers as on a full disk.
    await store._db.execute("pragma max_page_count = 1")
    receipts = [uuid4() for _ in range(60)]
    outcomes = [
        await typed.take("scan", f"{n} " + "x" * 2_000, receipt, now_s=n)
        for n, receipt in enumerate(receipts)
    ]
    assert outcomes[-1] is Outcome.DISK
    assert Outcome.DISK.again
    stored = len(await _stored(store))
    assert stored == sum(one is Outcome.KEPT for one in outcomes) < len(receipts)
    await store._db.execute("pragma max_page_count = 1000000")
    for n, receipt in enumerate(receipts):
        assert (await typed.take("scan", f"{n} " + "x" * 2_000, receipt, now_s=100 + n)).good
    assert [str(one).split()[0] for one in await _stored(store)] == [str(n) for n in range(60)]


async def test_a_text_without_value_and_an_unknown_device_are_refused_for_good(
    store: Store,
) -> None:
    typed = TypedTexts(lambda: {"scan": Line()}, await _writer(store))
    assert await typed.take("scan", "?", uuid4(), now_s=0) is Outcome.UNMATCHED
    assert await typed.take("other", "WO1", uuid4(), now_s=0) is Outcome.NO_DEVICE
    assert not Outcome.UNMATCHED.again
    assert not Outcome.NO_DEVICE.again
    assert await _stored(store) == []


def test_so_many_at_once_and_so_many_a_second_are_within_bounds() -> None:
    allowance = Allowance(burst=3, a_second=2)
    assert [allowance.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert [allowance.take(10.5) for _ in range(2)] == [True, False]
    assert [allowance.take(1_000.0) for _ in range(4)] == [True, True, True, False]
    # A clock that stands still or goes back gives nothing.
    assert not allowance.take(999.0)
