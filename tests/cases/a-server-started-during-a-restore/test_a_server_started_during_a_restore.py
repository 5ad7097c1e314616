"""A server started during a restore."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from ingest_server.store.errors import StoreAway
from ingest_server.store.migrate import migrate
from tests.conftest import WaitFor
from tests.integration.ingest_server import store
from tests.integration.ingest_server.receive.looks import rows
from tests.integration.ingest_server.test_program import running

DUMP = Path(store.__path__[0]) / "released" / "m0003.sql"
VERSION = "INSERT INTO lineside.schema_version"


def put_back(dsn: str, part: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(part.encode())


async def test_it_waits_until_the_database_is_whole_and_then_works(
    dsn: str, tmp_path: Path, wait_for: WaitFor
) -> None:
    config = tmp_path / "server.yaml"
    config.write_text(
        f"data_dir: data\ndatabase: {{dsn: '{dsn}'}}\nbroker: {{host: 127.0.0.1, port: 9}}\n"
    )
    first, version, rest = DUMP.read_text("utf-8").partition(VERSION)
    put_back(dsn, first)
    async with running(config, "--role", "work") as lines:
        await wait_for(lambda: any("LS-5507" in line for line in lines), 60)
        put_back(dsn, version + rest)
        await wait_for(lambda: any("database ready" in line for line in lines), 60)
    assert rows(dsn, "SELECT count(*) FROM lineside.reading") == [(15,)]


async def test_one_started_while_the_database_is_made_anew_waits_for_it(
    dsn: str, tmp_path: Path, wait_for: WaitFor
) -> None:
    config = tmp_path / "server.yaml"
    place, _, name = dsn.rpartition("/")
    config.write_text(
        f"data_dir: data\ndatabase: {{dsn: '{dsn}'}}\nbroker: {{host: 127.0.0.1, port: 9}}\n"
    )
    put_back(f"{place}/postgres", f"DROP DATABASE {name} WITH (FORCE)")
    async with running(config, "--role", "work") as lines:
        await wait_for(lambda: any("3D000" in line for line in lines), 60)
        put_back(f"{place}/postgres", f"CREATE DATABASE {name}")
        await wait_for(lambda: any("database ready" in line for line in lines), 60)


@pytest.mark.parametrize("until", ["CREATE TABLE lineside.tag (", VERSION, "ADD CONSTRAINT"])
def test_what_was_restored_by_then_is_left_as_it_is(dsn: str, until: str) -> None:
    first, _, _ = DUMP.read_text("utf-8").partition(until)
    put_back(dsn, first.rpartition("ALTER TABLE ONLY")[0] if until.startswith("ADD") else first)
    looks = (
        "SELECT relname, relkind FROM pg_class "
        "WHERE relnamespace = 'lineside'::regnamespace ORDER BY 1"
    )
    before = rows(dsn, looks)
    with pytest.raises(StoreAway) as caught:
        migrate(dsn)
    assert caught.value.code == "LS-5507"
    assert rows(dsn, looks) == before
