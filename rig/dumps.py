"""Dump and restore of the server's database with PostgreSQL's own tools."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psycopg

from ingest_server.embedded.postgres import DATABASE, EmbeddedPostgres, find_installation
from runtime.errors import RetryLater

_LIMIT_S = 300.0


def dump(
    database: EmbeddedPostgres, file: Path, *, environ: Mapping[str, str] = os.environ
) -> None:
    """A consistent dump while everything runs (`pg_dump --format=custom`)."""
    _tool(environ, "pg_dump", "--format=custom", f"--file={file}", database.dsn)


def restore(
    database: EmbeddedPostgres, file: Path, *, environ: Mapping[str, str] = os.environ
) -> None:
    """Put the database back to a dump; whoever is connected is thrown out, as in an emergency."""
    with psycopg.connect(database.dsn_of("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {DATABASE}".encode())
    _tool(environ, "pg_restore", "--exit-on-error", f"--dbname={database.dsn}", str(file))


def _tool(environ: Mapping[str, str], name: str, *arguments: str) -> None:
    program = find_installation(environ).bin / name
    done = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, timeout=_LIMIT_S, check=False
    )
    if done.returncode != 0:
        raise RetryLater("LS-8105", tool=name, reason=done.stderr.strip()[-500:])
