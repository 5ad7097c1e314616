"""The connections of the API to the database: few, read in one snapshot, bounded in time.

Invariants:
- at most `max_connections` are open, a request waits at most `wait_s` for one, a statement takes at
  most `statement_limit_s` and all of them `answer_limit_s`: a database that is away, slow or hangs
  costs a request seconds and never a connection for good;
- everything one request reads is one snapshot: figures and their `complete_to` belong together;
- what writes in its own way (`apart`) has connections of its own, one such piece of work at a time;
- psycopg's errors leave as ApiProblem without the database's own words.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from types import TracebackType
from typing import Self, TypeVar

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from ingest_server.api.problems import ApiProblem, Unavailable
from ingest_server.store.errors import StoreError
from runtime import logs

T = TypeVar("T")
Connection = psycopg.AsyncConnection[DictRow]

_log = logs.get("server.api")


class Database:
    """`async with Database(dsn=...) as database`, then `async with database.reading() as c`.

    Opens whether the database is there or not; goes on by itself when it comes back.
    """

    def __init__(
        self,
        *,
        dsn: str,
        max_connections: int = 8,
        wait_s: float = 2.0,
        statement_limit_s: float = 10.0,
        answer_limit_s: float = 20.0,
    ) -> None:
        self._dsn = dsn
        self._max_connections = max_connections
        self._wait_s = wait_s
        self._statement_limit_s = statement_limit_s
        self._answer_limit_s = answer_limit_s
        self._one_apart = asyncio.Lock()
        self._exports = asyncio.Semaphore(max(max_connections // 4, 1))
        self._pool: AsyncConnectionPool[Connection] | None = None

    async def __aenter__(self) -> Self:
        self._pool = AsyncConnectionPool(
            self._dsn,
            connection_class=psycopg.AsyncConnection[DictRow],
            kwargs={
                "row_factory": dict_row,
                "application_name": "lineside api",
                "connect_timeout": 5,
                # A server that vanished without a word (power, network) is noticed by these.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 15_000,
                "options": "-c search_path=lineside,public -c timezone=UTC "
                f"-c statement_timeout={int(self._statement_limit_s * 1000)} "
                "-c idle_in_transaction_session_timeout=60000 -c lock_timeout=5000",
            },
            min_size=1,
            max_size=self._max_connections,
            max_waiting=4 * self._max_connections,
            timeout=self._wait_s,
            # The pool's own attempts back off to minutes; given up soon, the next request makes
            # a new one, so a database that is back is used at once.
            reconnect_timeout=self._wait_s,
            check=_check,
            name="api",
            open=False,
        )
        await self._pool.open(wait=False)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection in a read-only snapshot. Raises ApiProblem."""
        async with self._connection() as connection:
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            yield connection

    @asynccontextmanager
    async def exporting(self) -> AsyncIterator[Connection]:
        """As `reading`, for answers that take as long as they are read; few at a time.

        It may be entered in one task and left in another, as streamed answers are. Statements are
        bounded as everywhere; a reader who stalls for a minute is dropped by the database.
        """
        if self._exports.locked():
            raise Unavailable("LS-6072")
        async with (
            self._exports,
            self._connection(unhurried=True) as connection,
        ):
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await connection.set_read_only(True)
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        """A connection whose transaction commits at the end, if nothing raised."""
        async with self._connection() as connection:
            await connection.set_isolation_level(psycopg.IsolationLevel.READ_COMMITTED)
            await connection.set_read_only(False)
            yield connection

    async def apart(self, work: Callable[[str], T]) -> T:
        """Do blocking work with connections of its own, given the DSN. Raises ApiProblem."""
        async with self._one_apart:
            try:
                return await asyncio.to_thread(work, self._dsn)
            except StoreError as error:
                _log.info("the database did not answer a request", code=error.code)
                raise Unavailable("LS-6006") from error

    async def answers(self) -> bool:
        """Whether the database takes a query now."""
        try:
            async with self._connection() as connection:
                await connection.execute("SELECT 1")
        except ApiProblem:
            return False
        return True

    @asynccontextmanager
    async def _connection(self, *, unhurried: bool = False) -> AsyncIterator[Connection]:
        if self._pool is None:
            raise Unavailable("LS-6006")
        try:
            # The server's own limit on statements ends nothing where the server itself hangs.
            async with (
                nullcontext() if unhurried else asyncio.timeout(self._answer_limit_s),
                self._pool.connection() as connection,
            ):
                yield connection
        except TimeoutError as error:
            raise Unavailable("LS-6006") from error
        except psycopg.Error as error:
            problem = problem_of(error)
            if problem is None:
                raise
            _log.info("the database did not answer a request", reason=_first_line(error))
            raise problem from error


async def _check(connection: psycopg.AsyncConnection[DictRow]) -> None:
    """Raises psycopg.Error for a connection that broke while it waited in the pool.

    The database says nothing by itself to a connection at rest, unless it ends it: so only where
    there is something to read is the database asked, which would cost every request a round trip.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        if not selector.select(0):
            return
    await AsyncConnectionPool.check_connection(connection)


def problem_of(error: psycopg.Error) -> ApiProblem | None:
    """What the caller is told; None where only a defect of ours can be the reason."""
    if isinstance(error, TooManyRequests):
        return Unavailable("LS-6008")
    if isinstance(error, PoolTimeout):
        return Unavailable("LS-6006")
    if isinstance(error, psycopg.errors.QueryCanceled):
        return Unavailable("LS-6007")
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
        return Unavailable("LS-6009")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Unavailable("LS-6006")
    return None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
