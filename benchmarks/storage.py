"""How many bytes a stored reading takes: TimescaleDB's columnstore, beside plain PostgreSQL.

Each mix of tags fills a day of its own with one poll a second, a batch number for each poll, so
that what a chunk takes is what its mix takes: heap, index, TOAST and unused space included. The
ceiling is what the bare values take, column by column under zstd, without tags, times and
qualities.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from benchmarks.generator import BIT, COUNTER, FLOAT, PATTERN, SCALED, Generator
from benchmarks.results import ROUNDS, Result, value_at_most
from benchmarks.server_side import COPY
from benchmarks.sizes import bare_bytes
from ingest_server.embedded.postgres import EmbeddedPostgres
from ingest_server.store import columnstore, migrate
from ingest_server.store import connection as connections
from ingest_server.store.connection import Connection
from ingest_server.store.copyrows import copy_readings, readings_of
from ingest_server.store.partitions import DAY_US, Partitions
from ingest_server.store.rows import TagMap, shape_of
from wire.samples import Samples

TAGS: Final = 20
"""Of every mix at least, so that what a table takes anyhow weighs the same in all figures."""
POLLS: Final = 86_400
"""A day at one poll a second."""
POLLS_QUICK: Final = 43_200
GOAL: Final = 3.0
_TOGETHER: Final = 100
_EVERY_US: Final = 1_000_000
_FIRST_DAY: Final = 20_454
"""2026-01-01."""
_NEVER_DAYS: Final = 36_500
"""The benchmark packs by itself, when a day is complete."""
_COLUMNS: Final = ("ts", "num", "big", "txt", "q", "batch")
_MIXES: Final[dict[str, tuple[int, ...]]] = {
    "without-floats": (SCALED, COUNTER, BIT),
    "scaled": (SCALED,),
    "counters": (COUNTER,),
    "bits": (BIT,),
    "floats": (FLOAT,),
    "all": (FLOAT, SCALED, COUNTER, BIT),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """Bytes a reading of one mix takes, and those of its bare values."""

    total: float
    bare: float
    columns: dict[str, float]


async def measure(rounds: int) -> list[Result]:
    """All figures; they depend on the versions alone, so there is nothing to repeat."""
    polls = POLLS if rounds >= ROUNDS else POLLS_QUICK
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as name:
        async with EmbeddedPostgres(Path(name) / "postgres", environ=os.environ) as server:
            packs = await asyncio.to_thread(_packs, server.dsn)
            results = await asyncio.to_thread(_plain, server.dsn_of("postgres"), polls)
            if packs:
                results += await asyncio.to_thread(_packed, server.dsn, polls)
    if not packs:
        print(
            "no TimescaleDB with a columnstore here, so no figures of it: LINESIDE_POSTGRES_HOME "
            "names a PostgreSQL that has one",
            file=sys.stderr,
        )
    return results


def _packs(dsn: str) -> bool:
    migrate.migrate(dsn)
    with connections.connect(dsn, name="bench") as connection:
        return columnstore.edition(connection) == "timescale"


def _plain(dsn: str, polls: int) -> list[Result]:
    migrate.migrate(dsn, hypertables=False)
    partitions = Partitions(dsn)
    partitions.ensure([_FIRST_DAY])
    partitions.close()
    with connections.connect(dsn, name="bench") as connection:
        connection.execute("SET statement_timeout = 0")
        readings, bare = _fill(connection, _FIRST_DAY, _MIXES["without-floats"], polls)
        connection.execute("VACUUM (ANALYZE) reading")
        row = connection.execute(
            "SELECT sum(pg_table_size(child.oid)), sum(pg_indexes_size(child.oid)) FROM pg_inherits"
            " JOIN pg_class AS child ON child.oid = inhrelid"
            " WHERE inhparent = 'lineside.reading'::regclass"
        ).fetchone()
    heap, index = row or (0, 0)
    return [
        _result("plain/without-floats", float(heap + index) / readings, bare),
        _result("plain/without-floats/index", float(index) / readings),
    ]


def _packed(dsn: str, polls: int) -> list[Result]:
    results = []
    with connections.connect(dsn, name="bench") as connection:
        connection.execute("SET statement_timeout = 0")
        columnstore.configure(connection, _NEVER_DAYS)
        for number, (name, kinds) in enumerate(_MIXES.items()):
            stored = _one_mix(connection, _FIRST_DAY + number, kinds, polls)
            goal = GOAL if name == "without-floats" else None
            results.append(_result(f"columnstore/{name}", stored.total, stored.bare, goal))
            if goal is not None:
                rest = stored.total - sum(stored.columns.values())
                results += [
                    _result(f"columnstore/{name}/{column}", value)
                    for column, value in [*stored.columns.items(), ("rest", rest)]
                ]
    return results


def _one_mix(connection: Connection, day: int, kinds: Sequence[int], polls: int) -> Stored:
    readings, bare = _fill(connection, day, kinds, polls)
    span = {"from": day * 86_400, "to": (day + 1) * 86_400}
    row = connection.execute(
        "SELECT c::text, compress_chunk(c)::text FROM show_chunks('lineside.reading',"
        " newer_than => to_timestamp(%(from)s), older_than => to_timestamp(%(to)s)) AS c",
        span,
    ).fetchone()
    chunk = row[0] if row else ""
    total = connection.execute(
        "SELECT total_bytes FROM chunks_detailed_size('lineside.reading')"
        " WHERE %s::regclass = format('%%I.%%I', chunk_schema, chunk_name)::regclass",
        (chunk,),
    ).fetchone()
    assert total is not None
    return Stored(
        total=total[0] / readings, bare=bare, columns=_columns(connection, chunk, readings)
    )


def _columns(connection: Connection, chunk: str, readings: int) -> dict[str, float]:
    """Bytes of each column of a packed chunk, {} where the catalogue is another one."""
    if not connection.execute(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = '_timescaledb_catalog'"
        " AND table_name = 'compression_settings' AND column_name = 'compress_relid'"
    ).fetchone():
        return {}
    row = connection.execute(
        "SELECT n.nspname, c.relname FROM _timescaledb_catalog.compression_settings AS s"
        " JOIN pg_class AS c ON c.oid = s.compress_relid"
        " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE s.relid = %s::regclass",
        (chunk,),
    ).fetchone()
    if row is None:
        return {}
    sizes = sql.SQL(", ").join(
        sql.SQL("coalesce(sum(pg_column_size({})), 0)::int8").format(sql.Identifier(name))
        for name in _COLUMNS
    )
    query = sql.SQL("SELECT {} FROM {}").format(sizes, sql.Identifier(*row))
    found = connection.execute(query).fetchone() or (0,) * len(_COLUMNS)
    return {name: size / readings for name, size in zip(_COLUMNS, found, strict=True)}


def _fill(connection: Connection, day: int, kinds: Sequence[int], polls: int) -> tuple[int, float]:
    """Write a day as the server does; its readings, and the bytes a bare value takes."""
    share = sum(kind in kinds for kind in PATTERN)
    tags_in_all = len(PATTERN) * -(-TAGS // share)
    generator = Generator(tags_in_all, start_us=day * DAY_US, every_us=_EVERY_US)
    chosen = np.isin(generator.kinds, kinds)
    tags = TagMap().with_tags((tag.n, tag.n, shape_of(tag)) for tag in generator.definitions())
    readings, bare, batch = 0, 0, 0
    for _ in range(polls // _TOGETHER):
        samples = _taken(generator.polls(_TOGETHER), chosen)
        bounds = np.linspace(0, len(samples), _TOGETHER + 1).astype(int)
        rows = readings_of(samples, tags)
        parts = [
            (rows.take(np.arange(start, end)), batch + place)
            for place, (start, end) in enumerate(pairwise(bounds.tolist()))
        ]
        with connection.transaction(), connection.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.write(b"".join(copy_readings(parts)))
        readings += len(samples)
        bare += bare_bytes(generator.kinds[chosen], samples)
        batch += _TOGETHER
    return readings, bare / readings


def _taken(samples: Samples, chosen: NDArray[np.bool_]) -> Samples:
    """The samples of the chosen tags alone."""
    rows = np.flatnonzero(chosen[samples.tag - 1])
    return Samples(
        tag=samples.tag[rows],
        ts=samples.ts[rows],
        q=samples.q[rows],
        f=samples.f[rows],
        i=samples.i[rows],
    )


def _result(
    name: str, value: float, bare: float | None = None, goal: float | None = None
) -> Result:
    return Result(
        name=f"storage/{name}",
        value=value,
        unit="bytes/reading",
        ceiling=bare,
        goal=None if goal is None else value_at_most(goal),
    )
