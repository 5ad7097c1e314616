"""History as a file: the same values as the API gives, of any length, in bounded memory."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx2
import pytest
from openpyxl import load_workbook

from tests.integration.ingest_server.api.serving import Serve, made_database
from tests.integration.ingest_server.api.test_api_readings import COUNT_2, SPAN, TEMP

RECIPE = "demo/line-a/press-1/recipe"


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


async def got(client: httpx2.AsyncClient, *tags: str, **params: Any) -> httpx2.Response:
    headers = {"Accept-Language": params.pop("lang", "en")}
    response = await client.get(
        "/api/v1/readings/export", params={"tag": tags, **SPAN, **params}, headers=headers
    )
    assert response.status_code == 200, response.text
    return response


def lines(response: httpx2.Response, encoding: str = "utf-8-sig") -> list[list[str]]:
    return list(csv.reader(io.StringIO(response.content.decode(encoding), newline="")))


async def test_a_csv_has_what_the_api_gives_in_the_plants_time(client: httpx2.AsyncClient) -> None:
    response = await got(client, TEMP, RECIPE)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert (
        "lineside_20260301T000000Z_20260301T010000Z.csv"
        in (response.headers["content-disposition"])
    )
    head, *rows = lines(response)
    assert head[:4] == ["Tag", "Time", "Offset from UTC", "Value"]
    assert len(rows) == 60 + 1 + 2
    by_tag = [row for row in rows if row[0] == TEMP]
    assert by_tag[0] == [TEMP, "2026-03-01 08:00:00.000", "+08:00", "0.0", "C", "good", "Good", ""]
    assert by_tag[30][3:] == ["", "C", "bad", "BadCommunicationError", "no_value"]
    assert (by_tag[60][3], by_tag[60][4]) == ("99.5", "F")
    assert [row[3] for row in rows if row[0] == RECIPE] == ["recipe A", "配方 B"]


async def test_a_csv_for_old_chinese_spreadsheets(client: httpx2.AsyncClient) -> None:
    response = await got(client, RECIPE, encoding="gb18030", lang="zh")
    head, *rows = lines(response, "gb18030")
    assert head[0] == "测点"
    assert rows[1][3] == "配方 B"


async def test_gaps_and_completeness_can_be_had_beside_the_values(
    client: httpx2.AsyncClient,
) -> None:
    _, *gaps = lines(await got(client, TEMP, part="gaps"))
    assert [(row[1], row[4]) for row in gaps][:2] == [
        ("2026-03-01 08:40:00.000", "overflow"),
        ("2026-03-01 07:00:00.000", "agent_down"),
    ]
    _, *series = lines(await got(client, TEMP, part="series"))
    assert [row[5] for row in series] == ["2026-03-01 09:30:00.000"] * 2


async def test_a_workbook_has_values_series_and_gaps(client: httpx2.AsyncClient) -> None:
    response = await got(client, TEMP, RECIPE, format="xlsx")
    book = load_workbook(io.BytesIO(response.content))
    assert book.sheetnames == ["values", "series", "gaps"]
    rows = list(book["values"].values)
    assert len(rows) == 1 + 63
    first = next(row for row in rows if row[0] == TEMP)
    assert first[1:5] == (datetime.fromisoformat("2026-03-01T08:00"), "+08:00", 0, "C")
    assert len(list(book["series"].values)) == 1 + 3


async def test_buckets_can_be_exported(client: httpx2.AsyncClient) -> None:
    _, *rows = lines(await got(client, TEMP, bucket="1m", tz="Europe/Berlin"))
    assert rows[0] == [
        *(TEMP, "2026-03-01 01:00:00.000", "+01:00"),
        *("6", "1.0", "0.0", "5.0", "2.5", "0.0", "5.0", "C"),
    ]


async def test_what_cannot_be_exported_is_a_problem_not_a_file(client: httpx2.AsyncClient) -> None:
    async def refused(**params: Any) -> tuple[int, str]:
        response = await client.get("/api/v1/readings/export", params={"tag": TEMP, **params})
        assert response.headers["content-type"] == "application/problem+json"
        return response.status_code, response.json()["code"]

    assert await refused(tag="demo/line-a/none") == (404, "LS-6012")
    assert await refused(**SPAN, bucket="1ms") == (422, "LS-6015")
    assert await refused(format="xlsx", part="gaps") == (422, "LS-6004")
    assert await refused(format="pdf") == (422, "LS-6004")


async def test_more_than_a_sheet_holds_is_refused_with_the_number(
    plant_dsn: str, serve: Serve
) -> None:
    params = {"tag": [TEMP, COUNT_2], **SPAN, "format": "xlsx"}
    async with serve(plant_dsn, most_sheet_rows=65) as client:
        refused = await client.get("/api/v1/readings/export", params=params)
        assert (refused.status_code, refused.json()["code"]) == (422, "LS-6070")
        assert "65 rows" in refused.json()["detail"]
    async with serve(plant_dsn, most_sheet_rows=66) as client:
        whole = await client.get("/api/v1/readings/export", params=params)
        assert whole.status_code == 200


async def test_a_long_export_is_whole_and_does_not_grow_in_memory(
    client: httpx2.AsyncClient, sql: Any
) -> None:
    sql.execute(
        "INSERT INTO reading (ts, tag_id, num, q, batch)"
        " SELECT timestamptz '2026-03-01 10:00Z' + n * interval '10 ms', 8, n, 0, 7"
        " FROM generate_series(0, 119999) n"
    )
    span = {"from": "2026-03-01T10:00:00Z", "to": "2026-03-01T12:00:00Z"}
    count, peak = 0, 0
    try:
        tracemalloc.start()
        async with client.stream(
            "GET", "/api/v1/readings/export", params={"tag": COUNT_2, **span}
        ) as response:
            async for piece in response.aiter_raw():
                count += piece.count(b"\n")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        sql.execute("DELETE FROM reading WHERE batch = 7")
    assert count == 120_001
    assert peak < 40e6


async def test_exports_end_in_time_for_others(plant_dsn: str, serve: Serve) -> None:
    """One that is not read to its end gives its place and its connection back."""
    async with serve(plant_dsn, max_connections=2) as client:
        for _ in range(3):
            async with client.stream(
                "GET", "/api/v1/readings/export", params={"tag": TEMP, **SPAN}
            ) as response:
                assert response.status_code == 200
        assert len(lines(await got(client, TEMP))) == 62
