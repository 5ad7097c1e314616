"""Dump and restore of the server's database with PostgreSQL's own tools."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from ingest_server.embedded.postgres import DATABASE, EmbeddedPostgres, find_installation
from runtime.errors import RetryLater

_LIMIT_S = 300.0
_RENAME_LIMIT_S = 30.0
_BESIDE = f"{DATABASE}_put_back"


def dump(
    database: EmbeddedPostgres, file: Path, *, environ: Mapping[str, str] = os.environ
) -> None:
    """A consistent dump while everything runs (`pg_dump --format=custom`)."""
    _tool(environ, "pg_dump", "--format=custom", f"--file={file}", database.dsn)


def restore(
    database: EmbeddedPostgres, file: Path, *, environ: Mapping[str, str] = os.environ
) -> None:
    """Put the database back to a dump; whoever is connected is thrown out, as in an emergency.

    It is restored beside the present one and then takes its place: nobody works on half of it.
    """
    hypertables = "EXTENSION - timescaledb" in _tool(environ, "pg_restore", "--list", str(file))
    with psycopg.connect(database.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {_BESIDE} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {_BESIDE}".encode())
        dsn = database.dsn_of(_BESIDE)
        if hypertables:
            _run(dsn, "CREATE EXTENSION timescaledb", "SELECT timescaledb_pre_restore()")
        _tool(environ, "pg_restore", "--exit-on-error", f"--dbname={dsn}", str(file))
        if hypertables:
            _run(dsn, "SELECT timescaledb_post_restore()")
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)".encode())
        _rename(connection)


def _run(dsn: str, *statements: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _rename(connection: psycopg.Connection[Any]) -> None:
    """Give the restored database its name; an extension's workers may have connected to it."""
    end = time.monotonic() + _RENAME_LIMIT_S
    while True:
        try:
            connection.execute(f"ALTER DATABASE {_BESIDE} RENAME TO {DATABASE}".encode())
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > end:
                raise
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (_BESIDE,),
            )
            time.sleep(0.05)
        else:
            return


def _tool(environ: Mapping[str, str], name: str, *arguments: str) -> str:
    """What the tool said on standard output."""
    program = find_installation(environ).bin / name
    done = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, timeout=_LIMIT_S, check=False
    )
    if done.returncode != 0:
        raise RetryLater("LS-8105", tool=name, reason=done.stderr.strip()[-500:])
    return done.stdout
