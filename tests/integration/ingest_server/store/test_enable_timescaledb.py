"""A plain database becomes one with hypertables: whole, also when it was stopped on the way."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingest_server.store.connection import Connection, connect
from ingest_server.store.errors import StoreRefuses
from ingest_server.store.hypertables import Moved, enable
from ingest_server.store.migrate import migrate
from ingest_server.store.partitions import DAY_US, HOURS, MINUTES, Partitions
from ingest_server.usecases.rollup import Rollup
from rig.programs import python_module_command

DAY = 20_454  # 2026-01-01

pytestmark = pytest.mark.also_pglite(plain=False)


@pytest.fixture
def plain(any_dsn: str) -> str:
    """A database made when there was no TimescaleDB, on a server that has it now."""
    dsn = any_dsn
    migrate(dsn, hypertables=False)
    for table in (None, MINUTES, HOURS):
        partitions = Partitions(dsn) if table is None else Partitions(dsn, table)
        partitions.ensure(range(DAY, DAY + 4))
        partitions.close()
    with connect(dsn, name="test") as connection:
        connection.execute(
            "INSERT INTO edge (plant, edge) VALUES ('demo', 'a'); "
            "INSERT INTO tag (edge_id, path, revision, definition, dtype, class) "
            "SELECT 1, 'x' || n, 1, '1', 'f64', 'bulk' FROM generate_series(1, 3) AS n; "
            "INSERT INTO reading SELECT '2026-01-01'::timestamptz + g * interval '1000 s', "
            "1 + g %% 3, g, NULL, CASE g %% 7 WHEN 0 THEN 'x' END, 0, g "
            "FROM generate_series(0, 300) AS g; "
            "INSERT INTO dirty SELECT DISTINCT 1, date_trunc('minute', ts) FROM reading; "
            "CREATE VIEW some_readings AS SELECT ts, num FROM reading WHERE tag_id = 1; "
            "CREATE VIEW fewer AS SELECT num FROM some_readings WHERE num > 10; "
            "COMMENT ON VIEW fewer IS 'of somebody'; GRANT SELECT ON fewer TO pg_monitor; "
            "COMMENT ON TABLE reading IS 'by somebody'; COMMENT ON COLUMN reading.q IS 'quality'; "
            "GRANT SELECT ON reading TO pg_monitor WITH GRANT OPTION; "
            "GRANT UPDATE (q) ON reading TO pg_monitor; "
            "GRANT SELECT ON reading_1h TO PUBLIC; ".replace("%%", "%")
        )
    rollup = Rollup(dsn, clock=lambda: (DAY + 10) * DAY_US)
    while rollup.step():
        pass
    rollup.close()
    return dsn


def contents(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    with connect(dsn, name="test") as connection:
        return {
            table: connection.execute(
                f"SELECT * FROM {table} ORDER BY ts, tag_id".encode()
            ).fetchall()
            for table in ("reading", "reading_1m", "reading_1h")
        }


RIGHTS = b"""
SELECT c.relname, NULL, c.relacl::text, obj_description(c.oid, 'pg_class')
FROM pg_class AS c
WHERE c.oid IN ('reading'::regclass, 'reading_1m'::regclass, 'reading_1h'::regclass)
UNION ALL
SELECT c.relname, a.attname, a.attacl::text, col_description(c.oid, a.attnum)
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.oid IN ('reading'::regclass, 'reading_1m'::regclass, 'reading_1h'::regclass)
  AND a.attnum > 0
ORDER BY 1, 2
"""


def rights(dsn: str) -> list[tuple[Any, ...]]:
    """Who may do what with tables and columns, and what they are commented with."""
    with connect(dsn, name="test") as connection:
        return connection.execute(RIGHTS).fetchall()


def kinds(connection: Connection) -> set[str]:
    return {
        name
        for (name,) in connection.execute(
            "SELECT hypertable_name FROM timescaledb_information.hypertables"
        )
    }


def test_everything_is_there_afterwards_and_new_data_too(plain: str) -> None:
    before, allowed = contents(plain), rights(plain)
    told: list[Moved] = []
    assert enable(plain, told=told.append) == sum(map(len, before.values()))
    assert told[-1].left == 0
    assert contents(plain) == before
    assert rights(plain) == allowed
    with connect(plain, name="test") as connection:
        [(owner,)] = connection.execute("SELECT current_user").fetchall()
        assert ("reading", "q", f"{{pg_monitor=w/{owner}}}", "quality") in allowed
        assert kinds(connection) == {"reading", "reading_1m", "reading_1h"}
        connection.execute("INSERT INTO reading VALUES ('2026-03-01', 1, 1, NULL, NULL, 0, 9)")
        [(count,)] = connection.execute("SELECT count(*) FROM fewer").fetchall()
        [(comment,)] = connection.execute("SELECT obj_description('fewer'::regclass)").fetchall()
        [(may,)] = connection.execute(
            "SELECT has_table_privilege('pg_monitor', 'fewer', 'SELECT')"
        ).fetchall()
        names = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'lineside' "
            "AND tablename LIKE 'reading%' ORDER BY 1"
        ).fetchall()
    assert (count > 90, comment, may) == (True, "of somebody", True)
    assert [name for (name,) in names] == [
        "reading_1h_pkey",
        "reading_1m_pkey",
        "reading_origin_tag_ts",
        "reading_tag_ts",
    ]
    assert enable(plain, told=told.append) == 0
    migrate(plain)


OF_SOMEBODY = """
CREATE MATERIALIZED VIEW per_tag WITH (fillfactor=80) AS
    SELECT tag_id, count(*) AS n FROM reading GROUP BY tag_id;
