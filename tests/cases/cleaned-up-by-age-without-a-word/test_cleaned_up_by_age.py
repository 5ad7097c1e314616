"""Cleaned up by age without a word."""

from __future__ import annotations

from ingest_server.store.migrate import migrate
from runtime.clock import from_datetime
from tests.cases.server_line import EDGE, take
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import SECOND_US, fill, started


def test_what_an_edge_gave_up_stands_in_gap_with_span_number_and_cause(any_dsn: str) -> None:
    migrate(any_dsn)
    epoch = started(EDGE)
    fill(epoch, records=2, rows=5)
    begin_us, kept = epoch.now_us, len(epoch.truth)
    fill(epoch, records=20, rows=50, seed=1)  # an outage of days: these grew too old
    end_us, last = epoch.now_us, epoch.seq
    lost = len(epoch.truth) - kept
    del epoch.truth[kept:]
    first = epoch.seq - 19
    grown_old = epoch.tombstone(
        last, seq=first, from_us=begin_us + SECOND_US, to_us=end_us, samples=lost, cause="age"
    )
    fill(epoch, records=2, rows=5, seed=2)
    for _ in range(2):
        take(any_dsn, *epoch.records[: first - 1], grown_old, *epoch.records[last:])
    assert stored(any_dsn) == wanted(epoch)
    told = rows(any_dsn, "SELECT cause, samples, exact, from_ts, to_ts FROM gap")
    assert [(c, s, e, from_datetime(f), from_datetime(t)) for c, s, e, f, t in told] == [
        ("age", lost, True, begin_us + SECOND_US, end_us)
    ]
