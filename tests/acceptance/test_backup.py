"""`docs/backup.md` does what it says: its commands are run while edges send."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from ingest_server.embedded.postgres import find_installation
from rig.demo import compare_now, settle, until_collecting
from rig.ledger import copy_buffer
from rig.programs import ROOT
from rig.server_view import ServerView
from rig.system import System
from tests.acceptance.test_killed import more_parts, more_rows
from tests.conftest import DatabaseKind
from wire.frame import Kind

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(500)]
WaitFor = Callable[..., Awaitable[object]]


class Page:
    """The commands of `docs/backup.md`, block by block, for the system at hand."""

    def __init__(self, system: System, kind: DatabaseKind) -> None:
        text = (ROOT / "docs" / "backup.md").read_text("utf-8")
        blocks: list[str] = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        self.dump, self.empty, plain, hypertables, self.after, self.look = blocks
        self.restore = hypertables if kind == "timescaledb" else plain
        self._system = system
        self._environ = {} if kind == "postgres" else dict(os.environ)

    async def run(self, commands: str) -> str:
        """Run a block in the folder of `server.yaml`, each command has to succeed."""
        programs = [str(find_installation(self._environ).bin), str(Path(sys.executable).parent)]
        environment = {
            **self._system.environment(),
            "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
            "DSN": self._system.database.dsn,
            "ADMIN": self._system.database.dsn_of("postgres"),
            "LANG": "C.UTF-8",
        }
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euc", commands),
            cwd=self._system.configs,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await process.communicate()
        assert process.returncode == 0, told.decode()
        return told.decode()


async def forget_what_was_confirmed(system: System, edge: str, whole: Path) -> Path:
    """As 72 hours do; the buffer as it was before is copied to `whole`."""
    await system.edges[edge].stop()
    copy_buffer(system.buffer(edge), whole)
    with closing(sqlite3.connect(system.buffer(edge))) as buffer, buffer:
        forgotten = buffer.execute(
            "DELETE FROM record WHERE kind IN (?, ?) AND seq <= (SELECT acked FROM stream AS s"
            " WHERE s.ord = record.ord AND s.cls = record.cls)",
            (int(Kind.SAMPLES), int(Kind.EVENTS)),
        ).rowcount
    assert forgotten > 0
    system.edges[edge].start()
    return whole


@pytest.fixture(
    params=["postgres", pytest.param("timescaledb", marks=pytest.mark.needs_timescaledb)]
)
def kind(request: pytest.FixtureRequest) -> DatabaseKind:
    """The page has two ways; each is gone once."""
    found: DatabaseKind = request.param
    return found


async def test_a_dump_taken_under_load_is_restored_and_the_edges_send_the_rest_again(
    folder: Path, tmp_path: Path, kind: DatabaseKind, wait_for: WaitFor
) -> None:
    environ = {} if kind == "postgres" else os.environ
    async with System(folder, broker="nats", database_environ=environ) as system:
        page = Page(system, kind)
        await until_collecting(system)
        await system.plant.run()
        await more_rows(system, wait_for)
        dumping = asyncio.ensure_future(page.run(page.dump))
        await more_rows(system, wait_for)
        await dumping
        with ServerView(system.database.dsn) as view:
            before = view.rows()
        await more_parts(system, wait_for)
        await more_rows(system, wait_for, 600)

        await system.server.stop()
        whole = await forget_what_was_confirmed(system, "line-b", tmp_path / "whole.db")
        await page.run(page.empty)
        await page.run(page.restore)
        await page.run(page.after)
        with ServerView(system.database.dsn) as view:
            assert 0 < view.rows() < before + 600
        await more_parts(system, wait_for)
        await system.start_server()
        await more_rows(system, wait_for, 600)
        await system.plant.pause()
        await settle(system)

        told = await page.run(page.look)
        summary = compare_now(system, [], gone=[whole])
        with ServerView(system.database.dsn) as view:
            lost = {gap.edge for gap in view.gaps() if gap.cause == "lost_database"}
            assert "LS-5410" in view.notices()
        with psycopg.connect(system.database.dsn) as connection:
            [(hypertables,)] = connection.execute(
                "SELECT relkind = 'r' FROM pg_class WHERE oid = 'lineside.reading'::regclass"
            ).fetchall()
    assert hypertables == (kind == "timescaledb")
    assert "line-a" in told
    assert lost == {"line-b"}
    verdict = summary.as_json()
    assert summary.ok, json.dumps(verdict, indent=1)
    assert (verdict["readings"]["lost"], verdict["readings"]["duplicated"]) == (0, 0)
