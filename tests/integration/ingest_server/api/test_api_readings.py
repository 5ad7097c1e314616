"""History: raw pages, buckets, exact values, gaps and bounds, on a real database."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from ingest_server.api.routes.readings import Readings
from tests.integration.ingest_server.api.serving import Serve, made_database


@pytest.fixture(
    scope="module",
    params=["postgres", pytest.param("timescaledb", marks=pytest.mark.needs_timescaledb)],
)
def plant_dsn(request: pytest.FixtureRequest, postgres_of: Any) -> Iterator[str]:
    """The small plant, once in partitions and once in a hypertable: the answers are the same."""
    server = postgres_of(request.param)
    dsn = server.fresh_database()
    yield made_database(dsn)
    server.drop(dsn)


TEMP = "demo/line-a/press-1/temp"
COUNT_2 = "demo/line-b/press-2/count"
SPAN = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T01:00:00Z"}


async def read(client: httpx2.AsyncClient, *tags: str, **params: Any) -> Any:
    """The answer; held against the model, since the server does not validate it again."""
    response = await client.get("/api/v1/readings", params={"tag": tags, **SPAN, **params})
    assert response.status_code == 200, response.text
    Readings.model_validate_json(response.content)
    return response.json()


async def refused(client: httpx2.AsyncClient, **params: Any) -> tuple[int, str, str]:
    response = await client.get("/api/v1/readings", params={"tag": TEMP, **params})
    body = response.json()
    errors = body["errors"] or [{"at": ""}]
    return response.status_code, body["code"], errors[0]["at"]


def values(series: Any) -> list[Any]:
    return [point["value"] for point in series["readings"]]


async def test_a_changed_definition_gives_a_series_of_its_own(client: httpx2.AsyncClient) -> None:
    first, second = (await read(client, TEMP))["series"]
    assert (first["revision"], first["unit"], len(first["readings"])) == (1, "C", 60)
    assert (second["revision"], second["unit"], values(second)) == (2, "F", [99.5])
    assert first["readings"][0]["ts"] == "2026-03-01T08:00:00+08:00"
    assert first["complete_to"] == "2026-03-01T09:30:00+08:00"


async def test_a_series_says_since_when_its_readings_are_kept(
    client: httpx2.AsyncClient, sql: Any
) -> None:
    assert (await read(client, TEMP))["series"][0]["kept_since"] is None
    sql.execute("UPDATE frozen SET before = '2026-02-01Z' WHERE class = 'bulk'")
    try:
        found = (await read(client, TEMP, COUNT_2))["series"]
    finally:
        sql.execute("UPDATE frozen SET before = NULL")
    assert [series["kept_since"] for series in found] == [
        *("2026-02-01T08:00:00+08:00", "2026-02-01T08:00:00+08:00", None),
    ]


async def test_bad_quality_is_null_never_zero(client: httpx2.AsyncClient) -> None:
    series = (await read(client, TEMP))["series"][0]
    assert values(series)[28:38] == [28, 29, None, None, None, None, None, None, 36, 37]
    assert series["readings"][30]["quality"] == {
        "severity": "bad",
        "code": "BadCommunicationError",
        "flags": ["no_value"],
    }


async def test_values_come_exact_and_in_their_own_type(client: httpx2.AsyncClient) -> None:
    names = ("serial", "recipe", "door", "since")
    found = await read(client, *[f"demo/line-a/press-1/{name}" for name in names])
    by_name = {series["tag"].rpartition("/")[2]: series for series in found["series"]}
    assert values(by_name["serial"]) == ["9007199254740993", "18446744073709551615", 5]
    assert values(by_name["recipe"]) == ["recipe A", "配方 B"]
    assert values(by_name["door"]) == [True, False]
    assert by_name["door"]["readings"][1]["quality"] == {
        "severity": "uncertain",
        "code": "UncertainLastUsableValue",
        "flags": ["clock"],
    }
    assert values(by_name["since"]) == ["2026-03-01T00:00:00.000001Z"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 64, 65, 66, 100])
async def test_pages_give_every_reading_once_in_the_order_of_time(
    client: httpx2.AsyncClient, limit: int
) -> None:
    whole = await read(client, TEMP, COUNT_2, limit=1000)
    assert whole["next"] is None
    assert [len(series["readings"]) for series in whole["series"]] == [60, 1, 5]
    parts: list[list[Any]] = [[], [], []]
    latest = ""
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = await read(client, TEMP, COUNT_2, limit=limit, **more)
        stamps = sorted(point["ts"] for s in page["series"] for point in s["readings"])
        assert stamps[0] >= latest
        latest = stamps[-1]
        for mine, series in zip(parts, page["series"], strict=True):
            mine += series["readings"]
        cursor = page["next"]
        assert len(stamps) == limit or cursor is None
    assert parts == [series["readings"] for series in whole["series"]]


async def test_a_reading_that_comes_while_paging_shifts_nothing(
    client: httpx2.AsyncClient, sql: Any
) -> None:
    first = await read(client, COUNT_2, limit=3)
    sql.execute(
        "INSERT INTO reading (ts, tag_id, num, q, batch) VALUES"
        " ('2026-03-01 00:10Z', 8, 7, 0, 99), ('2026-03-01 00:05Z', 8, 8, 0, 99)"
    )
    try:
        rest = await read(client, COUNT_2, cursor=first["next"])
        assert values(first["series"][0]) + values(rest["series"][0]) == [0, 0, 1, 1, 1, 7]
    finally:
        sql.execute("DELETE FROM reading WHERE batch = 99")


async def test_the_begin_is_included_and_the_end_is_not(client: httpx2.AsyncClient) -> None:
    found = await read(
        client, TEMP, **{"from": "2026-03-01T08:00:10+08:00"}, to="2026-03-01T00:00:30Z"
    )
    assert values(found["series"][0]) == [1, 2]
    assert (found["from"], found["to"]) == (
        "2026-03-01T08:00:10+08:00",
        "2026-03-01T08:00:30+08:00",
    )


async def test_a_series_names_only_the_gaps_that_concern_it(client: httpx2.AsyncClient) -> None:
    found = await read(client, TEMP, "demo/line-a/press-1/door", COUNT_2, to="2026-03-01T02:00:00Z")
    causes = {s["tag"]: [gap["cause"] for gap in s["gaps"]] for s in found["series"]}
    assert causes == {
        TEMP: ["overflow", "agent_down"],
        "demo/line-a/press-1/door": ["device_down", "agent_down"],
        COUNT_2: ["disk"],
    }
    overflow = found["series"][1]["gaps"][0]
    assert overflow["from"] == "2026-03-01T08:40:00+08:00"
    assert (overflow["samples"], overflow["exact"], overflow["accepted"]) == (300, True, False)


async def test_buckets_are_of_good_samples_only(client: httpx2.AsyncClient) -> None:
    found = await read(client, TEMP, bucket="1m")
    assert (found["bucket"], found["bucket_s"], found["next"]) == ("1m", 60.0, None)
    buckets = found["series"][0]["buckets"]
    assert len(buckets) == 10
    assert buckets[0] == {
        "ts": "2026-03-01T08:00:00+08:00",
        "count": 6,
        "good": 1.0,
        "min": 0.0,
        "max": 5.0,
        "mean": 2.5,
        "twa": None,
        "first": 0.0,
        "last": 5.0,
    }
    assert buckets[5]["count"] == 6
    assert buckets[5]["good"] == 0.0
    assert [buckets[5][name] for name in ("min", "max", "mean", "first", "last")] == [None] * 5
    assert found["series"][0]["readings"] == []


async def test_buckets_agree_with_the_readings_they_are_made_of(client: httpx2.AsyncClient) -> None:
    raw = values((await read(client, TEMP))["series"][0])
    for bucket, width in (("30s", 3), ("40s", 4), ("2m", 12)):
        buckets = (await read(client, TEMP, bucket=bucket))["series"][0]["buckets"]
        assert sum(each["count"] for each in buckets) == 60
        parts = [raw[at : at + width] for at in range(0, 60, width)]
        for part, found in zip(parts, buckets, strict=True):
            good = [value for value in part if value is not None]
            assert found["good"] == len(good) / len(part)
            if good:
                assert (found["min"], found["max"]) == (min(good), max(good))
                assert found["mean"] == pytest.approx(sum(good) / len(good))
                assert (found["first"], found["last"]) == (good[0], good[-1])


async def test_buckets_of_wide_integers_and_texts_are_exact(client: httpx2.AsyncClient) -> None:
    found = await read(
        client, "demo/line-a/press-1/serial", "demo/line-a/press-1/recipe", bucket="1h"
    )
    serial, recipe = sorted((s["tag"], s["buckets"][0]) for s in found["series"])[::-1]
    assert (serial[1]["min"], serial[1]["max"]) == (5, "18446744073709551615")
    assert (serial[1]["first"], serial[1]["last"]) == ("9007199254740993", 5)
    assert (recipe[1]["first"], recipe[1]["last"]) == ("recipe A", "配方 B")
    assert (recipe[1]["min"], recipe[1]["mean"]) == (None, None)


async def test_points_choose_a_round_width(client: httpx2.AsyncClient) -> None:
    found = await read(client, TEMP, points=13)
    assert (found["bucket"], found["bucket_s"]) == ("5m", 300.0)
    for points in (2, 9, 59):
        series = (await read(client, TEMP, points=points))["series"][0]
        assert 1 <= len(series["buckets"]) <= points
        assert sum(each["count"] for each in series["buckets"]) == 60


async def test_a_screen_with_room_for_every_reading_gets_them(client: httpx2.AsyncClient) -> None:
    for points in (60, 500, 5000):
        found = await read(client, TEMP, points=points)
        assert (found["bucket"], found["next"]) == ("raw", None)
        assert [len(series["readings"]) for series in found["series"]] == [60, 1]


async def test_the_least_and_the_greatest_of_every_column_of_a_screen_are_there(
    client: httpx2.AsyncClient, sql: Any
) -> None:
    """Peaks of a single sample survive however wide the buckets are, and whether integers were
    stored as such or, by earlier releases, as doubles."""
    lot = random.Random(7)
    walk = [lot.randint(0, 9) * (1_000 if lot.random() < 0.01 else 1) for _ in range(3_000)]
    sql.execute(
        "INSERT INTO reading (ts, tag_id, num, big, q, batch)"
        " SELECT timestamptz '2026-03-01 12:00Z' + n * interval '1 s', 8,"
        " CASE WHEN n %% 2 = 0 THEN v END, CASE WHEN n %% 2 = 1 THEN v END, 0, 7"
        " FROM unnest(%s::float8[]) WITH ORDINALITY AS w(v, n)",
        (walk,),
    )
    sql.execute(
        "INSERT INTO dirty SELECT DISTINCT 2, date_trunc('minute', ts) FROM reading WHERE batch = 7"
    )
    span = {"from": "2026-03-01T12:00:01Z", "to": "2026-03-01T12:50:01Z"}
    try:
        for points in (2, 10, 77, 640, 2999):
            found = await read(client, COUNT_2, points=points, **span)
            buckets = found["series"][0]["buckets"]
            assert len(buckets) <= points
            begins = [datetime.fromisoformat(each["ts"]) for each in buckets]
            columns: list[list[float]] = [[] for _ in buckets]
            for n, value in enumerate(walk):
                at = datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC) + timedelta(seconds=n)
                columns[bisect_right(begins, at) - 1].append(value)
            assert [(min(c), max(c)) for c in columns] == [(b["min"], b["max"]) for b in buckets]
    finally:
        sql.execute("DELETE FROM reading WHERE batch = 7")


async def test_another_zone_gives_other_days(client: httpx2.AsyncClient) -> None:
    found = await read(client, TEMP, bucket="1d", tz="America/New_York")
    series = found["series"][0]
    assert series["time_zone"] == "America/New_York"
    assert [each["ts"] for each in series["buckets"]] == ["2026-02-28T00:00:00-05:00"]
    assert found["from"] == "2026-02-28T19:00:00-05:00"
    assert series["gaps"][0]["from"].endswith("-05:00")
    assert await refused(client, tz="Mars/Olympus") == (422, "LS-6004", "query.tz")


async def test_days_are_the_days_of_the_plant(client: httpx2.AsyncClient) -> None:
    found = await read(client, TEMP, bucket="1d", to="2026-03-03T00:00:00Z")
    assert found["series"][0]["buckets"][0]["ts"] == "2026-03-01T00:00:00+08:00"


async def test_what_costs_too_much_is_refused_with_the_reason(client: httpx2.AsyncClient) -> None:
    assert await refused(client, **SPAN, bucket="1ms") == (422, "LS-6015", "query.bucket")
    assert await refused(client, **SPAN, bucket="1m", points=5) == (422, "LS-6004", "query")
    assert await refused(client, **SPAN, bucket="1x") == (422, "LS-6004", "query.bucket")
    assert await refused(client, bucket="1m", cursor="x") == (422, "LS-6013", "query.cursor")
    backwards = {"from": SPAN["to"], "to": SPAN["from"]}
    assert await refused(client, **backwards) == (422, "LS-6014", "query.from")
    assert await refused(client, to="2026-03-01T00:00:00") == (422, "LS-6004", "query.to")


async def test_an_unknown_tag_is_named(client: httpx2.AsyncClient) -> None:
    response = await client.get("/api/v1/readings", params={"tag": [TEMP, "demo/line-a/none"]})
    assert (response.status_code, response.json()["code"]) == (404, "LS-6012")
    assert "demo/line-a/none" in response.json()["detail"]
    odd = await client.get("/api/v1/readings", params={"tag": "no-slash"})
    assert odd.json()["errors"][0]["code"] == "LS-6034"


async def test_a_wrong_width_is_told_what_would_be_right(client: httpx2.AsyncClient) -> None:
    response = await client.get("/api/v1/readings", params={"tag": TEMP, "bucket": "1min"})
    (error,) = response.json()["errors"]
    assert error["at"] == "query.bucket"
    assert "`15m`" in error["detail"]
    assert "[" not in error["detail"]


async def test_too_many_samples_for_buckets_are_refused_not_cut(
    plant_dsn: str, serve: Serve
) -> None:
    async with serve(plant_dsn, most_samples=100) as client:
        assert (await read(client, COUNT_2, bucket="1h"))["series"][0]["buckets"][0]["count"] == 5
        assert await refused(client, **SPAN, bucket="1h") == (422, "LS-6017", "query.from")


async def test_without_times_it_is_the_last_hour(client: httpx2.AsyncClient) -> None:
    response = await client.get("/api/v1/readings", params={"tag": TEMP})
    assert (response.json()["from"], response.json()["to"]) == (
        "2026-03-01T09:00:00+08:00",
        "2026-03-01T10:00:00+08:00",
    )
