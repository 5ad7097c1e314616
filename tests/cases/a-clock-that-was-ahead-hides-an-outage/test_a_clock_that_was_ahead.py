"""A clock that was ahead hides an outage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.buffer.rows import Bounds, Place
from edge_agent.buffer.store import Store
from edge_agent.buffer.writer import Writer
from ingest_server.receive.decide import decide
from runtime.metrics import Metrics
from tests.unit.edge_agent.buffer.model import contents
from tests.unit.edge_agent.buffer.model import opening as read_opening
from tests.unit.ingest_server.receive.test_decide import KEY, NOW, edge, opening, prefix, row
from wire.frame import Kind
from wire.ids import EdgeId
from wire.records import Event

SIX_HOURS_US = 6 * 3_600_000_000
BEGIN_US = 1_700_000_000_000_000


@pytest.mark.parametrize(
    ("stored_to", "expected"), [(1_000, 2_000), (3_000, 3_000), (90_000, 2_000)]
)
def test_the_server_tells_the_outage_whatever_the_last_stamps_were(
    stored_to: int, expected: int
) -> None:
    before = replace(row("a", 4, cls=KEY), last_to_us=stored_to)
    content = opening(("a", 4), opened_us=5_000)
    verdict = decide(edge(before), prefix("b", 1, Kind.OPENING, KEY), content, now_us=NOW)
    assert [(gap.from_us, gap.to_us) for gap in verdict.gaps] == [(expected, 5_000)]


async def test_the_agent_was_alive_when_its_clock_last_said_so(tmp_path: Path) -> None:
    times = [BEGIN_US]
    id_ = EdgeId(plant="p", edge="e")
    async with Store(tmp_path / "b.db", id_, agent="", clock=lambda: times[-1]) as first:
        writer = Writer(
            first,
            bounds=Bounds(max_bytes=2**40, min_free_bytes=0, max_age_us=2**60, keep_acked_us=2**60),
            commit_every_ms=20,
            max_waiting=100,
            clock=lambda: times[-1],
            metrics=Metrics(),
        )
        await writer.define([])
        for at_us in (BEGIN_US, BEGIN_US + SIX_HOURS_US, BEGIN_US + 1_000_000):
            times.append(at_us)
            writer.event(Event(at_us=at_us, kind="agent_start"))
            await writer.commit()
    times.append(BEGIN_US + 9_000_000)
    async with Store(tmp_path / "b.db", id_, agent="", clock=lambda: times[-1]) as second:
        [(_, _, body)] = await contents(second, Place(ord=2, cls=KEY))
        before = read_opening(body).predecessor
    assert before is not None
    assert before.alive_us == BEGIN_US + 1_000_000
