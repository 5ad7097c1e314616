"""Orders dispatched to the line: the newest word counts, and it outlives restarts and damage."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from edge_agent.buffer.orders import MOST_DISPATCHED, DispatchedOrder
from edge_agent.buffer.salvage import salvage
from edge_agent.buffer.store import Store
from runtime.clock import now_us
from wire.ids import EdgeId

ORDER = DispatchedOrder(
    order="4711",
    equipment="press",
    revision=5,
    state="dispatched",
    product="cap",
    quantity=100.0,
    due_us=7,
    rank=1,
    note="blue",
    at_us=1,
)


def _store(folder: Path) -> Store:
    edge = EdgeId(plant="p", edge="e")
    return Store(folder / "buffer.db", edge, agent="", clock=now_us)


async def test_the_newest_revision_counts_in_whatever_order_they_come(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        for revision, state in ((5, "dispatched"), (7, "withdrawn"), (6, "dispatched")):
            assert await store.take_order(replace(ORDER, revision=revision, state=state))  # type: ignore[arg-type]
            if revision == 5:
                assert await store.dispatched_orders() == [ORDER]
        assert await store.dispatched_orders() == [], "an old dispatch revives nothing"
        await store.take_order(replace(ORDER, revision=8, quantity=None, due_us=None))
        (found,) = await store.dispatched_orders()
        assert (found.revision, found.quantity, found.due_us) == (8, None, None)


async def test_what_there_is_to_do_is_told_by_rank_also_after_a_restart(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.take_order(replace(ORDER, order="b", rank=2))
        await store.take_order(replace(ORDER, order="a", rank=3))
        await store.take_order(replace(ORDER, order="c", rank=1))
        await store.take_order(replace(ORDER, order="a", equipment="mill", rank=1))
    async with _store(tmp_path) as store:
        found = await store.dispatched_orders()
        assert [(one.equipment, one.order) for one in found] == [
            ("mill", "a"), ("press", "c"), ("press", "b"), ("press", "a"),
        ]  # fmt: skip


async def test_there_is_an_end_to_what_is_kept(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        for number in range(MOST_DISPATCHED):
            assert await store.take_order(replace(ORDER, order=str(number)))
        more = replace(ORDER, order="more")
        assert not await store.take_order(more)
        assert await store.take_order(replace(ORDER, order="0", revision=6)), "known ones change"
        assert await store.take_order(replace(ORDER, order="1", revision=6, state="withdrawn"))
        assert await store.take_order(more), "there is room again"
        for number in range(1_100):
            gone = replace(ORDER, order=f"w{number}", state="withdrawn", at_us=number)
            assert await store.take_order(gone)
    with closing(sqlite3.connect(tmp_path / "buffer.db")) as db:
        count, oldest = db.execute(
            "select count(*), min(at_us) from dispatched_order where state = 'withdrawn'"
        ).fetchone()
    assert (count, oldest) == (1_001, 99), "the newest are remembered"


async def test_a_buffer_of_an_earlier_release_takes_orders(tmp_path: Path) -> None:
    async with _store(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "buffer.db")) as db:
        db.execute("drop table dispatched_order")
        db.execute("drop table received")
        db.commit()
    async with _store(tmp_path) as store:
        assert await store.take_order(ORDER)
        assert await store.dispatched_orders() == [ORDER]


async def test_orders_are_salvaged_from_a_damaged_buffer(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.take_order(ORDER)
    salvage(tmp_path / "buffer.db", reason="a test", now_us=now_us())
    async with _store(tmp_path) as store:
        assert await store.dispatched_orders() == [ORDER]
