"""A plain database becomes one with hypertables: whole, also when it was stopped on the way."""

from __future__ import annotations

from typing import Any

import pytest

from ingest_server.store.connection import Connection, connect
from ingest_server.store.errors import StoreRefuses
from ingest_server.store.hypertables import Moved, enable
from ingest_server.store.migrate import migrate
from ingest_server.store.partitions import DAY_US, HOURS, MINUTES, Partitions
from ingest_server.usecases.rollup import Rollup

DAY = 20_454  # 2026-01-01

pytestmark = pytest.mark.also_pglite(plain=False)


@pytest.fixture
def plain(any_dsn: str) -> str:
    """A database made when there was no TimescaleDB, on a server that has it now."""
    dsn = any_dsn
    migrate(dsn, hypertables=False)
    for table in (None, MINUTES, HOURS):
        partitions = Partitions(dsn) if table is None else Partitions(dsn, table)
        partitions.ensure(range(DAY, DAY + 4))
        partitions.close()
    with connect(dsn, name="test") as connection:
        connection.execute(
            "INSERT INTO edge (plant, edge) VALUES ('demo', 'a'); "
            "INSERT INTO tag (edge_id, path, revision, definition, dtype, class) "
            "SELECT 1, 'x' || n, 1, '1', 'f64', 'bulk' FROM generate_series(1, 3) AS n; "
            "INSERT INTO reading SELECT '2026-01-01'::timestamptz + g * interval '100 s', "
            "1 + g %% 3, g, NULL, CASE g %% 7 WHEN 0 THEN 'x' END, 0, g "
            "FROM generate_series(0, 3000) AS g; "
            "INSERT INTO dirty SELECT DISTINCT 1, date_trunc('minute', ts) FROM reading; "
            "CREATE VIEW some_readings AS SELECT ts, num FROM reading WHERE tag_id = 1; "
            "CREATE VIEW fewer AS SELECT num FROM some_readings WHERE num > 10; "
            "COMMENT ON VIEW fewer IS 'of somebody'; GRANT SELECT ON fewer TO pg_monitor; ".replace(
                "%%", "%"
            )
        )
    rollup = Rollup(dsn, clock=lambda: (DAY + 10) * DAY_US)
    while rollup.step():
        pass
    rollup.close()
    return dsn


def contents(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    with connect(dsn, name="test") as connection:
        return {
            table: connection.execute(
                f"SELECT * FROM {table} ORDER BY ts, tag_id".encode()
            ).fetchall()
            for table in ("reading", "reading_1m", "reading_1h")
        }


def kinds(connection: Connection) -> set[str]:
    return {
        name
        for (name,) in connection.execute(
            "SELECT hypertable_name FROM timescaledb_information.hypertables"
        )
    }


def test_everything_is_there_afterwards_and_new_data_too(plain: str) -> None:
    before = contents(plain)
    told: list[Moved] = []
    assert enable(plain, told=told.append) == sum(map(len, before.values()))
    assert told[-1].left == 0
    assert contents(plain) == before
    with connect(plain, name="test") as connection:
        assert kinds(connection) == {"reading", "reading_1m", "reading_1h"}
        connection.execute("INSERT INTO reading VALUES ('2026-03-01', 1, 1, NULL, NULL, 0, 9)")
        [(count,)] = connection.execute("SELECT count(*) FROM fewer").fetchall()
        [(comment,)] = connection.execute("SELECT obj_description('fewer'::regclass)").fetchall()
        [(may,)] = connection.execute(
            "SELECT has_table_privilege('pg_monitor', 'fewer', 'SELECT')"
        ).fetchall()
        names = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'lineside' "
            "AND tablename LIKE 'reading%' ORDER BY 1"
        ).fetchall()
    assert (count > 900, comment, may) == (True, "of somebody", True)
    assert [name for (name,) in names] == [
        "reading_1h_pkey",
        "reading_1m_pkey",
        "reading_origin_tag_ts",
        "reading_tag_ts",
    ]
    assert enable(plain, told=told.append) == 0
    migrate(plain)


class Killed(Exception):
    """Stands for the end of the process."""


def test_a_move_that_was_stopped_goes_on_and_no_server_starts_before(plain: str) -> None:
    before = contents(plain)
    moved = 0

    def stop_soon(one: Moved) -> None:
        nonlocal moved
        moved += one.rows
        if one.left == 3:
            raise Killed

    with pytest.raises(Killed):
        enable(plain, told=stop_soon)
    with pytest.raises(StoreRefuses) as caught:
        migrate(plain)
    assert caught.value.code == "LS-5840"
    rest = enable(plain, told=lambda _: None)
    assert 0 < rest < sum(map(len, before.values()))
    assert moved + rest == sum(map(len, before.values()))
    assert contents(plain) == before
    migrate(plain)


@pytest.mark.several_sessions
def test_nothing_is_moved_while_a_server_runs(plain: str) -> None:
    with connect(plain, name="ingest"), pytest.raises(StoreRefuses) as caught:
        enable(plain, told=lambda _: None)
    assert caught.value.code == "LS-5841"
    assert "lineside ingest" in str(caught.value.params["who"])


def test_without_timescaledb_it_is_told_what_to_do(dsn: str) -> None:
    migrate(dsn)
    with pytest.raises(StoreRefuses) as caught:
        enable(dsn, told=lambda _: None)
    assert caught.value.code == "LS-5842"
