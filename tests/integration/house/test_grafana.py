"""The Grafana dashboard: every query in it runs on a real database, and some find what is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from ingest_server.store.migrate import migrate
from tests.integration.ingest_server.api.serving import made_database

GRAFANA = Path(__file__).parents[3] / "deploy" / "grafana"
DASHBOARD = json.loads((GRAFANA / "dashboards" / "lineside.json").read_text("utf-8"))
FROM, TO = "'2026-03-01T00:00:00Z'", "'2026-03-01T02:00:00Z'"
VARIABLES = {
    "plant": "'demo'",
    "edge": "'line-a','line-b'",
    "tag": "'demo/line-a/press-1/temp','demo/line-b/press-2/count'",
}


@pytest.fixture(
    scope="module",
    params=["postgres", pytest.param("timescaledb", marks=pytest.mark.needs_timescaledb)],
)
def reader(request: pytest.FixtureRequest, postgres_of: Any) -> Iterator[psycopg.Connection[Any]]:
    """Somebody who may only read the views, on the small plant."""
    server = postgres_of(request.param)
    dsn = server.fresh_database()
    made_database(dsn)
    migrate(dsn)
    with psycopg.connect(dsn, options="-c timezone=UTC") as connection:
        connection.execute("CREATE ROLE grafana_reader")
        connection.execute("GRANT USAGE ON SCHEMA lineside_bi TO grafana_reader")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA lineside_bi TO grafana_reader")
        connection.execute("SET ROLE grafana_reader")
        yield connection
        connection.rollback()  # the role belongs to the whole server
    server.drop(dsn)


def expanded(sql: str) -> str:
    """What Grafana's PostgreSQL data source makes of a query (its macros and the variables)."""
    sql = re.sub(
        r"\$__timeGroupAlias\((\w+),\s*('1h'|\$__interval)\)",
        r"floor(extract(epoch from \1)/60)*60 AS time",
        sql,
    )
    sql = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN {FROM} AND {TO}", sql)
    sql = sql.replace("$__timeFrom()", f"{FROM}::timestamptz")
    sql = sql.replace("$__timeTo()", f"{TO}::timestamptz")
    for name, value in VARIABLES.items():
        sql = sql.replace(f"${name}", value)
    assert "$" not in sql, sql
    return sql


def queries() -> dict[str, tuple[str, str]]:
    """All queries of the dashboard by where they stand, with the format Grafana reads."""
    found = {}
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            found[panel["title"]] = (target["rawSql"], target["format"])
    for variable in DASHBOARD["templating"]["list"]:
        found[f"variable {variable['name']}"] = (variable["query"], "variable")
    for each in DASHBOARD["annotations"]["list"]:
        found[f"annotation {each['name']}"] = (each["target"]["rawSql"], "annotation")
    return found


@pytest.mark.parametrize("name", queries())
def test_every_query_runs_for_a_reader_and_has_the_columns_grafana_wants(
    reader: psycopg.Connection[Any], name: str
) -> None:
    sql, form = queries()[name]
    with reader.transaction(force_rollback=True):
        cursor = reader.execute(expanded(sql).encode())
        columns = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall()
    if form == "time_series":
        assert columns[:2] == ["time", "metric"]
    if form == "variable":
        assert len(columns) == 1
        assert rows
    if form == "annotation":
        assert columns == ["time", "timeend", "text"]
    if name.startswith(("Readings", "Alarms", "Missing", "Edges /", "Work orders", "Production")):
        assert rows, name


def test_the_numbers_on_top_are_those_of_the_plant(reader: psycopg.Connection[Any]) -> None:
    found = {}
    for panel in DASHBOARD["panels"]:
        if panel["type"] == "stat":
            with reader.transaction(force_rollback=True):
                row = reader.execute(expanded(panel["targets"][0]["rawSql"]).encode()).fetchone()
            found[panel["title"].partition(" /")[0]] = row and row[0]
    assert found.pop("Furthest behind") > 0
    assert found == {
        "Edges not connected": 1,
        "Active alarms": 4,
        "Open gaps": 1,
        "Made in this time": 127,
        "Without an order": 18,
    }


def test_panels_do_not_overlap_and_all_read_the_provisioned_source() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not own & cells, panel["title"]
        assert max(x for x, _ in own) < 24
        cells |= own
    text = (GRAFANA / "provisioning" / "datasources" / "lineside.yaml").read_text("utf-8")
    (source,) = yaml.safe_load(text)["datasources"]
    uids = set(re.findall(r'"uid": "([^"]+)"', json.dumps(DASHBOARD)))
    assert uids == {source["uid"], DASHBOARD["uid"]}
    (provider,) = yaml.safe_load(
        (GRAFANA / "provisioning" / "dashboards" / "lineside.yaml").read_text("utf-8")
    )["providers"]
    assert provider["options"]["path"] == "/etc/lineside/dashboards"
