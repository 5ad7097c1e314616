"""Buckets from rollups are those of the readings, whatever is rolled up and whatever is not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from ingest_server.store.partitions import HOURS, MINUTES, Partitions
from ingest_server.usecases.rollup import Rollup
from runtime.clock import from_datetime
from tests.integration.ingest_server.api.serving import NOW, T0, made_database
from tests.integration.ingest_server.api.test_api_readings import read

NAMES = ("press-1/temp", "press-1/serial", "press-1/recipe", "press-1/door", "press-1/since")
TAGS = [f"demo/line-a/{name}" for name in (*NAMES, "100%_a")]
SPAN = {"from": "2026-03-01T12:00:30Z", "to": "2026-03-01T19:59:45Z"}


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


@pytest.fixture(scope="module")
def noon(plant_dsn: str) -> datetime:
    """When the readings of this module begin; they are rolled up."""
    import psycopg

    lot = random.Random(11)
    rows: list[tuple[Any, ...]] = []
    start = T0 + timedelta(hours=12)
    for n in range(2_000):
        ts = start + timedelta(seconds=lot.uniform(0, 8 * 3600))
        q = lot.choice([0, 0, 0, 0, 1, 0x80050008 - 2**32, 0x40900004])
        tag = lot.choice([2, 3, 4, 5, 6, 7, 9])
        num = big = txt = None
        if q >= 0:
            if tag in (2, 3):
                num = lot.choice([lot.gauss(20, 5), 1e300 if lot.random() < 0.001 else 7.5])
            elif tag == 6:
                num = float(lot.randint(0, 1))
            elif tag == 5:
                txt = lot.choice(["recipe A", "配方 B"])
            elif tag == 7:
                big = 1_772_323_200_000_000 + n
            elif tag == 4 and lot.random() < 0.5:
                txt = str(2**63 + lot.randint(0, 9))
            else:
                big = lot.randint(-(10**12), 10**12) if tag == 9 else lot.randint(0, 10**6)
        rows.append((ts, tag, num, big, txt, q, n))
    with psycopg.connect(plant_dsn, options="-c search_path=lineside,public") as connection:
        with connection.cursor().copy(
            "COPY reading (ts, tag_id, num, big, txt, q, batch) FROM STDIN"
        ) as copy:
            for row in rows:
                copy.write_row(row)
        connection.execute(
            "INSERT INTO dirty SELECT DISTINCT t.edge_id, date_trunc('minute', r.ts)"
            " FROM reading r JOIN tag t USING (tag_id)"
        )
    rolled(plant_dsn)
    return start


def rolled(dsn: str) -> None:
    for kind in (MINUTES, HOURS):
        partitions = Partitions(dsn, kind)
        partitions.ensure_ahead(from_datetime(NOW))
        partitions.close()
    rollup = Rollup(dsn, clock=lambda: from_datetime(T0 + timedelta(days=2)))
    while rollup.step():
        pass
    rollup.close()


def figures(answer: Any) -> list[Any]:
    """Everything but source and twa; means to twelve digits, as far as adding up differs."""
    return [
        (
            series["tag"],
            series["revision"],
            [
                {**bucket, "mean": bucket["mean"] and f"{bucket['mean']:.10e}", "twa": None}
                for bucket in series["buckets"]
            ],
        )
        for series in answer["series"]
    ]


@pytest.mark.parametrize(
    ("bucket", "zone", "source"),
    [
        ("1m", "Asia/Shanghai", "1m"),
        ("15m", "Asia/Shanghai", "1m"),
        ("1h", "Asia/Shanghai", "1h"),
        ("2h", "Asia/Kolkata", "1m"),
        ("1d", "Asia/Shanghai", "1h"),
        ("30s", "Asia/Shanghai", "raw"),
    ],
)
async def test_rollups_and_readings_give_the_same_answer(
    client: httpx2.AsyncClient, sql: Any, noon: datetime, bucket: str, zone: str, source: str
) -> None:
    lot = random.Random(bucket)
    from_rollups = await read(client, *TAGS, bucket=bucket, tz=zone, **SPAN)
    assert from_rollups["source"] == source
    assert sum(len(series["buckets"]) for series in from_rollups["series"]) >= 6
    every = [noon + timedelta(minutes=n) for n in range(480)]
    for marked in ([lot.choice(every)], lot.sample(every, 10), lot.sample(every, 150), every):
        sql.execute("INSERT INTO dirty SELECT 1, unnest(%s::timestamptz[])", (marked,))
        try:
            mixed = await read(client, *TAGS, bucket=bucket, tz=zone, **SPAN)
        finally:
            sql.execute("DELETE FROM dirty")
        assert figures(mixed) == figures(from_rollups)
    assert source == "raw" or mixed["source"] == "raw"


async def test_late_readings_count_before_they_are_rolled_up(
    client: httpx2.AsyncClient, sql: Any, noon: datetime
) -> None:
    before = await read(client, TAGS[0], bucket="1h", **SPAN)
    at = noon + timedelta(hours=3, minutes=7, seconds=1)
    sql.execute(
        "INSERT INTO reading (ts, tag_id, num, q, batch) VALUES (%s, 2, 1e6, 0, 9999)", (at,)
    )
    sql.execute("INSERT INTO dirty VALUES (1, date_trunc('minute', %s))", (at,))
    try:
        after = await read(client, TAGS[0], bucket="1h", **SPAN)
    finally:
        sql.execute("DELETE FROM reading WHERE batch = 9999")
        sql.execute("DELETE FROM dirty")
    old, new = (answer["series"][0]["buckets"][3] for answer in (before, after))
    assert (new["count"], new["max"]) == (old["count"] + 1, 1e6)


@pytest.mark.parametrize(
    ("bucket", "table"), [("1m", "reading_1m"), ("1h", "reading_1h"), ("15m", None), ("1d", None)]
)
async def test_the_time_weighted_mean_is_that_of_the_rollups_and_of_nothing_else(
    client: httpx2.AsyncClient, noon: datetime, sql: Any, bucket: str, table: str | None
) -> None:
    told = await read(client, TAGS[0], bucket=bucket, **SPAN)
    found = {
        datetime.fromisoformat(each["ts"]): each["twa"]
        for each in told["series"][0]["buckets"]
        if each["twa"] is not None
    }
    if table is None:
        assert found == {}
        return
    stored = dict(
        sql.execute(
            f"SELECT ts, twa FROM {table} WHERE tag_id = 2 AND ts > %s AND ts < %s"
            " AND twa IS NOT NULL",
            (noon, noon + timedelta(hours=7)),
        ).fetchall()
    )
    assert len(stored) > 5
    assert {at: found[at] for at in stored} == stored
    # A bucket with a mark of new readings has none until it is rolled up.
    at = sorted(stored)[2]
    sql.execute("INSERT INTO dirty VALUES (1, %s)", (at,))
    try:
        marked = await read(client, TAGS[0], bucket=bucket, **SPAN)
    finally:
        sql.execute("DELETE FROM dirty")
    twa = {each["ts"]: each["twa"] for each in marked["series"][0]["buckets"]}
    assert [ts for ts, mean in twa.items() if datetime.fromisoformat(ts) == at and mean] == []


async def test_a_long_trend_reads_rollups_not_readings(
    client: httpx2.AsyncClient, noon: datetime, sql: Any
) -> None:
    """The figures are there although the readings are gone, as after their retention."""
    whole = await read(client, TAGS[0], points=8, **SPAN)
    assert whole["bucket"] == "2h"
    sql.execute("BEGIN")
    sql.execute("CREATE TEMP TABLE kept AS SELECT * FROM reading WHERE ts >= %s", (noon,))
    sql.execute("DELETE FROM reading WHERE ts >= %s", (noon,))
    sql.execute("COMMIT")
    try:
        gone = await read(client, TAGS[0], bucket="2h", **SPAN)
    finally:
        sql.execute("INSERT INTO reading SELECT * FROM kept")
    assert [each["count"] for each in gone["series"][0]["buckets"][1:-1]] == [
        each["count"] for each in whole["series"][0]["buckets"][1:-1]
    ]
    assert gone["source"] == "1h"
    assert datetime.fromisoformat(gone["to"]).astimezone(UTC).hour == 19


async def test_a_screen_gets_buckets_of_the_time_whose_readings_are_gone(
    client: httpx2.AsyncClient, noon: datetime, sql: Any
) -> None:
    """Though it had room for the few readings that are left."""
    room = await read(client, TAGS[0], points=5_000, **SPAN)
    count = len(room["series"][0]["readings"])
    assert (room["bucket"], count > 100) == ("raw", True)
    sql.execute("UPDATE frozen SET before = %s WHERE class = 'bulk'", (noon + timedelta(hours=1),))
    try:
        cut = await read(client, TAGS[0], points=5_000, **SPAN)
    finally:
        sql.execute("UPDATE frozen SET before = NULL")
    assert cut["bucket"] != "raw"
    assert sum(bucket["count"] for bucket in cut["series"][0]["buckets"]) == count
