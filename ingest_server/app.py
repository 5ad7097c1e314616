"""The composition root of the server: parts, roles and their tasks, wired here and nowhere else."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Final

import uvicorn
from prometheus_client import start_http_server

from ingest_server import parts
from ingest_server.api.app import create_app
from ingest_server.health import Health, LiveView
from ingest_server.receive.batcher import Limits
from ingest_server.receive.database_clock import DatabaseClock
from ingest_server.receive.live import LiveTable
from ingest_server.receive.meters import LeaseMeters, watch
from ingest_server.receive.session import Session, Settings
from ingest_server.receive.state import State
from ingest_server.receive.worker import Worker
from ingest_server.store import columnstore
from ingest_server.store import connection as connections
from ingest_server.store.errors import (
    DatabaseAhead,
    StoreError,
    StoreRefuses,
    is_missing_database,
)
from ingest_server.store.migrate import migrate
from ingest_server.store.partitions import Partitions
from ingest_server.usecases import retention
from ingest_server.usecases.errands import Errands
from ingest_server.usecases.progress import Progress
from ingest_server.usecases.rollup import Rollup
from runtime import logs, platform
from runtime.clock import now_us
from runtime.errors import Reconfigure, RetryLater
from runtime.listen import tcp_socket
from runtime.metrics import Metrics
from runtime.own_thread import own_thread
from runtime.reconnect import Reconnect
from runtime.supervise import Backoff, Supervisor

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from ingest_server.config import Role, ServerConfig

TOKEN_FILE: Final = "api.token"  # noqa: S105 - a file name
PORT_FILE: Final = "api.port"
_STOP_GRACE_S: Final = 10.0
_API_GRACE_S: Final = 3
_PARTITIONS_EVERY_S: Final = 3_600.0
_ERRANDS_EVERY_S: Final = 5.0
_ROLLUP_EVERY_S: Final = 2.0
_TELL_AGAIN_S: Final = 30.0
_WORKED_AFTER_S: Final = 5.0
_DATABASE_MAY_COME_S: Final = 10.0
"""A database that is put back from a dump is dropped and made anew: a start amid it waits."""
_SABOTAGE: Final = "LINESIDE_SABOTAGE"
_SABOTAGED_EVERY: Final = 5

_log = logs.get("server")


async def run(config: ServerConfig, roles: Sequence[Role], stop: asyncio.Event) -> None:
    """Run the roles until `stop` is set. Raises Reconfigure where a person has to act."""
    config.data_dir.mkdir(parents=True, exist_ok=True)
    async with parts.opened(config, _log) as found:
        server = Server(config, found, environ=os.environ)
        with server.metrics_port():
            await _run(server, roles, stop)


async def _run(server: Server, roles: Sequence[Role], stop: asyncio.Event) -> None:
    async with Supervisor(log=_log) as tasks:
        server.start(roles, tasks)
        watch = asyncio.create_task(server.end_with(stop))
        try:
            await server.ended
        finally:
            watch.cancel()
            platform.notify_stopping()
            _log.info("stopping")
            await tasks.stop(_STOP_GRACE_S)


class Server:
    """The tasks of one process and what they share."""

    def __init__(
        self, config: ServerConfig, found: parts.Parts, *, environ: Mapping[str, str]
    ) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._config = config
        self._parts = found
        self._sabotage = environ.get(_SABOTAGE, "") == "early_ack"
        self._migrated = asyncio.Event()
        self._state = State()
        self._clock = DatabaseClock()
        self._live = LiveTable()
        self._metrics = Metrics(process=True)
        watch(self._metrics, self._state)
        self._ingests = True
        self._listened = False

    @contextmanager
    def metrics_port(self) -> Iterator[None]:
        """Serves Prometheus on a port of its own, where one is configured. Raises Reconfigure."""
        metrics = self._config.metrics
        if metrics.port is None:
            yield
            return
        try:
            listener, thread = start_http_server(metrics.port, metrics.host, self._metrics.registry)
        except OSError as error:
            raise Reconfigure(
                "LS-5431",
                host=metrics.host,
                port=metrics.port,
                reason=error.strerror or str(error),
            ) from error
        try:
            yield
        finally:
            listener.shutdown()
            listener.server_close()
            thread.join()

    async def end_with(self, stop: asyncio.Event) -> None:
        """`ended` is done when `stop` is set; it fails earlier where a person has to act."""
        await stop.wait()
        if not self.ended.done():
            self.ended.set_result(None)

    def start(self, roles: Sequence[Role], tasks: Supervisor) -> None:
        """Start the tasks of these roles."""
        self._ingests = "ingest" in roles
        backoff = Backoff(first_s=0.2, most_s=10)
        for name, keeper in self._parts.keepers.items():
            tasks.start(name, keeper, backoff=backoff)
        tasks.start("database", self._database, backoff=backoff)
        work: dict[Role, dict[str, Callable[[], Awaitable[None]]]] = {
            "ingest": {"receive": self._receive},
            "work": {
                "progress": self._progress,
                "rollup": self._rollup,
                "errands": self._errands,
                "retention": self._retention,
            },
            "api": {"api": self._api},
        }
        for role in roles:
            for name, run in work[role].items():
                tasks.start(name, lambda run=run: self._patiently(run), backoff=backoff)  # type: ignore[misc]
        interval_s = platform.watchdog_interval_s()
        if interval_s is not None:
            tasks.start("watchdog", lambda: _watchdog(interval_s))
        if self._sabotage:
            _log.error("LS-5434")

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        """Again and again while something outside is not as it should be, saying so."""
        # One server is no herd: whatever is back, database or broker, is used within seconds.
        again = Reconnect(refused=Backoff(first_s=0.2, most_s=5.0, spread=0.5))
        told, told_s = "", 0.0
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            try:
                await work()
                return
            except (RetryLater, Reconfigure) as error:
                pause_s = again.pause_s(
                    error,
                    worked=loop.time() - began_s > _WORKED_AFTER_S,
                    lot=random.random(),  # noqa: S311
                )
                if error.code != told or loop.time() - told_s > _TELL_AGAIN_S:
                    told, told_s = error.code, loop.time()
                    _log.warning(error.code, **error.params, pause_s=round(pause_s, 1))
            await asyncio.sleep(pause_s)

    async def _database(self) -> None:
        """Migrate, then keep partitions ahead of the readings."""
        backoff = Backoff(first_s=0.5, most_s=10)
        failures = 0
        may_come_until_s = asyncio.get_running_loop().time() + _DATABASE_MAY_COME_S
        while not self._migrated.is_set():
            try:
                done = await asyncio.to_thread(migrate, self._parts.dsn)
            except StoreError as error:
                late = asyncio.get_running_loop().time() > may_come_until_s
                if isinstance(error, DatabaseAhead | StoreRefuses) and (
                    late or not is_missing_database(error)
                ):
                    # Waiting helps with neither: say at the start what a person has to change.
                    self._fail(error)
                    return
                failures += 1
                pause_s = backoff.pause_s(failures)
                _log.warning(error.code, **error.params, pause_s=pause_s)
                await asyncio.sleep(pause_s)
            else:
                _log.info("database ready", before=done.before or "empty", after=done.after)
                self._migrated.set()
                platform.notify_ready()
        while True:
            await asyncio.to_thread(_make_partitions, self._parts.dsn)
            await asyncio.sleep(_PARTITIONS_EVERY_S)

    async def _receive(self) -> None:
        await self._migrated.wait()
        worker = Worker(
            self._parts.dsn,
            name=f"{socket.gethostname()}/{os.getpid()}",
            lease_s=self._config.ingest.lease_s,
            session=self._session,
            log=logs.get("server.leases"),
            meters=LeaseMeters(self._metrics),
            clock=self._clock,
        )
        await worker.run()

    def _session(self, worker: UUID, shards: tuple[int, ...]) -> Session:
        config = self._config.ingest
        return Session(
            Settings(
                address=self._parts.broker,
                keepalive_s=self._parts.keepalive_s,
                client_id=f"lineside-server-{secrets.token_hex(6)}",
                dsn=self._parts.dsn,
                shards=shards,
                worker=worker,
                limits=Limits(
                    rows=config.rows_per_commit,
                    behind=4,
                    linger_s=config.commit_every_ms / 1e3,
                    waiting_rows=max(50_000, 8 * config.rows_per_commit),
                ),
                early_ack_every=_SABOTAGED_EVERY if self._sabotage else 0,
            ),
            clock=self._clock,
            log=logs.get("server.receive"),
            live=self._live,
            state=self._state,
            metrics=self._metrics,
        )

    async def _progress(self) -> None:
        await self._migrated.wait()
        progress = Progress(self._parts.dsn)
        with own_thread("progress") as apart:
            try:
                while True:
                    done = await apart(progress.drain)
                    if not done:
                        await asyncio.sleep(self._config.work.progress_every_ms / 1e3)
            finally:
                progress.close()

    async def _rollup(self) -> None:
        await self._migrated.wait()
        rollup = Rollup(self._parts.dsn, clock=now_us, grace_s=self._config.work.rollup_grace_s)
        with own_thread("rollup") as apart:
            try:
                while True:
                    done = await apart(rollup.step)
                    if not done:
                        await asyncio.sleep(_ROLLUP_EVERY_S)
            finally:
                rollup.close()

    async def _errands(self) -> None:
        await self._migrated.wait()
        errands = Errands(self._parts.dsn, clock=now_us)
        try:
            while True:
                await asyncio.to_thread(errands.run)
                await asyncio.sleep(_ERRANDS_EVERY_S)
        finally:
            errands.close()

    async def _retention(self) -> None:
        await self._migrated.wait()
        config, dsn = self._config.retention, self._parts.dsn
        log = logs.get("server.retention")
        while True:
            await asyncio.to_thread(_configure_columnstore, dsn, config.columnstore_after_days)
            done = await asyncio.to_thread(
                lambda: retention.run(dsn, retention.keep_of(config), now_us=now_us())
            )
            for each in done:
                log.info("retention", done=str(each.action), rows=each.rows, waits=each.waits)
            await asyncio.sleep(config.check_every_s)

    async def _api(self) -> None:
        api = self._config.api
        app = create_app(
            dsn=self._parts.dsn,
            token=api_token(self._config.data_dir),
            live=LiveView(self._live),
            health=Health(self._state, clock=self._clock, ingests=self._ingests),
            metrics=self._metrics,
        )
        try:
            listening = _listening(api.host, api.port)
        except Reconfigure as error:
            if not self._listened:
                self._fail(error)
            raise
        self._listened = True
        with listening as listener:
            port = listener.getsockname()[1]
            platform.write_private(self._config.data_dir / PORT_FILE, f"{port}\n".encode())
            _log.info("API listens", host=api.host, port=port)
            server = _Uvicorn(
                uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=_API_GRACE_S)
            )
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await asyncio.shield(serving)
            except asyncio.CancelledError:
                # Cancelled from outside it would leave its connections to the database half open.
                server.should_exit = True
                await serving
                raise

    def _fail(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)


class _Uvicorn(uvicorn.Server):
    """Signals belong to the program, not to its API."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


def api_token(data_dir: Path) -> str:
    """The bearer token of the API, made at the first start; its file is for its owner alone."""
    file = data_dir / TOKEN_FILE
    with suppress(FileNotFoundError):
        token = file.read_text("ascii").strip()
        if token:
            return token
    token = secrets.token_urlsafe(32)
    platform.write_private(file, f"{token}\n".encode())
    return token


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = tcp_socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise Reconfigure(
            "LS-5431", host=host, port=port, reason=error.strerror or str(error)
        ) from error
    return listener


def _make_partitions(dsn: str) -> None:
    partitions = Partitions(dsn)
    try:
        partitions.ensure_ahead(now_us())
    finally:
        partitions.close()


def _configure_columnstore(dsn: str, after_days: int | None) -> None:
    with connections.connect(dsn, name="columnstore") as connection:
        columnstore.configure(connection, after_days)


async def _watchdog(interval_s: float) -> None:
    while True:
        platform.notify_watchdog()
        await asyncio.sleep(interval_s)
