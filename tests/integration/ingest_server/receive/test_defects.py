"""What the server itself fails on holds one stream, and nothing else; nothing is given up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from ingest_server.receive.arrival import Arrival, look_at
from ingest_server.receive.committer import Committer
from ingest_server.receive.decide import SampleBatch
from ingest_server.receive.draft import Outcome
from runtime.clock import now_us
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import START_US, fill, started
from wire.control import Status
from wire.dtypes import DType
from wire.ids import EdgeId
from wire.records import TagDef
from wire.samples import Samples
from wire.topics import up

FIRST, SECOND = (EdgeId(plant="demo", edge=name) for name in ("line-a", "line-b"))

Handle = Callable[..., list[Outcome]]


@pytest.fixture
def committer(migrated: str) -> Iterator[Committer]:
    made = Committer(migrated, clock=now_us)
    yield made
    made.close()


def _arrivals(edge: EdgeId, *records: bytes) -> list[Arrival]:
    return [look_at(up(edge, "data"), record) for record in records]


def _poisoned(arrival: Arrival) -> Arrival:
    """As a decoder with a bug would hand it on: columns that do not fit together."""
    nonsense = Samples(
        tag=np.array([1, 2], np.int32),
        ts=np.array([START_US], np.int64),
        q=np.zeros(3, np.uint32),
        f=np.zeros(1),
        i=np.zeros(1, np.int64),
        s=None,
    )
    return replace(arrival, content=SampleBatch(samples=nonsense, complete_to_us=START_US))


def test_a_record_we_fail_on_holds_its_stream_and_no_other(
    committer: Committer, migrated: str
) -> None:
    first, second = started(FIRST), started(SECOND)
    fill(first, records=3, rows=4)
    fill(second, records=3, rows=4)
    group = _arrivals(FIRST, *first.records)
    group[2] = _poisoned(group[2])
    group += _arrivals(SECOND, *second.records)
    for _ in range(2):
        outcomes = committer.handle(group)
        assert str(outcomes[2].reason) == "held"
        assert isinstance(outcomes[2].defect, Exception)
        assert outcomes[2].row is None
    assert stored(migrated) == wanted(second)
    found = rows(
        migrated, "SELECT edge, cursor FROM stream JOIN edge USING (edge_id) ORDER BY edge"
    )
    assert found == [("line-a", 2), ("line-b", 5)]
    assert rows(migrated, "SELECT edge, code, params->>'seq' FROM notice") == [
        ("line-a", "LS-5416", "3")
    ]
    assert rows(migrated, "SELECT count(*) FROM dead_letter") == [(0,)]


def test_a_held_stream_goes_on_when_the_defect_is_gone(committer: Committer, migrated: str) -> None:
    epoch = started(FIRST)
    fill(epoch, records=4, rows=3)
    good = _arrivals(FIRST, *epoch.records)
    committer.handle([*good[:2], _poisoned(good[2]), *good[3:]])
    outcomes = committer.handle(good)
    assert [str(outcome.reason) for outcome in outcomes[2:]] == ["next"] * 4
    assert stored(migrated) == wanted(epoch)


def test_a_status_the_database_refuses_stops_nobody(committer: Committer, migrated: str) -> None:
    epoch = started(SECOND)
    fill(epoch, records=1, rows=3)
    status = Status(state="online", epoch=epoch.epoch, session=1, at_us=START_US, agent="x\0y")
    strange = look_at(up(FIRST, "status"), status.encode())
    outcomes = committer.handle([strange, *_arrivals(SECOND, *epoch.records)])
    assert [str(outcome.reason) for outcome in outcomes] == ["held", "opened", "next", "next"]
    assert stored(migrated) == wanted(epoch)


def test_a_tag_number_out_of_all_proportion_is_refused(committer: Committer, migrated: str) -> None:
    epoch = started(FIRST)
    epoch.define(TagDef(n=2**31 - 1, path="press/far", dtype=DType.U16))
    fill(epoch, records=1, rows=3)
    outcomes = committer.handle(_arrivals(FIRST, *epoch.records))
    assert [str(outcome.reason) for outcome in outcomes] == ["opened", "next", "bad", "next"]
    assert rows(migrated, "SELECT code FROM dead_letter") == [("LS-5417",)]


def test_a_plan_of_another_release_does_not_stop_storage(
    committer: Committer, migrated: str
) -> None:
    rows(
        migrated,
        "INSERT INTO plan_version (author, plant, sha256, text, plan) "
        """VALUES ('mei', 'demo', '', '', '{"plant": "demo", "of": "tomorrow"}') RETURNING 1""",
    )
    epoch = started(FIRST)
    fill(epoch, records=2, rows=3)
    committer.handle(_arrivals(FIRST, *epoch.records))
    assert stored(migrated) == wanted(epoch)
    assert rows(migrated, "SELECT cursor, applied FROM stream") == [(4, 0)]
    assert rows(migrated, "SELECT DISTINCT code FROM notice") == [("LS-5415",)]
