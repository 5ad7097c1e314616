"""A database that is away, full or read-only: the edges keep everything, and then it goes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.embedded.postgres import EmbeddedPostgres
from ingest_server.health import Health
from ingest_server.receive.batcher import Limits
from ingest_server.receive.live import LiveTable
from ingest_server.receive.session import Session, Settings
from ingest_server.receive.state import State
from ingest_server.receive.worker import Worker
from ingest_server.store.migrate import migrate
from runtime import logs
from runtime.clock import now_us
from runtime.metrics import Metrics
from runtime.mqtt import BrokerAddress
from runtime.supervise import Backoff, Supervisor
from tests.conftest import WaitFor
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import Epoch, fill, started
from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge
from tests.integration.ingest_server.receive.test_session import address_of, receiving
from wire.ids import EdgeId

EDGES = [EdgeId(plant="demo", edge=f"line-{number}") for number in range(3)]
LEASE_S = 1.5
SOON = Backoff(first_s=0.05, most_s=0.2)


@asynccontextmanager
async def sharing(dsn: str, address: BrokerAddress) -> AsyncIterator[State]:
    """A worker with a lease, and another one whenever it ends."""
    state = State()

    def session(worker: UUID, shards: tuple[int, ...]) -> Session:
        return Session(
            Settings(
                address=address,
                client_id=f"server-{os.urandom(4).hex()}",
                dsn=dsn,
                shards=shards,
                worker=worker,
                limits=Limits(linger_s=0.05),
            ),
            clock=now_us,
            log=logs.get("test"),
            live=LiveTable(),
            state=state,
            metrics=Metrics(),
            backoff=SOON,
        )

    def worker() -> Worker:
        log = logs.get("test")
        return Worker(dsn, name="test", lease_s=LEASE_S, session=session, log=log)

    async with Supervisor(log=logs.get("test")) as tasks:
        tasks.start("receive", lambda: worker().run(), backoff=SOON)
        yield state


def lines(*, records: int) -> list[Epoch]:
    epochs = [started(edge) for edge in EDGES]
    for number, epoch in enumerate(epochs):
        fill(epoch, records=records, rows=4, seed=number)
    return epochs


def everything_once(dsn: str, epochs: list[Epoch]) -> None:
    assert stored(dsn) == wanted(*epochs)
    assert rows(dsn, "SELECT count(*) FROM gap") == [(0,)]
    assert rows(dsn, "SELECT count(*) FROM dead_letter") == [(0,)]


async def test_a_database_away_for_longer_than_a_lease_is_not_blamed_on_the_broker(
    tmp_path: Path, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    epochs = lines(records=40)
    edges = [MqttEdge(epoch, address_of(nats), window=4, stays=True) for epoch in epochs]
    async with EmbeddedPostgres(tmp_path / "pg", environ={}) as postgres:
        migrate(postgres.dsn)
        async with sharing(postgres.dsn, address_of(nats)) as state, asyncio.TaskGroup() as tasks:
            health = Health(state, clock=now_us)
            for edge in edges:
                tasks.create_task(edge.run())
            await wait_for(lambda: all(edge.acked > 5 for edge in edges), 60)
            assert (health.broker().state, health.backlog().state) == ("ok", "ok")
            postgres.kill()
            await wait_for(lambda: state.connected_us is None, 30)  # the lease is over
            assert (health.broker().state, health.backlog().state) == ("starting", "away")
            for number, epoch in enumerate(epochs):
                fill(epoch, records=20, rows=4, seed=100 + number)
            await postgres.start()
            await wait_for(lambda: state.connected_us is not None, 30)
            for edge in edges:
                edge.stays = False
        assert (health.broker().state, health.backlog().state) != ("away", "away")
        everything_once(postgres.dsn, epochs)


def full(connection: psycopg.Connection) -> None:
    """As PostgreSQL says it when a transaction needs a page more than the disk has."""
    connection.execute(
        """
        CREATE FUNCTION lineside.full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'could not extend file: No space left on device'
            USING ERRCODE = 'disk_full';
        END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON lineside.batch
        FOR EACH ROW EXECUTE FUNCTION lineside.full_disk()
        """
    )


def free_again(connection: psycopg.Connection) -> None:
    connection.execute("DROP FUNCTION lineside.full_disk CASCADE")


def read_only(connection: psycopg.Connection) -> None:
    """As a standby, or a database that an administrator has closed."""
    set_for_all(connection, "on")


def writable_again(connection: psycopg.Connection) -> None:
    set_for_all(connection, "off")


def set_for_all(connection: psycopg.Connection, value: str) -> None:
    connection.execute("SET default_transaction_read_only = off")
    name = connection.info.dbname
    connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'lineside %'"
    )


Fault = Callable[[psycopg.Connection], None]


@pytest.mark.parametrize(("begin", "end"), [(full, free_again), (read_only, writable_again)])
async def test_a_database_that_takes_nothing_loses_nothing_and_needs_no_restart(
    begin: Fault, end: Fault, migrated: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    epochs = lines(records=60)
    edges = [MqttEdge(epoch, address_of(nats), window=4) for epoch in epochs]
    most = Limits().waiting_messages + Limits().messages
    async with receiving(migrated, address_of(nats)) as state, asyncio.TaskGroup() as tasks:
        for edge in edges:
            tasks.create_task(edge.run())
        await wait_for(lambda: all(edge.acked > 10 for edge in edges), 60)
        with psycopg.connect(migrated, autocommit=True) as connection:
            begin(connection)
            await wait_for(lambda: state.database_away_us is not None, 30)
            acked = [edge.acked for edge in edges]
            commits = state.commits
            # Each has sent its window again: somebody waited in vain.
            await wait_for(lambda: state.waiting > sum(edge.window for edge in edges), 30)
            assert state.waiting <= most
            assert state.commits == commits
            assert [edge.acked for edge in edges] == acked
            assert state.connected_us is not None  # nothing is wrong with the broker
            end(connection)
        await wait_for(lambda: state.database_away_us is None, 30)
    everything_once(migrated, epochs)
