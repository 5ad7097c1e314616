"""The embedded PostgreSQL: starts anywhere, keeps what is committed, leaves nothing running."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import psycopg
import pytest

from ingest_server.embedded import orphan, ports
from ingest_server.embedded.postgres import EmbeddedPostgres, find_installation
from runtime.errors import Reconfigure
from tests.conftest import WaitFor

FAST = {"fsync": "off"}


async def _execute(dsn: str, statement: str) -> list[tuple[object, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute(statement)
        return await cursor.fetchall() if cursor.description else []


async def test_a_folder_with_a_space_gets_a_server_that_goes_on_with_its_data(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "plant one" / "数据"
    async with EmbeddedPostgres(folder) as first:
        await _execute(first.dsn, "CREATE TABLE kept (n int)")
        await _execute(first.dsn, "INSERT INTO kept VALUES (7)")
        assert await _execute(first.dsn, "SHOW fsync") == [("on",)]
        port = first.port
    assert first.pid == 0
    async with EmbeddedPostgres(folder) as second:
        assert await _execute(second.dsn, "SELECT n FROM kept") == [(7,)]
        assert second.port == port


async def test_what_was_committed_survives_a_kill_and_the_address_stays(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path, settings=FAST) as server:
        await _execute(server.dsn, "CREATE TABLE kept AS SELECT 1 AS n")
        before = server.dsn
        server.kill()
        assert server.pid == 0
        await server.start()
        assert server.dsn == before
        assert await _execute(server.dsn, "SELECT n FROM kept") == [(1,)]


async def test_the_password_is_private_and_nobody_enters_without_it(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path, settings=FAST) as server:
        assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            await psycopg.AsyncConnection.connect(
                f"postgresql://lineside:wrong@127.0.0.1:{server.port}/lineside"
            )


async def test_two_at_once_in_one_folder_are_refused_with_the_other_ones_number(
    tmp_path: Path,
) -> None:
    async with EmbeddedPostgres(tmp_path, settings=FAST) as server:
        with pytest.raises(Reconfigure) as refused:
            await EmbeddedPostgres(tmp_path).start()
        assert refused.value.code == "LS-5202"
        assert refused.value.params["pid"] == str(os.getpid())
        assert await _execute(server.dsn, "SELECT 1") == [(1,)]


async def test_a_taken_port_is_left_to_its_owner_and_another_one_used(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path, settings=FAST) as server:
        port = server.port
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, port))
        other.listen()
        async with EmbeddedPostgres(tmp_path, settings=FAST) as server:
            assert server.port != port
            assert await _execute(server.dsn, "SELECT 1") == [(1,)]


async def test_data_of_another_major_version_is_refused_untouched(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path, settings=FAST):
        pass
    marker = tmp_path / "cluster" / "PG_VERSION"
    marker.write_text("15\n")
    with pytest.raises(Reconfigure) as refused:
        await EmbeddedPostgres(tmp_path).start()
    assert refused.value.code == "LS-5203"
    assert refused.value.params["found"] == "15"
    assert marker.read_text() == "15\n"


async def test_an_interrupted_first_start_is_done_again(tmp_path: Path) -> None:
    half = tmp_path / "cluster.partial"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    async with EmbeddedPostgres(tmp_path, settings=FAST) as server:
        assert await _execute(server.dsn, "SELECT current_database()") == [("lineside",)]
    assert not half.exists()


async def test_a_stale_process_number_that_now_is_somebody_elses_does_not_stop_the_start(
    tmp_path: Path,
) -> None:
    async with EmbeddedPostgres(tmp_path, settings=FAST) as server:
        pid_file = tmp_path / "cluster" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        server.kill()
        pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        await server.start()
        assert await _execute(server.dsn, "SELECT 1") == [(1,)]


async def test_a_server_that_ends_while_starting_says_why(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, settings={**FAST, "wal_level": "nonsense"})
    with pytest.raises(Reconfigure) as refused:
        await server.start()
    assert refused.value.code == "LS-5206"
    assert "wal_level" in str(refused.value.params["reason"])
    assert server.pid == 0


async def test_a_start_that_is_cancelled_leaves_nothing_running(
    tmp_path: Path, wait_for: WaitFor
) -> None:
    async with EmbeddedPostgres(tmp_path, settings=FAST):
        pass
    server = EmbeddedPostgres(tmp_path, settings=FAST)
    starting = asyncio.create_task(server.start())
    await wait_for(lambda: server.pid)
    pid = server.pid
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not psutil.pid_exists(pid)
    async with EmbeddedPostgres(tmp_path, settings=FAST) as again:
        assert await _execute(again.dsn, "SELECT 1") == [(1,)]


_OWNER = """
    import asyncio, pathlib, sys
    from ingest_server.embedded.broker import EmbeddedBroker
    from ingest_server.embedded.postgres import EmbeddedPostgres

    async def main():
        folder = pathlib.Path(sys.argv[1])
        async with (
            EmbeddedPostgres(folder / "pg", settings={"fsync": "off"}) as pg,
            EmbeddedBroker(folder / "mq", kind="nats") as broker,
        ):
            print(pg.pid, broker.pid, flush=True)
            await asyncio.Event().wait()

    asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux'")
