"""What a synchronous replica costs: the rate of one worker with it, beside the same without it.

Both databases are on this machine, so what is measured is the second fsync and the second copy of
the log, without a network between them. The standby is made by `pg_basebackup` and is a hot one;
`synchronous_standby_names` is switched between rounds.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.results import Result, in_turn
from benchmarks.rows import created, side
from ingest_server.embedded import orphan
from ingest_server.embedded.postgres import USER, EmbeddedPostgres, find_installation

_LIMIT_S: Final = 60.0
_COPY_LIMIT_S: Final = 120.0


async def replica(rounds: int) -> list[Result]:
    """Rows a second with a synchronous replica; the ceiling is the rate without one."""
    with tempfile.TemporaryDirectory(prefix="lineside-bench-") as name:
        folder = Path(name)
        async with EmbeddedPostgres(folder / "primary", environ={}) as primary:
            with created(primary) as dsn:
                await asyncio.to_thread(_copy, primary, folder / "standby")
                async with (
                    EmbeddedPostgres(folder / "standby", environ={}),
                    side(folder / "worker", dsn) as worker,
                ):

                    async def with_it() -> float:
                        await asyncio.to_thread(_wait_for_standby, primary, "*")
                        return await worker.rate()

                    async def without() -> float:
                        await asyncio.to_thread(_wait_for_standby, primary, "")
                        return await worker.rate()

                    await with_it()
                    value, ceiling = await in_turn(rounds, with_it, without)
                    await asyncio.to_thread(_wait_for_standby, primary, "")
    return [
        Result(name="rows/synchronous-replica", value=value, unit="rows/s", ceiling=ceiling),
    ]


def _copy(primary: EmbeddedPostgres, folder: Path) -> None:
    folder.mkdir()
    shutil.copy(primary.data_dir / "password", folder / "password")
    password = (folder / "password").read_text("ascii").strip()
    program = find_installation({}).bin / "pg_basebackup"
    cluster = folder / "cluster"
    subprocess.run(
        [
            *(str(program), "--pgdata", str(cluster), "--write-recovery-conf"),
            *("--checkpoint=fast", "--wal-method=stream"),
            *("--dbname", f"host=127.0.0.1 port={primary.port} user={USER}"),
        ],
        env={**os.environ, "PGPASSWORD": password},
        timeout=_COPY_LIMIT_S,
        check=True,
    )
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    user = orphan.user_for(folder)
    for path in (cluster, *cluster.rglob("*")):
        orphan.give_to(user, path)


def _wait_for_standby(primary: EmbeddedPostgres, names: str) -> None:
    """Switch the rule, and return when it is so: `sync` with it, `async` without."""
    state = "sync" if names else "async"
    with psycopg.connect(primary.dsn, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'".encode())
        connection.execute("SELECT pg_reload_conf()")
        for _ in range(int(_LIMIT_S / 0.1)):
            found = connection.execute("SELECT sync_state FROM pg_stat_replication").fetchone()
            if found == (state,):
                return
            connection.execute("SELECT pg_sleep(0.1)")
    raise TimeoutError(f"no standby became {state}")
