"""The columnstore as configured, and what is read out of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from ingest_server.store import columnstore
from ingest_server.store.connection import Connection, connect
from ingest_server.store.migrate import migrate
from ingest_server.store.partitions import Partitions
from ingest_server.store.series import BUCKETS, ORIGIN
from tests.conftest import DatabaseKind

DAY = datetime(2026, 1, 1, tzinfo=UTC)
POLICIES = """
SELECT hypertable_name, job_id, config ->> 'compress_after' FROM timescaledb_information.jobs
WHERE hypertable_schema = 'lineside' AND proc_name = 'policy_compression' ORDER BY 1
"""

pytestmark = pytest.mark.also_pglite


@pytest.fixture
def connection(any_dsn: str) -> Iterator[Connection]:
    """To a database with six hours of readings of two tags, one a minute."""
    migrate(any_dsn)
    partitions = Partitions(any_dsn)
    partitions.ensure([(DAY - datetime(1970, 1, 1, tzinfo=UTC)).days])
    partitions.close()
    with connect(any_dsn, name="test") as made:
        made.execute(
            "INSERT INTO edge (plant, edge) VALUES ('demo', 'a'); "
            "INSERT INTO tag (edge_id, path, revision, definition, dtype, class) "
            "SELECT 1, 'x' || n, 1, '1', 'f64', 'bulk' FROM generate_series(1, 2) AS n"
        )
        made.execute(
            "INSERT INTO reading SELECT %s::timestamptz + n * interval '30 s', 1 + n %% 2, "
            "n, NULL, NULL, 0, n FROM generate_series(0, 719) AS n",
            (DAY,),
        )
        yield made


def policies(connection: Connection) -> dict[str, tuple[int, str]]:
    return {table: (job, after) for table, job, after in connection.execute(POLICIES.encode())}


def hours(connection: Connection) -> list[tuple[object, ...]]:
    parameters = {
        "tags": [1, 2],
        "from_ts": DAY,
        "to_ts": DAY + timedelta(days=1),
        "width": timedelta(hours=1),
        "origin": ORIGIN,
    }
    columns = b"SELECT tag_id, ts, count, min, max, mean, first, last, twa"
    query = columns + b" FROM (" + BUCKETS + b") AS b ORDER BY 1, 2"
    return connection.execute(query, parameters).fetchall()


def test_packing_is_turned_on_changed_and_off(
    connection: Connection, database_kind: DatabaseKind
) -> None:
    if database_kind == "postgres":
        assert columnstore.configure(connection, 3) == "none"
        assert not columnstore.is_packed(connection)
        return
    assert columnstore.configure(connection, 3) == "timescale"
    first = policies(connection)
    assert {table: after for table, (_, after) in first.items()} == {
        "reading": "3 days",
        "reading_1m": "33 days",
    }
    columnstore.configure(connection, 3)
    assert policies(connection) == first
    columnstore.configure(connection, 5)
    assert [after for _, after in policies(connection).values()] == ["5 days", "35 days"]
    columnstore.configure(connection, None)
    assert policies(connection) == {}
    assert columnstore.is_packed(connection)


def test_packed_readings_give_the_same_series(
    connection: Connection, database_kind: DatabaseKind
) -> None:
    before = hours(connection)
    assert [row[2] for row in before] == [60] * 12
    columnstore.configure(connection, 2)
    columnstore.pack(connection)
    if database_kind != "postgres":
        packed = connection.execute(
            "SELECT is_compressed FROM timescaledb_information.chunks "
            "WHERE hypertable_name = 'reading'"
        ).fetchall()
        assert packed == [(True,)]
    assert hours(connection) == before
    # What comes late lies beside what is packed.
    connection.execute(
        "INSERT INTO reading VALUES (%s, 1, 1000, NULL, NULL, 0, 999)",
        (DAY + timedelta(seconds=15),),
    )
    [first, *rest] = hours(connection)
    assert (first[2], first[4]) == (61, 1000)
    assert rest == before[1:]
