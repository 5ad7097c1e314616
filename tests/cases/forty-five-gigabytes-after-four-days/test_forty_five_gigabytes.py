"""Forty-five gigabytes after four days: ThingsBoard gateway #2094.

An outage filled the disk. Here the file stays within its bound however long it lasts: bulk readings
go first, oldest first, and the tombstones in their place leave no number unexplained.
"""

from __future__ import annotations

from pathlib import Path

from edge_agent.buffer.rows import Bounds, Place
from edge_agent.buffer.store import Store
from edge_agent.buffer.writer import Writer
from runtime.metrics import Metrics
from tests.unit.edge_agent.buffer.model import contents, entry
from wire.frame import Kind, StreamClass, read_prefix, unpack_body
from wire.ids import EdgeId
from wire.records import Tombstone, decode_record

KEY, BULK = StreamClass.KEY, StreamClass.BULK
BEGIN_US = 1_700_000_000_000_000
QUARTER_US = 15 * 60_000_000
MOST = 4 * 2**20


async def test_four_days_without_a_server_take_no_more_disk_than_allowed(tmp_path: Path) -> None:
    times = [BEGIN_US]
    file = tmp_path / "buffer.db"
    largest = 0
    edge = EdgeId(plant="demo", edge="line-t")
    async with Store(file, edge, agent="", clock=lambda: times[-1]) as store:
        writer = Writer(
            store,
            bounds=Bounds(max_bytes=MOST, min_free_bytes=0, max_age_us=2**60, keep_acked_us=0),
            commit_every_ms=50,
            max_waiting=1_000,
            clock=lambda: times[-1],
            metrics=Metrics(),
        )
        for quarter in range(4 * 24 * 4):
            now_us = BEGIN_US + quarter * QUARTER_US
            times.append(now_us)
            await store.append([entry(KEY, now_us), entry(BULK, now_us, filler=60_000)])
            await writer.sweep(now=True)
            largest = max(largest, file.stat().st_size)
        assert largest < MOST * 1.25, "a fraction of the 15 MB that came"
        key = await contents(store, Place(ord=1, cls=KEY))
        bulk = await contents(store, Place(ord=1, cls=BULK))
    assert all(read_prefix(body).kind is not Kind.TOMBSTONE for _, _, body in key)
    assert [seq for seq, _, _ in key] == list(range(1, 4 * 24 * 4 + 2))
    reached = 0
    told: list[Tombstone] = []
    for seq, through, body in bulk:
        assert seq == reached + 1, "no number without a record or a tombstone"
        reached = through
        prefix = read_prefix(body)
        if prefix.kind is Kind.TOMBSTONE:
            record = decode_record(prefix.kind, unpack_body(body, prefix))
            assert isinstance(record, Tombstone)
            told.append(record)
    assert reached == 4 * 24 * 4 + 1
    assert {one.cause for one in told} == {"overflow"}
    # The newest stay: what is gone are the first days.
    assert all(one.to_us < BEGIN_US + 4 * 24 * 4 * QUARTER_US - 30 * QUARTER_US for one in told)
