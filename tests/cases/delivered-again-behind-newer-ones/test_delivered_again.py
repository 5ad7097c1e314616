"""Delivered again behind newer ones."""

from __future__ import annotations

from tests.cases.server_line import EDGE
from tests.integration.ingest_server.receive.looks import stored, wanted
from tests.integration.ingest_server.receive.model_edge import started
from tests.integration.ingest_server.usecases.conftest import (
    Apply,
    Handle,
    Rows,
    committer,
    handle,
    migrated,
    put,
    rows,
)
from wire.frame import StreamClass

__all__ = ["committer", "handle", "migrated", "put", "rows"]

COUNTED = "SELECT coalesce(sum(quantity), 0) FROM count_fact"
ODD = "SELECT count(*) FROM count_fact WHERE discontinuous"


def test_a_counter_sees_each_value_once_and_in_order(
    put: Apply, handle: Handle, rows: Rows, migrated: str
) -> None:
    put()
    epoch = started(EDGE, StreamClass.KEY)
    for count in range(10):
        epoch.sample([(1, 100 + 10 * count), (1, 105 + 10 * count)])
    first = epoch.seq - 10
    handle(*epoch.records[: first + 6])
    sixth = rows(COUNTED)
    # What was in flight comes again behind newer ones, and newer ones before what is missing.
    late = [*epoch.records[first + 2 : first + 5], *epoch.records[first + 8 :]]
    reasons = [str(each.reason) for each in handle(*late, epoch.records[first])]
    assert "next" not in reasons
    assert rows(COUNTED) == sixth == [(55,)]
    handle(*epoch.records)
    assert rows(COUNTED) == [(95,)]
    assert rows(ODD) == [(0,)]
    assert stored(migrated) == wanted(epoch)
