"""What went wrong at the database, said by what to do: retry, or set one lone record aside.

Errors of psycopg are wrapped here, once, and nowhere else.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from runtime.errors import LinesideError, Quarantine, Reconfigure, RetryLater

if TYPE_CHECKING:
    from collections.abc import Iterator

_BAD_DATA = ("22", "23")
"""SQLSTATE classes: data exception, integrity constraint violation."""
_NEEDS_A_PERSON = ("28", "3D", "42")
"""Invalid authorisation, no such database, no right or no such table."""
_NO_SUCH_DATABASE = "3D000"
_NOT_WHOLE = frozenset(
    {"3F000", "42701", "42703", "42704", "42710", "42723", "42883", "42P01", "42P06", "42P07"}
)
"""SQLSTATEs of tables, columns, functions and others that are missing, or there already."""


_SAID_AT_LOGIN = (
    (re.compile(r"password authentication failed|(?i:password) ?认证失败|密码认证失败"), "28P01"),
    (re.compile(r"no pg_hba\.conf entry|pg_hba\.conf.*记录"), "28000"),
    (re.compile(r"no password supplied"), "28P01"),
    (re.compile(r"role \S+ does not exist|role \S+ is not permitted|角色 ?\S+ ?不存在"), "28000"),
    (re.compile(r"database \S+ does not exist|数据库 ?\S+ ?不存在"), _NO_SUCH_DATABASE),
    (re.compile(r"permission denied for database"), "42501"),
)
"""libpq gives no SQLSTATE for what a server says at the login, only its words: in English, or in
Chinese where the server was set up so."""


class StoreError(LinesideError):
    """The database did not do what was asked; what was asked is undone."""


class StoreAway(StoreError, RetryLater):
    """The database cannot be reached, or gave up for a reason that may pass."""


class StoreRefuses(StoreError, Reconfigure):
    """The database is there but does not let us work: password, rights, missing tables."""


class BadBatch(StoreError, Quarantine):
    """The values of this transaction are refused; proof of a bad batch only if it was alone."""


class CursorMoved(StoreError, RetryLater):
    """Somebody else moved the cursor of a stream: what this process remembers is stale."""


class PlanChanged(CursorMoved):
    """A plan was applied while this transaction was being prepared: fold again, by the new one."""


class FrozenMoved(CursorMoved):
    """Retention moved on while old readings were being prepared: look again what is taken."""


class LeaseLost(RetryLater):
    """This worker is not alive to the others any more: another one may write in its place."""


class DatabaseAhead(StoreError, Reconfigure):
    """A later release has migrated the database."""


@contextmanager
def wrapped() -> Iterator[None]:
    """Turn errors of psycopg into ours."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error) from error


@contextmanager
def migrating() -> Iterator[None]:
    """As `wrapped`; StoreAway also where only a part of the schema is there.

    A dump is restored object by object, the table with the version among them: what is missing, or
    there already, when a migration runs, may be whole a minute later.
    """
    try:
        with wrapped():
            yield
    except StoreRefuses as error:
        if error.params.get("state") in _NOT_WHOLE:
            raise StoreAway("LS-5507", **error.params) from error
        raise


def is_missing_database(error: StoreError) -> bool:
    """Whether there is no database of that name; in a restore there may be one in a moment."""
    return error.params.get("state") == _NO_SUCH_DATABASE


def translate(error: psycopg.Error) -> StoreError:
    """The error to raise for one of psycopg."""
    state = error.sqlstate or ""
    reason = " ".join(str(error).split()) or type(error).__name__
    if state[:2] in _BAD_DATA:
        return BadBatch("LS-5502", state=state, reason=reason)
    if state[:2] in _NEEDS_A_PERSON:
        return StoreRefuses("LS-5503", state=state, reason=reason)
    if not state and isinstance(error, psycopg.DataError):
        return BadBatch("LS-5502", state="-", reason=reason)
    if not state:
        for words, meant in _SAID_AT_LOGIN:
            if words.search(reason):
                return StoreRefuses("LS-5503", state=meant, reason=reason)
    if not state and isinstance(error, psycopg.ProgrammingError):
        return StoreRefuses("LS-5506", reason=reason)
    return StoreAway("LS-5501", state=state or "-", reason=reason)
