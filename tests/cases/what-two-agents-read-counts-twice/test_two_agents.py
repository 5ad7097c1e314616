"""What two agents read counts twice."""

from __future__ import annotations

import pytest

from tests.cases.server_line import EDGE
from tests.integration.ingest_server.receive.model_edge import DEFAULT_TAGS, SECOND_US, Epoch
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
FALLEN = "SELECT count(*) FROM count_fact WHERE cause = 3"
LAG_US = 3 * SECOND_US // 2


def begun(epoch: Epoch) -> Epoch:
    epoch.open()
    epoch.define(*DEFAULT_TAGS)
    return epoch


def read(epoch: Epoch, first: int, last: int) -> Epoch:
    """One piece a second, each read at its second, in a record of its own."""
    for count in range(first, last + 1):
        epoch.sample([(1, count)], lag_us=LAG_US)
    return epoch


@pytest.mark.parametrize("second", [4, 8, 9])
def test_a_reading_newer_than_the_other_stream_is_complete_to_counts_once(
    put: Apply, handle: Handle, rows: Rows, second: int
) -> None:
    """The other agent begins to read at that second, when eight have been told of."""
    put()
    before = begun(Epoch(edge=EDGE, cls=StreamClass.KEY))
    before.sample([(1, 0)])
    one = read(begun(before.successor(clean=False)), 1, 8)
    pause_us = (second - 1) * SECOND_US
    other = read(begun(before.successor(clean=False, pause_us=pause_us)), second, 12)
    handle(*before.records, *one.records)
    assert rows(COUNTED) == [(8,)]
    handle(*other.records)
    assert rows(COUNTED) == [(12,)]
    # And what the first one read meanwhile, told later.
    handle(*read(one, 9, 13).records)
    assert rows(COUNTED) == [(13,)]
    assert rows(FALLEN) == [(0,)]
