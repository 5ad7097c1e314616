"""A database is put back as a whole, packed chunks of TimescaleDB included."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from ingest_server.embedded.postgres import EmbeddedPostgres
from ingest_server.store import columnstore
from ingest_server.store.connection import connect
from ingest_server.store.migrate import migrate
from ingest_server.store.partitions import Partitions
from rig import dumps

_DAY = 20_454  # 2026-01-01


@pytest.mark.parametrize(
    "kind", ["postgres", pytest.param("timescaledb", marks=pytest.mark.needs_timescaledb)]
)
async def test_a_database_in_use_is_put_back_and_taken_on_from_there(
    kind: str, tmp_path: Path
) -> None:
    environ = {} if kind == "postgres" else os.environ
    async with EmbeddedPostgres(
        tmp_path / "a server", settings={"fsync": "off"}, environ=environ
    ) as server:
        migrate(server.dsn)
        partitions = Partitions(server.dsn)
        partitions.ensure([_DAY, _DAY + 1])
        partitions.close()
        write = (
            "INSERT INTO reading SELECT '2026-01-01'::timestamptz + n * interval '1 min', 1, n,"
            " NULL, NULL, 0, %(batch)s FROM generate_series(0, 2000) AS n"
        )
        with connect(server.dsn, name="test") as connection:
            connection.execute(write.encode(), {"batch": 1})
            assert columnstore.configure(connection, 7) == (
                "timescale" if kind == "timescaledb" else "none"
            )
            columnstore.pack(connection)
            dumps.dump(server, tmp_path / "x.dump", environ=environ)
            connection.execute(write.encode(), {"batch": 2})
            dumps.restore(server, tmp_path / "x.dump", environ=environ)
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        migrate(server.dsn)
        with connect(server.dsn, name="test") as connection:
            query = "SELECT batch, count(*) FROM reading GROUP BY batch"
            assert connection.execute(query.encode()).fetchall() == [(1, 2_001)]
            connection.execute(write.encode(), {"batch": 3})
            assert len(connection.execute(query.encode()).fetchall()) == 2
            assert columnstore.is_packed(connection) == (kind == "timescaledb")