CREATE UNIQUE INDEX per_tag_n ON per_tag (tag_id) WHERE n > 1;
COMMENT ON MATERIALIZED VIEW per_tag IS 'counted';
COMMENT ON COLUMN per_tag.n IS 'how many';
COMMENT ON INDEX per_tag_n IS 'one each';
CREATE VIEW many WITH (security_barrier=true, security_invoker=true) AS
    SELECT n FROM per_tag WHERE n > 5;
CREATE MATERIALIZED VIEW empty AS SELECT num FROM reading_1h AS h (a, b, c, num) WITH NO DATA;
GRANT SELECT (n) ON many TO pg_monitor WITH GRANT OPTION;
"""

LOOKS = b"""
SELECT c.relname, c.relkind, c.relispopulated, c.reloptions, pg_get_userbyid(c.relowner),
       c.relacl::text,
       -- Brackets in those of ours come and go.
       CASE c.relnamespace WHEN 'lineside'::regnamespace THEN pg_get_viewdef(c.oid) END,
       obj_description(c.oid, 'pg_class'),
       ARRAY(SELECT pg_get_indexdef(indexrelid) || obj_description(indexrelid, 'pg_class')
             FROM pg_index WHERE indrelid = c.oid),
       ARRAY(SELECT (a.attname, a.attacl, col_description(c.oid, a.attnum))::text
             FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 ORDER BY a.attnum)
FROM pg_class AS c
WHERE c.relkind IN ('v', 'm')
  AND c.relnamespace IN ('lineside'::regnamespace, 'lineside_bi'::regnamespace)
