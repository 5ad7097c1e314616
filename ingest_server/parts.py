"""The database and the broker a configuration names: embedded ones are started, others are used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ingest_server.embedded import ports
from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.embedded.postgres import DATABASE, USER, EmbeddedPostgres
from runtime.broker import BrokerAddress
from runtime.errors import Reconfigure

if TYPE_CHECKING:
    from pathlib import Path

    from ingest_server.config import ServerConfig
    from runtime.logs import Logger

_LOOK_S = 1.0
_IN_USE = "LS-5202"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Where things are. `keepers`: endless tasks that start a part again when it ended."""

    dsn: str
    broker: BrokerAddress
    keepalive_s: int
    keepers: dict[str, Callable[[], Awaitable[None]]]


class _Server(Protocol):
    @property
    def pid(self) -> int: ...
    async def start(self) -> None: ...


@asynccontextmanager
async def opened(config: ServerConfig, log: Logger) -> AsyncIterator[Parts]:
    """Both parts, for the whole life of the server. Raises Reconfigure or RetryLater (LS-52xx)."""
    keepers: dict[str, Callable[[], Awaitable[None]]] = {}
    async with AsyncExitStack() as stack:
        if config.database == "embedded":
            postgres = EmbeddedPostgres(config.data_dir / "postgres")
            await stack.enter_async_context(postgres)
            keepers["embedded/database"] = lambda: _keep(postgres, "PostgreSQL", log)
            dsn = postgres.dsn
            log.info("embedded database runs", port=postgres.port)
        else:
            dsn = config.database.dsn.reveal()
        if config.broker == "embedded":
            broker = EmbeddedBroker(
                config.data_dir / "broker",
                kind=config.embedded.broker,
                port=config.embedded.broker_port,
            )
            await stack.enter_async_context(broker)
            keepers["embedded/broker"] = lambda: _keep(broker, broker.kind, log)
            address, keepalive_s = BrokerAddress(host=broker.host, port=broker.port), 15
            log.info("embedded broker runs", kind=broker.kind, port=broker.port)
        else:
            address, keepalive_s = config.broker.address(), config.broker.keepalive_s
        yield Parts(dsn=dsn, broker=address, keepalive_s=keepalive_s, keepers=keepers)


@asynccontextmanager
async def database(config: ServerConfig) -> AsyncIterator[str]:
    """The DSN for a command of its own, whether the server runs or not."""
    if config.database != "embedded":
        yield config.database.dsn.reveal()
        return
    postgres = EmbeddedPostgres(config.data_dir / "postgres")
    try:
        await postgres.start()
    except Reconfigure as error:
        if error.code != _IN_USE:
            raise
        yield _dsn_of_running(postgres.data_dir)  # the server has it
        return
    try:
        yield postgres.dsn
    finally:
        await postgres.stop()


def port_of_broker(config: ServerConfig) -> int | None:
    """Where the embedded broker listens; None while it does not run."""
    port = ports.remembered(config.data_dir / "broker" / "port")
    return None if port is None or ports.is_free(port) else port


async def _keep(server: _Server, part: str, log: Logger) -> None:
    while True:
        await asyncio.sleep(_LOOK_S)
        if server.pid == 0:
            log.warning("LS-5433", part=part)
            await server.start()


def _dsn_of_running(folder: Path) -> str:
    password = (folder / "password").read_text("ascii").strip()
    port = (folder / "port").read_text("ascii").strip()
    return f"postgresql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"
