"""The one function that says which time without polls a reading ends: its answers and its plan."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from ingest_server.store import queries, reads
from ingest_server.store.connection import Connection, connect
from ingest_server.store.migrate import migrate

pytestmark = pytest.mark.also_pglite

WRITTEN_OUT = """EXISTS (
    SELECT FROM gap AS g
    WHERE g.edge_id = t.edge_id AND g.cause = 'not_collected' AND g.device = t.device
      AND g.from_ts BETWEEN least(f.ts, f.from_ts) - interval '2 min' AND f.ts
      AND g.from_ts < f.ts AND g.to_ts >= f.ts)"""
CALLED = "EXISTS (SELECT FROM unpolled_before(t.edge_id, t.device, f.from_ts, f.ts))"

FACTS = """
FROM (VALUES
    (1, timestamptz '2026-01-01 10:05Z', timestamptz '2026-01-01 10:04Z', 'ends what began within'),
    (2, '2026-01-01 10:05Z', '2026-01-01 10:05Z', 'ends what began two minutes before'),
    (3, '2026-01-01 10:04:59Z', '2026-01-01 10:03Z', 'lies within'),
    (4, '2026-01-01 10:06Z', '2026-01-01 10:05Z', 'comes after'),
    (5, '2026-01-01 10:05Z', '2026-01-01 10:06Z', 'of a clock that stepped back'),
    (6, '2026-01-01 11:00:02Z', '2026-01-01 11:00Z', 'ends one of another cause'),
    (7, '2026-01-01 12:00:02Z', '2026-01-01 12:00Z', 'ends one of another device'),
    (8, '2026-01-01 13:00:02Z', '2026-01-01 13:00Z', 'ends one that is still open'),
    (9, '2026-01-01 10:05Z', NULL, 'the first of all'),
    (10, '2026-01-01 10:03Z', '2026-01-01 10:02Z', 'was read as the time began')
) AS f (n, ts, from_ts, what), (VALUES (1, 'plc')) AS t (edge_id, device)
"""


@pytest.fixture
def connection(any_dsn: str) -> Connection:
    migrate(any_dsn)
    with connect(any_dsn, name="test") as opened:
        opened.execute("INSERT INTO edge (plant, edge, name) VALUES ('demo', 'line-a', '')")
        opened.execute(
            "INSERT INTO gap (edge_id, device, from_ts, to_ts, cause) VALUES "
            "(1, 'plc', '2026-01-01 10:03Z', '2026-01-01 10:05Z', 'not_collected'),"
            "(1, 'plc', '2026-01-01 11:00Z', '2026-01-01 11:00:02Z', 'device_down'),"
            "(1, 'saw', '2026-01-01 12:00Z', '2026-01-01 12:00:02Z', 'not_collected'),"
            "(1, 'plc', '2026-01-01 13:00Z', NULL, 'not_collected')"
        )
        opened.commit()
        yield opened


def plan(connection: Connection, statement: str | bytes, **params: object) -> str:
    text = statement if isinstance(statement, bytes) else statement.encode()
    found = psycopg.ClientCursor(connection).execute(b"EXPLAIN (COSTS OFF) " + text, params)
    return "\n".join(line for (line,) in found.fetchall())


def test_a_reading_ends_only_the_times_of_its_device_that_reach_to_it(
    connection: Connection,
) -> None:
    found = connection.execute(f"SELECT f.n, {CALLED} {FACTS} ORDER BY f.n".encode()).fetchall()
    assert [number for number, ends in found if ends] == [1, 2, 3, 5, 9]
    written = connection.execute(f"SELECT f.n, {WRITTEN_OUT} {FACTS} ORDER BY f.n".encode())
    assert written.fetchall() == found


def test_the_planner_sees_what_the_function_says_and_not_a_call(connection: Connection) -> None:
    facts = "FROM count_fact AS f JOIN tag AS t ON t.tag_id = f.tag_id"
    called = plan(connection, f"SELECT {CALLED} {facts}")
    assert called == plan(connection, f"SELECT {WRITTEN_OUT} {facts}")
    assert "gap_edge" in called


def wanted_by_progress() -> tuple[bytes, dict[str, object]]:
    minutes = {"plant": ["demo"], "equipment": ["press"], "minute": ["2026-01-01 10:00Z"]}
    return queries.of_store("progress.sql")["facts"], minutes


def wanted_of_an_order() -> tuple[bytes, dict[str, object]]:
    after = {"after_ts": "2026-01-01 10:00Z", "after_tag": 0, "limit": 10, "skip": 0}
    return reads.queries("orders")["facts"], {"run": "order:A-100", **after}


@pytest.mark.parametrize("wanted", [wanted_by_progress, wanted_of_an_order])
def test_progress_and_the_facts_of_an_order_read_gaps_by_their_index(
    connection: Connection, wanted: Callable[[], tuple[bytes, dict[str, object]]]
) -> None:
    statement, params = wanted()
    found = plan(connection, statement, **params)
    assert "gap_edge" in found
    assert "unpolled_before" not in found
