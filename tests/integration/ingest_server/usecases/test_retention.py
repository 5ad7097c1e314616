"""Retention on real databases, packed and not: what is too old goes, and only that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from ingest_server.receive.arrival import look_at
from ingest_server.receive.committer import Committer
from ingest_server.receive.draft import Outcome
from ingest_server.store import columnstore, horizon
from ingest_server.store.changes import Changes, RecordRows
from ingest_server.store.connection import Connection, connect
from ingest_server.store.copyrows import Readings
from ingest_server.store.errors import FrozenMoved, StoreAway
from ingest_server.store.partitions import DAY_US
from ingest_server.store.rows import Shape
from ingest_server.usecases.horizon import Horizon
from ingest_server.usecases.retention import Done, Drop, Freeze, Keep, Thin, planned, run
from ingest_server.usecases.rollup import Rollup
from tests.integration.ingest_server.receive.model_edge import Epoch
from wire.dtypes import DType
from wire.frame import StreamClass
from wire.ids import EdgeId
from wire.records import TagDef
from wire.topics import up

EDGE = EdgeId(plant="demo", edge="line-a")
DAY = 20_454  # 2026-01-01

pytestmark = pytest.mark.also_pglite


def at(day: int, hour: int = 12) -> int:
    """Microseconds since the Unix epoch, days counted from DAY."""
    return (DAY + day) * DAY_US + hour * 3_600_000_000


class Base:
    """A database with one edge that sends a reading of each class every six hours."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.now_us = (DAY + 40) * DAY_US
        self.committer = Committer(dsn, clock=lambda: self.now_us)
        self.connection: Connection = connect(dsn, name="test")
        self.rollup = Rollup(dsn, clock=lambda: self.now_us)
        self._epochs: dict[StreamClass, Epoch] = {}

    def send(self, cls: StreamClass, *at_us: int) -> list[Outcome]:
        first = cls not in self._epochs
        if first:
            epoch = self._epochs[cls] = Epoch(edge=EDGE, cls=cls)
            epoch.open()
            epoch.define(TagDef(n=1, path=f"press/{cls}", dtype=DType.F64))
        epoch = self._epochs[cls]
        sent = 0 if first else epoch.seq
        for at in at_us:
            epoch.now_us = at - 1_000_000
            epoch.sample([(1, 1.0)])
        topic = up(EDGE, "data")
        return self.committer.handle([look_at(topic, each) for each in epoch.records[sent:]])

    def fill(self, days: range) -> None:
        for cls in StreamClass:
            self.send(cls, *(at(day, hour) for day in days for hour in (1, 7, 13, 19)))
        self.roll()

    def roll(self) -> None:
        while self.rollup.step():
            pass

    def run(self, **days: int | None) -> list[Done]:
        keep = Keep(
            readings={"key": days.get("key"), "bulk": days.get("bulk")},
            rollups={"reading_1m": days.get("minutes"), "reading_1h": days.get("hours")},
        )
        return run(self.dsn, keep, now_us=self.now_us)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode()).fetchall()

    def days(self, cls: str, table: str = "reading") -> list[int]:
        """Days from DAY on that have readings of a class."""
        return [
            int(day) - DAY
            for (day,) in self.rows(
                f"SELECT DISTINCT floor(extract(epoch FROM ts) / 86400) FROM {table} "
                f"JOIN tag USING (tag_id) WHERE class = '{cls}' ORDER BY 1"
            )
        ]


@pytest.fixture
def base(migrated: str) -> Iterator[Base]:
    made = Base(migrated)
    yield made
    made.rollup.close()
    made.committer.close()
    made.connection.close()


def actions(done: list[Done], kind: type) -> int:
    return sum(isinstance(each.action, kind) for each in done)


def test_days_of_both_classes_are_dropped_whole(base: Base) -> None:
    base.fill(range(40))
    base.connection.execute("UPDATE batch SET committed_at = coalesce(to_ts, '2026-01-01')")
    done = base.run(key=10, bulk=10)
    assert (actions(done, Freeze), actions(done, Drop), actions(done, Thin)) == (2, 30, 0)
    assert base.days("key") == base.days("bulk") == list(range(30, 40))
    assert base.days("bulk", "reading_1m") == base.days("key", "reading_1h") == list(range(40))
    assert base.rows("SELECT min(to_ts) >= '2026-01-31' FROM batch WHERE rows > 0") == [(True,)]
    assert base.run(key=10, bulk=10) == []


@pytest.mark.parametrize("packed", [False, True])
def test_a_class_that_is_kept_longer_stays(base: Base, packed: bool) -> None:
    base.fill(range(20, 40))
    if packed:
        columnstore.configure(base.connection, 2)
        columnstore.pack(base.connection)
    before = base.rows("SELECT ts, tag_id, num, q, batch FROM reading ORDER BY ts, tag_id")
    done = base.run(key=30, bulk=10)
    assert actions(done, Thin) == 10
    assert sum(each.rows or 0 for each in done) == 40
    assert base.days("bulk") == list(range(30, 40))
    assert base.days("key") == list(range(20, 40))
    after = base.rows("SELECT ts, tag_id, num, q, batch FROM reading ORDER BY ts, tag_id")
    assert len(after) == 120
    assert set(after) < set(before)
    assert base.run(key=30, bulk=10) == []


