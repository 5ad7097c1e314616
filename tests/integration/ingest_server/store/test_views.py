"""The views for BI tools: there, documented column by column, right, and for readers only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingest_server.store.migrate import migrate
from ingest_server.store.views import put_views
from tests.integration.ingest_server.api.serving import made_database

PAGE = (Path(__file__).parents[4] / "docs" / "sql.md").read_text("utf-8")
SAMPLES = re.findall(r"```sql\n(.*?)```", PAGE.split("## Examples")[1], re.DOTALL)
GRANTS = re.findall(r"```sql\n(.*?)```", PAGE.split("## What is the same")[0], re.DOTALL)


@pytest.fixture(
    scope="module",
    params=["postgres", pytest.param("timescaledb", marks=pytest.mark.needs_timescaledb)],
)
def plant_dsn(request: pytest.FixtureRequest, postgres_of: Any) -> Iterator[str]:
    """The small plant, once in partitions and once in a hypertable."""
    server = postgres_of(request.param)
    dsn = server.fresh_database()
    yield made_database(dsn)
    server.drop(dsn)


@pytest.fixture
def sql(plant_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(plant_dsn, autocommit=True, options="-c timezone=UTC") as connection:
        yield connection


def documented() -> dict[str, list[str]]:
    found = {}
    for part in PAGE.split("## Examples")[0].split("\n### ")[1:]:
        name, _, text = part.partition("\n")
        rows = re.findall(r"^\| (\w+) \| (.+) \|$", text, re.MULTILINE)
        found[name] = [column for column, _ in rows if column != "column"]
    return found


def test_every_view_and_column_is_documented_in_its_order(sql: psycopg.Connection[Any]) -> None:
    rows = sql.execute(
        "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position)"
        " FROM information_schema.columns WHERE table_schema = 'lineside_bi' GROUP BY 1"
    ).fetchall()
    assert documented() == dict(rows)


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_of_the_page_runs(sql: psycopg.Connection[Any], sample: str) -> None:
    sql.execute(sample.encode()).fetchall()


def test_readings_are_what_is_stored(sql: psycopg.Connection[Any]) -> None:
    rows = sql.execute(
        "SELECT value, value_text, good, quality FROM lineside_bi.reading"
        " WHERE tag = 'demo/line-a/press-1/serial' ORDER BY ts"
    ).fetchall()
    assert rows == [
        (9007199254740993.0, "9007199254740993", True, 0),
        (None, "18446744073709551615", True, 0),
        (5.0, "5", True, 0),
    ]
    bad = sql.execute(
        "SELECT DISTINCT value, good, quality FROM lineside_bi.reading"
        " WHERE tag = 'demo/line-a/press-1/temp' AND NOT good"
    ).fetchall()
    assert bad == [(None, False, 0x80050008)]


def test_production_adds_up_to_what_orders_say(sql: psycopg.Connection[Any]) -> None:
    days = sql.execute(
        "SELECT plant_day::text, attribution, order_no, good, scrap"
        " FROM lineside_bi.production_day WHERE equipment = 'press-1'"
        " ORDER BY attribution, order_no"
    ).fetchall()
    assert days == [
        ("2026-03-01", "order", "WO-1", 105, 0),
        ("2026-03-01", "order", "WO-2", 7, 0),
        ("2026-03-01", "unallocated", None, 5, 0),
        ("2026-03-01", "unassigned", None, 10, 0),
    ]
    orders = sql.execute(
        "SELECT order_no, good, remaining, percent FROM lineside_bi.work_order ORDER BY order_no"
    ).fetchall()
    assert orders == [("WO-1", 105, 0, 105), ("WO-2", 7, 13, 35), ("WO/3", 0, 0, None)]


def test_a_day_is_the_plants_own(sql: psycopg.Connection[Any]) -> None:
    """16:00 UTC is the next day in Shanghai."""
    with sql.transaction(force_rollback=True):
        sql.execute(
            "INSERT INTO lineside.production_1m"
            " (plant, equipment, minute, tag_id, role, run, quantity)"
            " VALUES ('demo', 'press-2', '2026-03-01 15:59Z', 8, 'total', 'unassigned', 1),"
            " ('demo', 'press-2', '2026-03-01 16:00Z', 8, 'total', 'unassigned', 2),"
            " ('demo', 'press-2', '2026-03-01 16:00Z', 9, 'scrap', 'unassigned', 1)"
        )
        rows = sql.execute(
            "SELECT plant_day::text, good, scrap FROM lineside_bi.production_day"
            " WHERE equipment = 'press-2' ORDER BY 1"
        ).fetchall()
    assert rows == [("2026-03-01", 4, 0), ("2026-03-02", 1, 1)]


def test_edges_alarms_and_gaps_say_what_the_api_says(sql: psycopg.Connection[Any]) -> None:
    edge = sql.execute(
        "SELECT key_complete_to::text, bulk_complete_to::text, gaps_open, parked, agent"
        " FROM lineside_bi.edge WHERE edge = 'line-a'"
    ).fetchone()
    assert edge == ("2026-03-01 01:59:00+00", "2026-03-01 01:30:00+00", 1, True, "0.1.0")
    active = sql.execute("SELECT count(*) FROM lineside_bi.alarm WHERE active").fetchone()
    assert active == (4,)
    causes = sql.execute("SELECT cause FROM lineside_bi.gap WHERE open").fetchall()
    assert causes == [("device_down",)]


def test_a_reader_sees_the_views_and_nothing_else(sql: psycopg.Connection[Any]) -> None:
    # The roles of a server are shared by the databases of other tests.
    role = f"reports_{sql.info.dbname}"
    with sql.transaction(force_rollback=True):
        sql.execute(GRANTS[0].replace("reports", role).encode())
        sql.execute(f"SET LOCAL ROLE {role}".encode())
        (count,) = sql.execute("SELECT count(*) FROM lineside_bi.reading").fetchone() or (0,)
        assert count > 60
        with pytest.raises(psycopg.errors.InsufficientPrivilege), sql.transaction():
            sql.execute("SELECT * FROM lineside.reading")
        with pytest.raises(psycopg.Error), sql.transaction():
            sql.execute("DELETE FROM lineside_bi.gap")


def test_views_of_ones_own_and_grants_survive_a_new_text(plant_dsn: str) -> None:
    with psycopg.connect(plant_dsn, autocommit=True) as connection:
        assert not put_views(connection)
        connection.execute("CREATE VIEW public.mine AS SELECT tag FROM lineside_bi.tag")
        connection.execute("GRANT SELECT ON lineside_bi.gap TO PUBLIC")
        connection.execute("COMMENT ON SCHEMA lineside_bi IS 'views of an older release'")
        migrate(plant_dsn)
        assert connection.execute("SELECT count(*) > 0 FROM public.mine").fetchone() == (True,)
        assert connection.execute(
            "SELECT has_table_privilege('pg_monitor', 'lineside_bi.gap', 'SELECT')"
        ).fetchone() == (True,)
        connection.execute("DROP VIEW public.mine")


def test_views_that_went_with_a_table_come_back(plant_dsn: str) -> None:
    with psycopg.connect(plant_dsn, autocommit=True) as connection:
        connection.execute("DROP VIEW lineside_bi.reading")
        migrate(plant_dsn)
        assert connection.execute("SELECT count(*) > 60 FROM lineside_bi.reading").fetchone() == (
            True,
        )
