"""Readings that are too old or have impossible times become gaps, all others stay."""

from __future__ import annotations

from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.store.changes import Changes, RecordRows
from ingest_server.store.copyrows import Readings
from ingest_server.store.partitions import DAY_US
from ingest_server.store.rows import Shape
from ingest_server.usecases.horizon import FUTURE_US, PAST_US, set_aside
from wire.frame import StreamClass

NOW_US = 20_500 * DAY_US


def record(*ts: int, cls: StreamClass = StreamClass.BULK) -> RecordRows:
    size = len(ts)
    readings = Readings(
        tag_id=np.ones(size, np.int32),
        ts=np.array(ts, np.int64),
        q=np.zeros(size, np.uint32),
        f=np.arange(size, dtype=np.float64),
        i=np.zeros(size, np.int64),
        s=None,
        orig=None,
        shape=np.full(size, Shape.FROM_FLOAT, np.int8),
    )
    return RecordRows(edge_id=1, batch=1, epoch=UUID(int=1), cls=cls, seq=1, readings=readings)


def test_a_class_that_is_not_frozen_takes_old_readings() -> None:
    old = NOW_US - 100 * DAY_US
    frozen = {"bulk": NOW_US - 10 * DAY_US}
    changes = Changes(records=[record(old), record(old, cls=StreamClass.KEY)])
    bulk, key = set_aside(changes, frozen, NOW_US).records
    assert bulk.readings is not None
    assert len(bulk.readings) == 0
    assert [(gap.cause, gap.samples, gap.exact) for gap in bulk.gaps] == [
        ("late_after_retention", 1, True)
    ]
    assert key == changes.records[1]


def test_times_no_table_can_show_are_still_told() -> None:
    [kept] = set_aside(Changes(records=[record(-(2**63), 2**63 - 1)]), {}, NOW_US).records
    [gap] = kept.gaps
    assert (gap.cause, gap.samples) == ("implausible_time", 2)
    assert gap.from_us < 0 < (gap.to_us or 0)


@given(
    st.lists(
        st.one_of(
            st.integers(NOW_US - 30 * DAY_US, NOW_US + 3 * DAY_US),
            st.integers(-(2**63), 2**63 - 1),
        ),
        max_size=30,
    ),
    st.none() | st.integers(1, 20),
)
def test_every_reading_is_either_kept_or_counted(ts: list[int], frozen_days: int | None) -> None:
    before = NOW_US - PAST_US if frozen_days is None else NOW_US - frozen_days * DAY_US
    frozen = {} if frozen_days is None else {"bulk": before}
    [kept] = set_aside(Changes(records=[record(*ts)]), frozen, NOW_US).records
    assert kept.readings is not None
    stays = [at for at in ts if before <= at <= NOW_US + FUTURE_US]
    assert kept.readings.ts.tolist() == stays
    assert sum(gap.samples or 0 for gap in kept.gaps) == len(ts) - len(stays)
