"""Live values, the clock's offset, and the status: what is said beside the streams."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import numpy as np

from edge_agent.buffer.rows import Place
from edge_agent.buffer.store import Store
from edge_agent.collect.shape import ClockRule, Shaper
from edge_agent.publish.live import MOST_TAGS, LiveSource, messages
from edge_agent.publish.report import offline, status
from runtime.clock import now_us
from tests.unit.edge_agent.buffer.model import entry
from tests.unit.edge_agent.collect.devices import NOW_US, columns, device, points
from wire import quality
from wire.control import Live, Status
from wire.frame import StreamClass
from wire.ids import EdgeId

EPOCH = UUID(int=7)


def _source(groups: str) -> tuple[Shaper, LiveSource]:
    shaper = Shaper(points(device(groups)), ClockRule(use=True))
    return shaper, LiveSource(tag=shaper.points.tag, kind=shaper.points.sent, columns=shaper)


def test_live_values_are_told_once_in_their_own_types() -> None:
    shaper, source = _source(
        "  - every_ms: 100\n    tags:\n"
        "      - {path: a, address: x, dtype: f64}\n      - {path: b, address: x, dtype: i32}\n"
        "      - {path: c, address: x, dtype: str}\n      - {path: d, address: x, dtype: u64}\n"
        "      - {path: e, address: x, dtype: i32}\n"
    )
    huge = str(2**64 - 1)
    raw = columns((0, 1.5), (1, -3), (2, "订单" * 100), (3, huge), (4, 9))
    shaper.shape(raw, polled=True)
    shaper.shape(columns((4, 0), q=[quality.BAD_TIMEOUT | quality.NO_VALUE]), polled=True)
    [live] = messages([source], EPOCH, NOW_US)
    assert live.tags == [1, 2, 3, 4, 5]
    assert live.values == [1.5, -3, "订单" * 50, huge, None]
    assert Live.decode(live.encode()) == live
    assert list(messages([source], EPOCH, NOW_US)) == []


def test_many_live_values_go_in_several_messages_below_the_limit() -> None:
    tags = "".join(f"      - {{path: t{n}, address: x, dtype: str}}\n" for n in range(2_100))
    shaper, source = _source(f"  - every_ms: 100\n    tags:\n{tags}")
    shaper.shape(columns(*((n, "界" * 100) for n in range(2_100))), polled=True)
    told = list(messages([source], EPOCH, NOW_US))
    assert [len(one.tags) for one in told] == [MOST_TAGS] * 4 + [100]
    assert all(Live.decode(one.encode()) == one for one in told)
    assert np.concatenate([one.tags for one in told]).tolist() == list(range(1, 2_101))


async def test_a_status_tells_where_every_stream_stands(tmp_path: Path) -> None:
    path, edge = tmp_path / "b.db", EdgeId(plant="p", edge="e")
    async with Store(path, edge, agent="", clock=now_us) as store:
        await store.append([entry(StreamClass.KEY, n) for n in (100, 200, 300)])
    async with Store(path, edge, agent="", clock=now_us) as store:
        store.acknowledged(Place(ord=1, cls=StreamClass.KEY), 2)
        said = await status(store, session=3, agent="x", at_us=9, offset_us=-4)
        assert Status.decode(said.encode()) == said
        assert (said.state, said.epoch, said.session, said.offset_us) == (
            "online", store.epoch, 3, -4,
        )  # fmt: skip
        by_place = {(one.epoch, one.cls): one for one in said.streams}
        assert len(by_place) == 4
        old = by_place[(store.streams[Place(ord=1, cls=StreamClass.KEY)].epoch, StreamClass.KEY)]
        assert (old.last_seq, old.acked, old.held_from, old.from_us) == (4, 2, 1, 200)
        gone = offline(store, session=3, agent="x", at_us=9)
        assert (gone.state, gone.epoch, gone.session) == ("offline", store.epoch, 3)
