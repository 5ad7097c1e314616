"""Latest values coalesced in memory, however many readings come between two flushes."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest

from ingest_server.store.connection import connect
from ingest_server.store.copyrows import Readings
from ingest_server.store.errors import StoreAway
from ingest_server.store.rows import Shape
from ingest_server.usecases.latest import Latest
from runtime.clock import to_datetime
from tests.integration.ingest_server.usecases.conftest import Rows

START_US = 1_768_000_000_000_000
TAGS = 7


def readings(first: int, count: int) -> Readings:
    """One reading a millisecond, of each tag in turn; the value is the number of the reading."""
    number = np.arange(first, first + count)
    return Readings(
        tag_id=(number % TAGS + 1).astype(np.int32),
        ts=START_US + number * 1_000,
        q=np.zeros(count, np.uint32),
        f=number.astype(np.float64),
        i=np.zeros(count, np.int64),
        s=None,
        orig=None,
        shape=np.full(count, Shape.FROM_FLOAT, np.int8),
    )


@pytest.mark.parametrize("parts", [[5_000], [5_000] * 60, [350_001]])
def test_the_newest_of_each_tag_is_written_however_many_came(
    migrated: str, rows: Rows, parts: list[int]
) -> None:
    latest, first = Latest(), 0
    for count in parts:
        latest.note([readings(first, count), readings(0, 1)])
        first += count
    with connect(migrated, name="test") as connection:
        latest.flush(connection)
    assert rows("SELECT num, ts FROM tag_latest ORDER BY num") == [
        (number, to_datetime(START_US + number * 1_000)) for number in range(first - TAGS, first)
    ]


def test_what_could_not_be_written_is_written_the_next_time(migrated: str, rows: Rows) -> None:
    latest = Latest()
    latest.note([readings(0, 100)])
    with connect(migrated, name="gone") as gone:
        with psycopg.connect(migrated, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (gone.info.backend_pid,))
        with pytest.raises(StoreAway):
            latest.flush(gone)
    latest.note([readings(90, 5)])
    with connect(migrated, name="test") as connection:
        latest.flush(connection)
    assert rows("SELECT max(num), count(*) FROM tag_latest") == [(99.0, TAGS)]