ORDER BY 1
"""


@pytest.fixture
def reader(plain: str) -> Iterator[str]:
    """A role that may make views of its own."""
    name = f"reader_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        connection.execute(f"GRANT USAGE, CREATE ON SCHEMA lineside TO {name}".encode())
        connection.execute(f"GRANT SELECT ON lineside.reading TO {name}".encode())
        yield name
        connection.execute(f"DROP OWNED BY {name} CASCADE".encode())
        connection.execute(f"DROP ROLE {name}".encode())


def test_views_of_any_kind_are_made_again_as_they_were(plain: str, reader: str) -> None:
    with connect(plain, name="test") as connection:
        connection.execute(OF_SOMEBODY.encode())
        connection.execute(f"ALTER VIEW fewer OWNER TO {reader}".encode())
        connection.execute(f"ALTER MATERIALIZED VIEW per_tag OWNER TO {reader}".encode())
        connection.commit()
        before = connection.execute(LOOKS).fetchall()
        counted = connection.execute("SELECT * FROM per_tag ORDER BY 1").fetchall()
    enable(plain, told=lambda _: None)
    with connect(plain, name="test") as connection:
        assert connection.execute(LOOKS).fetchall() == before
        assert connection.execute("SELECT * FROM per_tag ORDER BY 1").fetchall() == counted
        assert connection.execute("SELECT count(*) FROM many").fetchall() == [(3,)]


IN_THE_WAY = """
CREATE STATISTICS who_when ON tag_id, batch FROM reading;
CREATE POLICY few ON reading_1m USING (tag_id = 1);
CREATE RULE no AS ON DELETE TO fewer DO INSTEAD NOTHING;
CREATE FUNCTION newest() RETURNS SETOF reading LANGUAGE sql
RETURN (SELECT r FROM reading AS r LIMIT 1);
CREATE TABLE note (tag_id int, ts timestamptz, FOREIGN KEY (tag_id, ts) REFERENCES reading_1h);
CREATE PUBLICATION minutes FOR TABLE reading_1m;
ALTER VIEW some_readings ALTER COLUMN num SET DEFAULT 7;
"""


def test_what_would_be_lost_is_named_before_anything_is_moved(plain: str) -> None:
    before = contents(plain)
    with connect(plain, name="test") as connection:
        connection.execute(IN_THE_WAY.encode())
    with pytest.raises(StoreRefuses) as caught:
        enable(plain, told=lambda _: None)
    assert caught.value.code == "LS-5849"
    assert str(caught.value.params["what"]).split(", ") == [
        "constraint note_tag_id_ts_fkey on table note",
        "default value for column num of view some_readings",
        "function newest()",
        "policy few on table reading_1m",
        "publication of table reading_1m in publication minutes",
        "rule no on view fewer",
        "statistics object who_when",
    ]
    assert contents(plain) == before
    migrate(plain)  # no move has begun


@pytest.mark.several_sessions
def test_a_view_of_an_owner_one_cannot_act_for_is_named(plain: str, reader: str) -> None:
    other = f"owner_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"ALTER VIEW lineside.fewer OWNER TO {reader}".encode())
        connection.execute("CREATE EXTENSION timescaledb SCHEMA public")
        connection.execute(f"CREATE ROLE {other} LOGIN PASSWORD 'x'".encode())
        for table in ("reading", "reading_1m", "reading_1h"):
            connection.execute(f"ALTER TABLE lineside.{table} OWNER TO {other}".encode())
        connection.execute(f"GRANT USAGE, CREATE ON SCHEMA lineside TO {other}".encode())
    login = psycopg.conninfo.make_conninfo(plain, user=other, password="x")
    try:
        with pytest.raises(StoreRefuses) as caught:
            enable(login, told=lambda _: None)
        assert caught.value.code == "LS-5849"
        assert f"view fewer ({reader})" in str(caught.value.params["what"])
    finally:
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f"REASSIGN OWNED BY {other} TO CURRENT_USER".encode())
            connection.execute(f"DROP OWNED BY {other}".encode())
            connection.execute(f"DROP ROLE {other}".encode())


class Killed(Exception):
    """Stands for the end of the process."""


def test_a_move_that_was_stopped_goes_on_and_no_server_starts_before(plain: str) -> None:
    before = contents(plain)
    moved = 0

    def stop_soon(one: Moved) -> None:
        nonlocal moved
        moved += one.rows
        if one.left == 3:
            raise Killed

    with pytest.raises(Killed):
        enable(plain, told=stop_soon)
    with pytest.raises(StoreRefuses) as caught:
        migrate(plain)
    assert caught.value.code == "LS-5840"
    rest = enable(plain, told=lambda _: None)
    assert 0 < rest < sum(map(len, before.values()))
    assert moved + rest == sum(map(len, before.values()))
    assert contents(plain) == before
    migrate(plain)


@pytest.mark.several_sessions
async def test_a_killed_move_is_taken_up_where_it_was(
    plain: str, tmp_path: Path, wait_for: Callable[..., Awaitable[object]]
) -> None:
    before = contents(plain)
    config = tmp_path / "server.yaml"
    config.write_text(json.dumps({"data_dir": str(tmp_path), "database": {"dsn": plain}}), "utf-8")
    command = python_module_command("ingest_server.cli", "timescaledb", "enable", str(config))
    with (
        psycopg.connect(plain, autocommit=True) as holder,
        psycopg.connect(plain, autocommit=True, options="-c search_path=lineside") as looks,
    ):

        def count(query: str) -> int:
            row = looks.execute(query.encode()).fetchone()
            return int(row[0]) if row else 0

        # Somebody reads the third day: the move stops there, in a transaction.
        with holder.transaction():
            holder.execute("LOCK TABLE lineside.reading_p20260103 IN ACCESS SHARE MODE")
            with (tmp_path / "log").open("wb") as log:
                move = subprocess.Popen(command, stdout=log, stderr=log)
            try:
                waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
                waiting += "'reading_p20260103'::regclass"
                await wait_for(lambda: count(waiting) == 1, limit_s=60)
            finally:
                move.kill()
                move.wait()
        # Its backend notices when it has the lock and nobody to tell.
        alive = "SELECT count(*) FROM pg_stat_activity WHERE application_name ="
        alive += " 'lineside timescaledb'"
        await wait_for(lambda: count(alive) == 0, limit_s=30)
        left = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading'::regclass"
        assert count(left) == 2
        assert count("SELECT count(*) FROM reading_moving") > 0
    with pytest.raises(StoreRefuses) as caught:
        migrate(plain)
    assert caught.value.code == "LS-5840"
    assert enable(plain, told=lambda _: None) > 0
    assert contents(plain) == before
    migrate(plain)


@pytest.mark.several_sessions
def test_nothing_is_moved_while_a_server_runs(plain: str) -> None:
    with connect(plain, name="ingest"), pytest.raises(StoreRefuses) as caught:
        enable(plain, told=lambda _: None)
    assert caught.value.code == "LS-5841"
    assert "lineside ingest" in str(caught.value.params["who"])


def test_without_timescaledb_it_is_told_what_to_do(dsn: str) -> None:
    migrate(dsn)
    with pytest.raises(StoreRefuses) as caught:
        enable(dsn, told=lambda _: None)
    assert caught.value.code == "LS-5842"
