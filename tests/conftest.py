"""Shared fixtures: real servers, fresh databases, free ports, waiting with a limit.

postgres          a PostgreSQL from the wheel, one for each pytest process
dsn               an empty database of its own for this test
fresh_database    the same, as often as it is called
any_dsn           as `dsn`; the test runs twice, without and with TimescaleDB; marked `also_pglite`,
                  a third time, on TimescaleDB in WebAssembly, unless marked `several_sessions`
broker            a broker of its own for this test, which runs for NATS and for Mosquitto
nats              only NATS
pglite            an empty database with TimescaleDB, whose connections share one session
free_port         a TCP port nobody listens on
wait_for          `await wait_for(lambda: condition, limit_s=30)`, returns what the condition gave
"""

from __future__ import annotations

import asyncio
import inspect
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import hypothesis
import psutil
import psycopg
import pytest

from ingest_server.embedded import ports
from ingest_server.embedded.broker import BrokerKind, EmbeddedBroker
from ingest_server.embedded.postgres import EmbeddedPostgres
from tests import node, parts

T = TypeVar("T")
DatabaseKind = Literal["postgres", "timescaledb", "pglite"]


# Speed is not asserted in tests: a busy machine must not fail one.
hypothesis.settings.register_profile("house", deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    hypothesis.settings.load_profile("house")
    parts.required()  # a misspelt part must not pass for a present one


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database_kind" not in metafunc.fixturenames:
        return
    marked = metafunc.definition.get_closest_marker
    also = marked("also_pglite")
    kinds = [pytest.param("timescaledb", marks=pytest.mark.needs_timescaledb)]
    if also is None or also.kwargs.get("plain", True):
        kinds.insert(0, pytest.param("postgres"))
    if also is not None and marked("several_sessions") is None:
        kinds.append(pytest.param("pglite", marks=pytest.mark.needs_pglite))
    metafunc.parametrize("database_kind", kinds, indirect=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for part in parts.NAMES:
        if item.get_closest_marker(f"needs_{part}") is None:
            continue
        reason = parts.lacking(part)
        if reason and part in parts.required():
            pytest.fail(f"required but missing: {reason}", pytrace=False)
        if reason:
            pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left_behind() -> Iterator[None]:
    """Fails the last test of the run if a server or another child outlives its test."""
    yield
    end = time.monotonic() + 5
    left = _children()
    while left and time.monotonic() < end:
        time.sleep(0.05)
        left = _children()
    assert not left, f"left running: {left}"


def _children() -> list[str]:
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            command = " ".join(child.cmdline())
            if child.status() != psutil.STATUS_ZOMBIE and "resource_tracker" not in command:
                found.append(f"{child.pid} {command[:200]}")
        except psutil.NoSuchProcess:
            continue
    return found


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own, for fixtures that outlive a test's loop."""
    with asyncio.Runner() as runner:
        return runner.run(work)


class Postgres:
    """A running server and the databases made in it."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server

    @property
    def dsn(self) -> str:
        """The server's own database, for what concerns the whole server."""
        return self.server.dsn

    @property
    def has_timescaledb(self) -> bool:
        """Whether `create extension timescaledb` works."""
        return self.server.has_timescaledb

    def fresh_database(self) -> str:
        """DSN of a new, empty database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.server.dsn_of(name)

    def drop(self, dsn: str) -> None:
        """Remove a database, whoever is connected."""
        name = dsn.rsplit("/", 1)[1]
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_of(
    tmp_path_factory: pytest.TempPathFactory, no_process_is_left_behind: None
) -> Iterator[Callable[[DatabaseKind], Postgres]]:
    """The server of a kind, started when first asked for, stopped with the pytest process."""
    servers: dict[DatabaseKind, Postgres] = {}

    def of(kind: DatabaseKind) -> Postgres:
        if kind not in servers:
            server = EmbeddedPostgres(
                tmp_path_factory.mktemp(f"{kind} data"),
                # Tests kill servers, not the machine: what the kernel has is not lost.
                settings={"fsync": "off", "max_connections": "200"},
                environ={} if kind == "postgres" else None,
            )
            run_apart(server.start())
            stack.callback(lambda: run_apart(server.stop()))
            servers[kind] = Postgres(server)
        return servers[kind]

    with ExitStack() as stack:
        yield of


@pytest.fixture(scope="session")
def postgres(postgres_of: Callable[[DatabaseKind], Postgres]) -> Postgres:
    """Plain PostgreSQL, from the wheel."""
    return postgres_of("postgres")


@pytest.fixture
def fresh_database(postgres: Postgres) -> Iterator[Callable[[], str]]:
    """Gives the DSN of a new, empty database at each call; all are dropped after the test."""
    made: list[str] = []

    def make() -> str:
        made.append(postgres.fresh_database())
        return made[-1]

    yield make
    for dsn in made:
        postgres.drop(dsn)


@pytest.fixture
def dsn(fresh_database: Callable[[], str]) -> str:
    """An empty database for this test alone."""
    return fresh_database()


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> DatabaseKind:
    """Runs the test once for each kind of database."""
    kind: DatabaseKind = request.param
    return kind


@pytest.fixture
def any_dsn(
    request: pytest.FixtureRequest,
    database_kind: DatabaseKind,
    postgres_of: Callable[[DatabaseKind], Postgres],
) -> Iterator[str]:
    """An empty database of the kind at hand, for this test alone; only in PGlite, the extension is
    there already."""
    if database_kind == "pglite":
        yield request.getfixturevalue("pglite")
        return
    server = postgres_of(database_kind)
    made = server.fresh_database()
    yield made
    server.drop(made)


@pytest.fixture(scope="session")
def pglite_server(no_process_is_left_behind: None) -> Iterator[str]:
    """One for all tests of this process that want it."""
    with node.pglite() as dsn:
        yield dsn


@pytest.fixture
def pglite(pglite_server: str) -> Iterator[str]:
    """A TimescaleDB in WebAssembly for this test alone; only the extension is there."""
    yield pglite_server
    with psycopg.connect(pglite_server, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS lineside CASCADE")


@pytest.fixture(params=["nats", pytest.param("mosquitto", marks=pytest.mark.needs_mosquitto)])
def broker_kind(request: pytest.FixtureRequest) -> BrokerKind:
    """Runs the test once for each broker."""
    kind: BrokerKind = request.param
    return kind


@pytest.fixture
async def broker(broker_kind: BrokerKind, tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    """A running broker for this test alone."""
    async with EmbeddedBroker(tmp_path / "broker data", kind=broker_kind) as running:
        yield running


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    """A running NATS for this test alone."""
    async with EmbeddedBroker(tmp_path / "nats data", kind="nats") as running:
        yield running


@pytest.fixture
def free_port() -> int:
    """A TCP port on loopback nobody listens on."""
    return ports.free_port()


class WaitFor(Protocol):
    """Waits until a condition gives something true, and returns that."""

    async def __call__(
        self, condition: Callable[[], T | Awaitable[T]], limit_s: float = 30.0, what: str = ""
    ) -> T: ...


@pytest.fixture
def wait_for() -> WaitFor:
    """Poll a condition (plain or async) every 10 ms; fails the test after `limit_s`."""

    async def wait(
        condition: Callable[[], T | Awaitable[T]], limit_s: float = 30.0, what: str = ""
    ) -> T:
        end = time.monotonic() + limit_s
        while True:
            got = condition()
            value = await got if inspect.isawaitable(got) else got
            if value:
                return value
            if time.monotonic() >= end:
                name = what or inspect.getsource(condition).strip()
                pytest.fail(f"not so within {limit_s} s: {name} (last: {value!r})")
            await asyncio.sleep(0.01)

    return wait
