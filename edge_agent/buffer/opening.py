"""Opening the buffer file: taking it for oneself, its schema, and telling damage from trouble."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import aiosqlite
import uuid_utils

from edge_agent.buffer.queries import added, schema
from runtime.errors import LinesideError, Reconfigure, RetryLater

VERSION: Final = 1
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_TAKEN: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_REFUSED: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})
_WAL_BYTES: Final = 64 * 1024 * 1024


class Unreadable(Exception):
    """The file is damaged; its text says how."""


def new_epoch() -> UUID:
    """A fresh epoch id; ordered by time for people only, never for the protocol."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def marker(path: Path) -> Path:
    """Exists where the file was found damaged while in use."""
    return path.with_name(path.name + ".damaged")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, rather than the disk busy, full or away."""
    # Without a code of SQLite's own: the module found bytes in a text that are none.
    own = type(error) in (sqlite3.DatabaseError, sqlite3.OperationalError)
    return _primary(error) in _DAMAGED or (own and _primary(error) == 0)


def verdict(error: sqlite3.Error, path: Path) -> Exception:
    """What an error while opening means to the caller."""
    if is_damage(error):
        return Unreadable(str(error))
    return _refusal(error, path)


def _refusal(error: sqlite3.Error, path: Path) -> LinesideError:
    if _primary(error) in _TAKEN:
        return Reconfigure("LS-4101", file=str(path))
    if _primary(error) in _REFUSED:
        return Reconfigure("LS-4102", file=str(path), reason=str(error))
    return RetryLater("LS-4104", file=str(path), reason=str(error))


def _primary(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


async def connect(path: Path) -> aiosqlite.Connection:
    """The one connection; nothing has been read yet."""
    try:
        # No waiting for a lock: whoever has it is another agent, and keeps it.
        return await aiosqlite.connect(path, isolation_level=None, timeout=0)
    except sqlite3.Error as error:
        raise verdict(error, path) from error


async def prepare(db: aiosqlite.Connection, path: Path, *, check_below: int) -> None:
    """Lock the file for this process alone, make or check its schema.

    A file that was not closed in order is checked whole if it has less than `check_below` bytes:
    a large one would keep the line waiting, and damage met later is salvaged then.
    """
    await db.execute("pragma auto_vacuum = incremental")
    await db.execute("pragma locking_mode = exclusive")
    await db.execute("pragma journal_mode = wal")
    await db.execute("pragma synchronous = full")
    await db.execute("pragma foreign_keys = on")
    await db.execute(f"pragma journal_size_limit = {_WAL_BYTES}")
    await db.execute("begin exclusive")
    await db.execute("commit")
    version = await _one(db, "pragma user_version")
    if version == 0 and await _one(db, "select count(*) from sqlite_schema") == 0:
        await db.executescript(f"begin; {schema()} pragma user_version = {VERSION}; commit;")
    elif version == 0:
        raise Unreadable("no schema version")
    elif version != VERSION:
        raise Reconfigure("LS-4103", file=str(path), version=version, known=VERSION)
    await _check(db, path, check_below)
    await db.executescript(f"begin; {added()} commit;")


async def _check(db: aiosqlite.Connection, path: Path, check_below: int) -> None:
    rows = list(await db.execute_fetchall("select closed_us from epoch order by ord desc limit 1"))
    closed = not rows or rows[0][0] is not None
    if not closed and path.stat().st_size < check_below:  # noqa: ASYNC240 - one call, at start
        found = await _one(db, "pragma quick_check(1)")
        if found != "ok":
            raise Unreadable(str(found))


async def _one(db: aiosqlite.Connection, statement: str) -> Any:
    return next(iter(await db.execute_fetchall(statement)))[0]
