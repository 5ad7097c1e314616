"""A database with many readings in it: 30 days of 100 tags up to today, with rollups, made by SQL.

Values are random 12-bit ones, scaled. Rollups are summed up from them by plain aggregates: they
have the rows and the width of the product's own, not its exact figures (`first` and `last` are
stand-ins). A database has its final name only once it is full, so a kept folder never has half of
one under it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from ingest_server.embedded.postgres import EmbeddedPostgres
from ingest_server.store import columnstore, migrate
from ingest_server.store import connection as connections
from ingest_server.store.connection import Connection
from ingest_server.store.partitions import DAY_US, HOURS, MINUTES, READING, Partitions
from runtime.clock import now_us

TAGS: Final = 100
DAYS: Final = 30
PLANT: Final = "filled"
EDGE: Final = "old"
DATABASE: Final = "filled"
_FILLING: Final = "filling"
_PACKED_AFTER_DAYS: Final = 7

_TAGS: Final = """
WITH e AS (INSERT INTO edge (plant, edge) VALUES ('filled', 'old') RETURNING edge_id)
INSERT INTO tag (edge_id, path, revision, definition, dtype, class)
SELECT edge_id, 't/' || n, 1, 'd', 'f64', 'bulk' FROM e, generate_series(1, %(tags)s) AS n
RETURNING tag_id
"""
_READINGS: Final = """
INSERT INTO reading (ts, tag_id, num, q, batch)
SELECT %(day)s::timestamptz + n * %(step)s::interval, tag_id,
       (random() * 4095)::int * (100.0 / 4095), 0, n + 1
FROM generate_series(0, %(polls)s - 1) AS n, unnest(%(tags)s::int[]) AS t (tag_id)
"""
_ROLLED: Final = """
INSERT INTO reading_{name} (tag_id, ts, count, good, min, max, mean, first, last, twa, n, known_s,
                            held, last_ts)
SELECT tag_id, date_bin(%(width)s::interval, ts, '2000-01-01Z'), count(*), 1, min(num), max(num),
       avg(num), min(num), max(num), avg(num), count(*), date_part('epoch', %(width)s::interval),
       max(num), max(ts)
FROM reading
WHERE ts >= %(day)s AND ts < %(day)s::timestamptz + interval '1 day'
GROUP BY 1, 2
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """What stands there: one tag to look at, the end of its last day, and the bytes of it all."""

    dsn: str
    tag_id: int
    tag: str
    until: datetime
    size: int


def filled(server: EmbeddedPostgres, readings: int) -> Filled:
    """The full database of this server, made if it is not there."""
    dsn = server.dsn_of(DATABASE)
    with psycopg.connect(server.dsn_of("postgres"), autocommit=True) as connection:
        known = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(known, (DATABASE,)).fetchone() is None:
            connection.execute(f"DROP DATABASE IF EXISTS {_FILLING} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {_FILLING}")
            _fill(server.dsn_of(_FILLING), readings)
            connection.execute(f"ALTER DATABASE {_FILLING} RENAME TO {DATABASE}")
    migrate.migrate(dsn)
    partitions = Partitions(dsn)
    partitions.ensure_ahead(now_us())
    partitions.close()
    return _look(dsn)


def _look(dsn: str) -> Filled:
    with connections.connect(dsn, name="bench") as connection:
        connection.execute("SET statement_timeout = 0")
        tag = connection.execute(
            "SELECT tag_id FROM tag JOIN edge USING (edge_id)"
            " WHERE plant = %s AND edge = %s AND path = 't/1'",
            (PLANT, EDGE),
        ).fetchone()
        last = connection.execute("SELECT max(ts) FROM reading_1h").fetchone()
        size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert tag is not None and last is not None and size is not None
    day = last[0].astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Filled(
        dsn=dsn,
        tag_id=tag[0],
        tag=f"{PLANT}/{EDGE}/t/1",
        until=day + timedelta(days=1),
        size=int(size[0]),
    )


def _fill(dsn: str, readings: int) -> None:
    """Put about so many readings and their rollups into an empty database."""
    migrate.migrate(dsn)
    today = now_us() // DAY_US
    days = range(today - DAYS + 1, today + 1)
    for table in (READING, MINUTES, HOURS):
        partitions = Partitions(dsn, table)
        partitions.ensure(days)
        partitions.close()
    polls = max(1, readings // (TAGS * DAYS))
    with connections.connect(dsn, name="bench") as connection:
        # Only what is measured has to be durable at once.
        connection.execute("SET statement_timeout = 0; SET synchronous_commit = off")
        tags = [tag for (tag,) in connection.execute(_TAGS.encode(), {"tags": TAGS}).fetchall()]
        for done, day in enumerate(days, start=1):
            _fill_day(connection, day, tags, polls)
            print(f"\r{done * polls * TAGS:,} readings ", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        _settle(connection)


def _fill_day(connection: Connection, day: int, tags: list[int], polls: int) -> None:
    at = connection.execute("SELECT to_timestamp(%s)", (day * 86_400,)).fetchone()
    values = {"day": at and at[0], "tags": tags, "polls": polls, "step": f"{86_400 / polls} s"}
    connection.execute(_READINGS.encode(), values)
    for name, width in (("1m", "1 minute"), ("1h", "1 hour")):
        rolled = _ROLLED.format(name=name).encode()
        connection.execute(rolled, {"day": values["day"], "width": width})


def _settle(connection: Connection) -> None:
    """As a server that has run for long has it: old days packed, statistics there."""
    if columnstore.configure(connection, _PACKED_AFTER_DAYS) == "timescale":
        connection.execute(
            "SELECT compress_chunk(c, if_not_compressed => true) FROM show_chunks("
            "'lineside.reading', older_than => now() - make_interval(days => %s)) AS c",
            (_PACKED_AFTER_DAYS,),
        )
    for table in (b"reading", b"reading_1m", b"reading_1h"):
        connection.execute(b"VACUUM (ANALYZE) " + table)
    connection.execute("CHECKPOINT")
