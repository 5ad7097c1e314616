"""A process of its own judges the very moment that was held for it, and says so where it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from ingest_server.embedded.postgres import EmbeddedPostgres
from ingest_server.store.migrate import migrate
from rig.chaos.judge_process import judge_apart
from rig.server_view import ServerView
from runtime.errors import RetryLater

pytestmark = pytest.mark.timeout(120)
_TELL = (
    "INSERT INTO lineside.notice (plant, edge, code, params)"
    """ VALUES ('demo', 'line-a', 'LS-5411', '{"predecessor": "e-1"}')"""
)


async def test_another_process_sees_the_moment_that_is_held_and_nothing_later(
    tmp_path: Path,
) -> None:
    environ = {k: v for k, v in os.environ.items() if k != "LINESIDE_POSTGRES_HOME"}
    async with EmbeddedPostgres(tmp_path / "database", environ=environ) as database:
        migrate(database.dsn)
        with ServerView(database.dsn) as held:
            snapshot = held.snapshot()
            with psycopg.connect(database.dsn) as connection:
                connection.execute(_TELL.encode())
            with ServerView(database.dsn, snapshot=snapshot) as view:
                assert view.forks() == set()
        with ServerView(database.dsn) as view:
            assert view.forks() == {"e-1"}


async def test_where_nothing_can_be_judged_its_last_words_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "nothing in it"
    folder.mkdir()
    log = tmp_path / "judge.log"
    with pytest.raises(RetryLater) as raised:
        await judge_apart(folder, log)
    assert raised.value.code == "LS-8216"
    assert "LS-8202" in str(raised.value.params["last"])
    assert log.exists()