async def test_a_killed_owner_takes_its_servers_along(tmp_path: Path, wait_for: WaitFor) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_OWNER), str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[4],
        text=True,
    )
    try:
        assert owner.stdout is not None
        pids = [int(word) for word in (await asyncio.to_thread(owner.stdout.readline)).split()]
        assert len(pids) == 2
        assert all(psutil.pid_exists(pid) for pid in pids)
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        if owner.stdout is not None:
            owner.stdout.close()
    await wait_for(lambda: not any(_lives(pid) for pid in pids), limit_s=30)
    async with EmbeddedPostgres(tmp_path / "pg", settings=FAST) as server:
        assert await _execute(server.dsn, "SELECT 1") == [(1,)]
        # Told by the kernel, it shut down in order: nothing to recover.
        log = server.log_file.read_text()
        assert "database system was interrupted" not in log
        assert "not properly shut down" not in log


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_left_over_server_is_ended_before_the_next_one_starts(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path, settings=FAST) as first:
        await _execute(first.dsn, "CREATE TABLE kept AS SELECT 1 AS n")
        left_over = first.pid
        first._release()  # as if the owner had died where no kernel tells its children
        async with EmbeddedPostgres(tmp_path, settings=FAST) as second:
            assert second.pid != left_over
            assert first.pid == 0
            assert await _execute(second.dsn, "SELECT n FROM kept") == [(1,)]
            assert orphan.processes_in(tmp_path / "cluster", "postgres")
    assert not orphan.processes_in(tmp_path / "cluster", "postgres")


@pytest.mark.needs_timescaledb
async def test_timescaledb_is_loaded_where_its_files_are(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path, settings=FAST) as server:
        assert server.has_timescaledb
        await _execute(server.dsn, "CREATE EXTENSION timescaledb")


async def test_programs_and_data_below_a_folder_closed_to_others_work_also_for_root(
    tmp_path: Path,
) -> None:
    """As a checkout in /root: another user runs the server then, who may not enter it."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = find_installation({}).bin.parents[1]

    def link(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copy2(source, target)

    for name in (package.name, f"{package.name}.libs"):  # the programs look for these beside them
        shutil.copytree(package.parent / name, closed / name, copy_function=link, symlinks=True)
    environ = {"LINESIDE_POSTGRES_HOME": str(closed / package.name / "pginstall")}
    async with EmbeddedPostgres(closed / "data", settings=FAST, environ=environ) as server:
        assert await _execute(server.dsn, "SELECT count(*) > 0 FROM pg_timezone_names") == [(True,)]


async def test_without_the_wheel_the_error_names_the_extra(tmp_path: Path) -> None:
    nowhere = {"LINESIDE_POSTGRES_HOME": str(tmp_path / "nowhere")}
    with pytest.raises(Reconfigure) as refused:
        await EmbeddedPostgres(tmp_path / "data", environ=nowhere).start()
    assert refused.value.code == "LS-5201"