def test_rollups_go_in_whole_parts(base: Base) -> None:
    base.fill(range(40))
    done = base.run(key=5, bulk=5, minutes=10, hours=3_000)
    assert actions(done, Drop) > 35
    assert base.days("bulk", "reading_1m")[0] in range(24, 31)
    assert base.days("bulk", "reading_1h") == list(range(40))


def test_a_dry_run_changes_nothing(base: Base) -> None:
    base.fill(range(30, 40))
    keep = Keep(readings={"key": 5, "bulk": 5}, rollups={})
    would = [Done(action=each) for each in planned(base.dsn, keep, now_us=base.now_us)]
    assert actions(would, Drop) == 5
    assert base.days("key") == list(range(30, 40))
    assert base.rows("SELECT count(*) FROM frozen WHERE before IS NOT NULL") == [(0,)]


def test_readings_that_are_not_summed_up_stay(base: Base) -> None:
    base.fill(range(20, 40))
    base.send(StreamClass.BULK, at(21))
    done = base.run(key=10, bulk=10)
    assert [each.waits for each in done] == [True, True]
    assert base.days("bulk") == list(range(20, 40))
    base.roll()
    base.run(key=10, bulk=10)
    assert base.days("bulk") == list(range(30, 40))


def test_what_comes_later_for_frozen_time_is_a_gap(base: Base) -> None:
    base.fill(range(20, 40))
    base.run(key=15, bulk=10)
    outcomes = base.send(StreamClass.BULK, at(22), at(22, 13), at(35), at(22, 14))
    assert [outcome.applied for outcome in outcomes] == [1, 1, 1, 1]
    base.send(StreamClass.KEY, at(27), at(24))
    assert base.days("bulk") == list(range(30, 40))
    assert base.days("key") == list(range(25, 40))
    assert base.rows(
        "SELECT class, cause, samples, exact, from_ts::text FROM gap ORDER BY gap_id"
    ) == [
        ("bulk", "late_after_retention", 3, True, "2026-01-23 12:00:00+00"),
        ("key", "late_after_retention", 1, True, "2026-01-25 12:00:00+00"),
    ]
    assert base.rows("SELECT code FROM notice") == [("LS-5820",)]
    base.roll()
    minutes = base.rows(
        "SELECT class FROM reading_1m JOIN tag USING (tag_id) WHERE ts = '2026-01-28 12:00+00'"
    )
    assert minutes == [("key",)]


def test_a_clock_that_runs_wild_makes_gaps_and_no_parts(base: Base) -> None:
    base.fill(range(39, 40))
    parts = base.rows(PARTS)
    years = [at(365 * year) for year in (-24, 73, -20, 60, 40)]
    outcomes = base.send(StreamClass.BULK, *years, at(39, 23))
    assert all(outcome.applied == 1 for outcome in outcomes)
    assert base.rows(PARTS) == parts
    assert base.rows("SELECT cause, samples FROM gap") == [("implausible_time", 5)]
    assert base.rows("SELECT code FROM notice") == [("LS-5821",)]
    [stream] = base.rows("SELECT cursor, applied FROM stream WHERE class = 'bulk'")
    assert stream[0] == stream[1] == 12


PARTS = "SELECT count(*) FROM pg_class WHERE relname LIKE 'reading_p%' OR relname LIKE '_hyper_%'"


@pytest.mark.several_sessions
def test_retention_waits_for_a_writer_of_old_readings(base: Base) -> None:
    base.fill(range(20, 40))
    with connect(base.dsn, name="writer") as writer, writer.transaction():
        horizon.share(writer)
        base.connection.execute("SET lock_timeout = '100ms'")
        with pytest.raises(StoreAway):
            horizon.freeze(base.connection, "bulk", at(30, 0))
    assert horizon.freeze(base.connection, "bulk", at(30, 0))
    assert horizon.frozen(base.connection) == {"bulk": at(30, 0)}


@pytest.mark.several_sessions
def test_a_writer_that_looked_before_retention_moved_looks_again(base: Base) -> None:
    base.fill(range(20, 40))
    aside = Horizon()
    with connect(base.dsn, name="writer") as writer:
        aside.take(writer, changes_at(at(22)), base.now_us)
        horizon.freeze(base.connection, "bulk", at(30, 0))
        with pytest.raises(FrozenMoved), writer.transaction():
            aside.hold(writer)
        aside.take(writer, changes_at(at(22)), base.now_us)
        with writer.transaction():
            aside.hold(writer)


def changes_at(at_us: int) -> Changes:
    readings = Readings(
        tag_id=np.ones(1, np.int32),
        ts=np.array([at_us]),
        q=np.zeros(1, np.uint32),
        f=np.zeros(1),
        i=np.zeros(1, np.int64),
        s=None,
        orig=None,
        shape=np.full(1, Shape.FROM_FLOAT, np.int8),
    )
    record = RecordRows(
        edge_id=1, batch=9, epoch=uuid4(), cls=StreamClass.BULK, seq=9, readings=readings
    )
    return Changes(records=[record])
