"""Answers of history keep their bytes: `answers.txt` has requests and what each was answered with.

The night is one in which Europe's clocks go forward, of tags of every kind, with bad readings, a
part that is rolled up and a part that is not. Values are eighths, so sums are exact in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from ingest_server.store.partitions import DAY_US, HOURS, MINUTES, READING, Partitions
from ingest_server.usecases.rollup import Rollup
from runtime.clock import from_datetime
from tests.integration.ingest_server.api.serving import made_database

ANSWERS = Path(__file__).with_name("answers.txt")
EVENING = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
MORNING = EVENING + timedelta(hours=11, minutes=20)
READINGS = """
INSERT INTO reading (ts, tag_id, num, big, txt, q, batch)
SELECT timestamptz '2026-03-28 20:00Z' + n * interval '20.5 s', tag,
       CASE WHEN tag = 2 THEN (n * 37 % 4096) / 8.0 WHEN tag = 6 AND n % 2 = 0 THEN n / 50 % 2 END,
       CASE tag WHEN 4 THEN CASE WHEN n % 97 > 0 THEN n END WHEN 7 THEN 1774728000000000 + n * 8
                WHEN 8 THEN n * 3 % 1000 WHEN 9 THEN 9007199254740992 + n - 1500
                WHEN 6 THEN CASE WHEN n % 2 = 1 THEN n / 50 % 2 END END,
       CASE WHEN tag = 5 THEN 'recipe ' || n / 90 WHEN tag = 4 AND n % 97 = 0
            THEN (18446744073709551615 - n)::text END,
       CASE WHEN n % 11 = tag OR n / 180 = tag THEN x'80050008'::bit(32)::int
            WHEN n % 13 = tag THEN x'40900004'::bit(32)::int ELSE 0 END, n
FROM generate_series(0, 2000) n, unnest('{2, 4, 5, 6, 7, 8, 9}'::int[]) tag
"""


@pytest.fixture(
    scope="module",
    params=["postgres", pytest.param("timescaledb", marks=pytest.mark.needs_timescaledb)],
)
def plant_dsn(request: pytest.FixtureRequest, postgres_of: Any) -> Iterator[str]:
    """The small plant, once in partitions and once in a hypertable."""
    server = postgres_of(request.param)
    dsn = server.fresh_database()
    night_of(made_database(dsn))
    yield dsn
    server.drop(dsn)


def night_of(dsn: str) -> None:
    """Put the readings there, and roll up most of them."""
    days = [from_datetime(at) // DAY_US for at in (EVENING, MORNING)]
    for kind in (READING, MINUTES, HOURS):
        partitions = Partitions(dsn, kind)
        partitions.ensure(days)
        partitions.close()
    options = "-c search_path=lineside,public -c timezone=UTC"
    with psycopg.connect(dsn, autocommit=True, options=options) as connection:
        connection.execute(READINGS)
        connection.execute(
            "INSERT INTO dirty SELECT DISTINCT t.edge_id, date_trunc('minute', r.ts)"
            " FROM reading r JOIN tag t USING (tag_id)"
        )
        rollup = Rollup(dsn, clock=lambda: from_datetime(MORNING + timedelta(days=1)))
        while rollup.step():
            pass
        rollup.close()
        connection.execute("DELETE FROM dirty; DELETE FROM dirty_hour")
        stale = [EVENING + timedelta(minutes=n) for n in (17, 18, 250, 410)]
        connection.execute("INSERT INTO dirty SELECT 1, unnest(%s::timestamptz[])", (stale,))
        connection.execute("INSERT INTO dirty_hour VALUES (1, '2026-03-28 23:00Z')")
        connection.execute(
            "UPDATE stream SET last_to = '2026-03-29 07:00:00.25Z' WHERE class = 'key'"
        )


def told() -> list[tuple[str, str]]:
    lines = ANSWERS.read_text("utf-8").splitlines()
    return list(zip(lines[::2], lines[1::2], strict=True))


@pytest.mark.parametrize(("request_line", "answer"), told())
async def test_an_answer_keeps_its_bytes(
    client: httpx2.AsyncClient, request_line: str, answer: str
) -> None:
    response = await client.get(f"/api/v1/readings?{request_line}")
    assert response.status_code == 200
    assert response.text == answer
