"""Migrations on empty, current and newer databases; partitions for any day, also beside writers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import psycopg
import pytest

from ingest_server.store import migrations
from ingest_server.store.connection import connect
from ingest_server.store.errors import DatabaseAhead, StoreAway, StoreRefuses
from ingest_server.store.migrate import migrate
from ingest_server.store.partitions import AHEAD_DAYS, DAY_US, MINUTES, READING, Partitions
from ingest_server.usecases.rollup import Rollup

VERSIONS = Path(migrations.__file__).with_name("versions")
TODAY = 20_454  # 2026-01-01


def test_several_that_start_at_once_migrate_once(any_dsn: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(migrate, [any_dsn] * 4))
    [newest] = {each.after for each in done}
    assert sorted(str(each.before) for each in done) == ["None", newest, newest, newest]


Layout = Literal["partitions", "hypertable"]

IN_A_HYPERTABLE = """
SET search_path = lineside, public;
ALTER TABLE reading RENAME TO reading_dumped;
ALTER INDEX reading_tag_ts RENAME TO reading_dumped_tag_ts;
{reading};
INSERT INTO reading SELECT * FROM reading_dumped;
DROP TABLE reading_dumped;
"""


def of_release(dsn: str, name: str, layout: Layout = "partitions") -> None:
    """Make the database one of an earlier release, with data in it.

    As that release made it without TimescaleDB, or with it.
    """
    with psycopg.connect(dsn, autocommit=True) as connection:
        text = (Path(__file__).parent / "released" / f"{name}.sql").read_text("utf-8")
        connection.execute(text.encode())
        if layout == "hypertable":
            connection.execute(b"CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public")
            reading = (VERSIONS / "m0001_reading_hypertable.sql").read_text("utf-8")
            connection.execute(IN_A_HYPERTABLE.format(reading=reading).encode())


def rows_by_table(dsn: str) -> dict[str, int]:
    with connect(dsn, name="test") as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'lineside'::regnamespace "
            "AND relkind IN ('r', 'p') AND NOT relispartition"
        ).fetchall()
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchall()[0][0]
            for (table,) in tables
        }


def laid_out(dsn: str) -> set[str]:
    """How readings and rollups lie: 'p' in partitions, 'r' in a hypertable."""
    with connect(dsn, name="test") as connection:
        found = connection.execute(
            "SELECT relkind FROM pg_class WHERE oid = ANY "
            "('{reading,reading_1m,reading_1h}'::regclass[])"
        ).fetchall()
    return {kind for (kind,) in found}


@pytest.mark.also_pglite
@pytest.mark.parametrize("release", ["m0001", "m0003"])
@pytest.mark.parametrize("layout", ["partitions", "hypertable"])
def test_a_database_of_an_earlier_release_keeps_its_data(
    any_dsn: str, database_kind: str, release: str, layout: Layout
) -> None:
    if (database_kind, layout) == ("postgres", "hypertable"):
        pytest.skip("there are no hypertables without TimescaleDB")
    of_release(any_dsn, release, layout)
    before = rows_by_table(any_dsn)
    at_once = 1 if database_kind == "pglite" else 3  # in one session a lock stops nobody
    with ThreadPoolExecutor(at_once) as pool:
        done = list(pool.map(migrate, [any_dsn] * at_once))
    assert sorted(str(each.before) for each in done)[0] == release
    after = rows_by_table(any_dsn)
    assert {name: after.get(name) for name in before} == before
    assert laid_out(any_dsn) == {"r" if layout == "hypertable" else "p"}
    if (database_kind, layout) == ("pglite", "partitions"):
        return  # what makes a partition does so beside the rollup's transaction, in another session
    rollup = Rollup(any_dsn, clock=lambda: (TODAY + 10) * DAY_US)
    while rollup.step():
        pass
    rollup.close()
    with connect(any_dsn, name="test") as connection:
        found = connection.execute(
            "SELECT tag_id, ts::text, count, first, last FROM reading_1m ORDER BY 1, 2"
        ).fetchall()
    assert found == [
        (1, "2026-01-01 10:00:00+00", 4, 100, 103),
        (1, "2026-01-01 10:01:00+00", 4, 104, 107),
        (1, "2026-01-01 10:02:00+00", 4, 108, 111),
        (2, "2026-01-01 09:59:00+00", 1, 20.5, 20.5),
        (2, "2026-01-01 10:01:00+00", 1, None, None),
        (2, "2026-01-02 00:00:00+00", 1, 21.5, 21.5),
    ]


@pytest.mark.also_pglite
def test_readings_are_partitioned_or_a_hypertable(any_dsn: str, database_kind: str) -> None:
    migrate(any_dsn)
    with connect(any_dsn, name="test") as connection:
        [(kind,)] = connection.execute(
            "SELECT relkind FROM pg_class WHERE oid = 'reading'::regclass"
        ).fetchall()
    assert kind == ("p" if database_kind == "postgres" else "r")


def test_a_database_of_a_later_release_is_left_alone(dsn: str) -> None:
    migrate(dsn)
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE lineside.schema_version SET version_num = 'm9999'")
    with pytest.raises(DatabaseAhead):
        migrate(dsn)


def test_a_database_that_is_away_is_told_with_its_address(free_port: int) -> None:
    with pytest.raises(StoreAway) as caught:
        migrate(f"postgresql://u:p@127.0.0.1:{free_port}/x")
    assert str(free_port) in str(caught.value.params["reason"])


def test_a_wrong_password_is_for_a_person(dsn: str) -> None:
    user, rest = dsn.removeprefix("postgresql://").split("@")
    with pytest.raises(StoreRefuses):
        migrate(f"postgresql://{user.split(':')[0]}:wrong@{rest}")


def test_days_have_names_and_back() -> None:
    assert READING.name_of(TODAY) == "reading_p20260101"
    assert READING.day_of("reading_p20260101") == TODAY
    assert READING.day_of("somebody_elses") is None
    assert READING.day_of("reading_1m_p20260101") is None
    assert MINUTES.name_of(TODAY) == "reading_1m_p20260101"
    assert MINUTES.name_of(TODAY - 1) == "reading_1m_p20251225"


def test_partitions_are_made_ahead_once_by_several(dsn: str) -> None:
    migrate(dsn)

    def make(_: int) -> None:
        partitions = Partitions(dsn)
        partitions.ensure_ahead(TODAY * DAY_US)
        partitions.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(4)))
    with connect(dsn, name="test") as connection:
        found = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = 'reading'::regclass ORDER BY 1"
        ).fetchall()
    assert [name for (name,) in found] == [READING.name_of(TODAY + step) for step in AHEAD_DAYS]


def test_a_partition_is_attached_beside_an_open_transaction_that_writes(dsn: str) -> None:
    migrate(dsn)
    partitions = Partitions(dsn)
    partitions.ensure([TODAY])
    with connect(dsn, name="writer") as writer, writer.transaction():
        writer.execute("INSERT INTO reading VALUES ('2026-01-01', 1, 1, NULL, NULL, 0, 1)")
        partitions.ensure([TODAY + 1])
        writer.execute("INSERT INTO reading VALUES ('2026-01-02', 1, 1, NULL, NULL, 0, 1)")
    partitions.close()


def test_a_lock_that_somebody_holds_is_tried_again_and_then_told(dsn: str) -> None:
    migrate(dsn)
    pauses: list[float] = []
    partitions = Partitions(dsn, sleep=pauses.append)
    with connect(dsn, name="holder") as holder, holder.transaction():
        holder.execute("LOCK TABLE reading IN SHARE UPDATE EXCLUSIVE MODE")
        with pytest.raises(StoreAway):
            partitions.ensure([TODAY])
    assert len(pauses) > 3
    partitions.ensure([TODAY])
    partitions.close()
