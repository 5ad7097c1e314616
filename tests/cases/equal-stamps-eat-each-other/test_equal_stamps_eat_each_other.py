"""Equal stamps eat each other."""

from __future__ import annotations

from ingest_server.store.migrate import migrate
from tests.cases.server_line import EDGE, take
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import started


def test_readings_with_one_stamp_and_one_value_are_all_kept_and_none_twice(any_dsn: str) -> None:
    migrate(any_dsn)
    epoch = started(EDGE)
    epoch.sample([(1, 7)] * 300, step_us=0)
    epoch.sample([(2, 20.5)] * 150 + [(2, 21.0)] * 160, step_us=0)
    for _ in range(2):  # the second time as a broker that repeats itself
        take(any_dsn, *epoch.records)
    assert stored(any_dsn) == wanted(epoch)
    assert rows(any_dsn, "SELECT count(*), count(DISTINCT ts) FROM reading") == [(610, 1)]
