"""Late readings for days that are packed, and while they are being packed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest_server.embedded.postgres import EmbeddedPostgres
from ingest_server.receive.arrival import Arrival, look_at, read_content
from ingest_server.receive.committer import Committer
from ingest_server.receive.draft import Outcome
from ingest_server.receive.late import BUSY
from ingest_server.store import columnstore
from ingest_server.store.connection import connect
from ingest_server.store.migrate import migrate
from runtime.clock import now_us
from tests.conftest import DatabaseKind, Postgres, run_apart
from tests.integration.ingest_server.receive.looks import rows
from tests.integration.ingest_server.receive.model_edge import Epoch, fill, started
from wire.ids import EdgeId
from wire.topics import up

LATE = EdgeId(plant="demo", edge="line-a")
FRESH = EdgeId(plant="demo", edge="line-b")

pytestmark = pytest.mark.needs_timescaledb


@pytest.fixture
def packed(postgres_of: Callable[[DatabaseKind], Postgres]) -> Iterator[str]:
    server = postgres_of("timescaledb")
    dsn = server.fresh_database()
    migrate(dsn)
    with connect(dsn, name="test") as connection:
        columnstore.configure(connection, 2)
    yield dsn
    server.drop(dsn)


@pytest.fixture
def committer(packed: str) -> Iterator[Committer]:
    made = Committer(packed, clock=now_us)
    yield made
    made.close()


def arrivals(edge: EdgeId, epoch: Epoch) -> list[Arrival]:
    found = []
    for record in epoch.records:
        seen = look_at(up(edge, "data"), record)
        assert seen.prefix is not None
        content = read_content(record, seen.prefix)
        found.append(
            Arrival(
                topic=seen.topic,
                payload=record,
                edge=edge,
                prefix=seen.prefix,
                content=content,
            )
        )
    return found


def reasons(outcomes: list[Outcome]) -> list[str]:
    return [str(outcome.reason) for outcome in outcomes]


def test_while_a_day_is_packed_only_its_edge_waits(committer: Committer, packed: str) -> None:
    late, fresh = started(LATE), started(FRESH)
    late.now_us = now_us() - 20 * 86_400_000_000
    late.sample([(2, 1.0)])
    committer.handle(arrivals(LATE, late))
    with connect(packed, name="test") as connection:
        columnstore.pack(connection)
    assert rows(
        packed, "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed"
    ) == [(1,)]
    late.sample([(2, 2.0)])
    fresh.now_us = now_us()
    fill(fresh, records=1, rows=3)
    both = [*arrivals(LATE, late)[-1:], *arrivals(FRESH, fresh)]
    [(chunk,)] = rows(
        packed,
        "SELECT format('%%I.%%I', chunk_schema, chunk_name) "
        "FROM timescaledb_information.chunks WHERE is_compressed",
    )
    with connect(packed, name="packing") as packing, packing.transaction():
        packing.execute(f"LOCK TABLE {chunk} IN SHARE ROW EXCLUSIVE MODE".encode())
        outcomes = committer.handle(both)
    assert reasons(outcomes) == [BUSY, "opened", "next", "next"]
    assert outcomes[0].row is None
    assert reasons(committer.handle(both[:1])) == ["next"]
    assert rows(packed, "SELECT num FROM reading WHERE tag_id = 2 ORDER BY ts LIMIT 2") == [
        (1.0,),
        (2.0,),
    ]


def test_the_apache_edition_keeps_rows_as_they_are() -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(
            Path(folder) / "data", settings={"fsync": "off", "timescaledb.license": "apache"}
        )
        run_apart(server.start())
        try:
            migrate(server.dsn)
            with connect(server.dsn, name="test") as connection:
                assert columnstore.configure(connection, 2) == "apache"
                assert not columnstore.is_packed(connection)
                columnstore.pack(connection)
            late = started(LATE)
            late.now_us = now_us() - 20 * 86_400_000_000
            late.sample([(2, 1.0)])
            committer = Committer(server.dsn, clock=now_us)
            assert reasons(committer.handle(arrivals(LATE, late))) == ["opened", "next", "next"]
            committer.close()
        finally:
            run_apart(server.stop())
