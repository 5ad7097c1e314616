"""Late data outside the window."""

from __future__ import annotations

import psycopg

from ingest_server.store.migrate import migrate
from ingest_server.store.partitions import HOURS, MINUTES, Partitions
from ingest_server.usecases.rollup import Rollup
from tests.cases.server_line import EDGE, take
from tests.integration.ingest_server.receive.looks import rows
from tests.integration.ingest_server.receive.model_edge import SECOND_US, START_US, started

DAY_US = 86_400 * SECOND_US
MINUTE_US = 60 * SECOND_US


def rolled(dsn: str) -> dict[str, list[tuple[object, ...]]]:
    """All minutes and hours, once everything that is marked is computed."""
    for kind in (MINUTES, HOURS):
        partitions = Partitions(dsn, kind)
        partitions.ensure([START_US // DAY_US])
        partitions.close()
    rollup = Rollup(dsn, clock=lambda: START_US + 3 * DAY_US)
    try:
        while rollup.step():
            pass
    finally:
        rollup.close()
    figures = "tag_id, ts, count, good, min, max, mean, first, last, twa"
    return {
        table: rows(dsn, f"SELECT {figures} FROM {table} ORDER BY tag_id, ts")
        for table in ("reading_1m", "reading_1h")
    }


def test_a_day_that_was_summed_up_long_ago_counts_what_comes_later(any_dsn: str) -> None:
    migrate(any_dsn)
    epoch = started(EDGE)
    for minute in range(0, 120, 7):
        epoch.now_us = START_US + minute * MINUTE_US
        epoch.sample([(2, float(minute)), (2, minute + 0.5)])
    take(any_dsn, *epoch.records)
    before = rolled(any_dsn)
    for minute in (3, 64):  # hours later, from a line that was cut off
        epoch.now_us = START_US + minute * MINUTE_US
        epoch.sample([(2, 500.0 + minute)])
    take(any_dsn, *epoch.records)
    after = rolled(any_dsn)
    assert [row[5] for row in before["reading_1h"]] == [56.5, 119.5]
    assert [row[5] for row in after["reading_1h"]] == [503.0, 564.0]
    assert len(after["reading_1m"]) == len(before["reading_1m"]) + 2
    # The same as if everything had come in time.
    with psycopg.connect(any_dsn, options="-c search_path=lineside,public") as connection:
        connection.execute("DELETE FROM reading_1m")
        connection.execute("DELETE FROM reading_1h")
        connection.execute(
            "INSERT INTO dirty (edge_id, minute) SELECT DISTINCT edge_id, date_trunc('minute', ts)"
            " FROM reading JOIN tag USING (tag_id)"
        )
    assert rolled(any_dsn) == after
