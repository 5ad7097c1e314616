"""A database put back."""

from __future__ import annotations

import asyncio

import psycopg

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.store.migrate import migrate
from tests.cases.server_line import EDGE
from tests.conftest import Postgres
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import fill, started
from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge
from tests.integration.ingest_server.receive.test_session import address_of, receiving


def copy(postgres: Postgres, *, of: str, to: str) -> None:
    """Make `to` what `of` is now; nobody is connected to either."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {to} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {to} TEMPLATE {of}")


async def test_the_hours_since_the_dump_come_again_and_count_once(
    dsn: str, postgres: Postgres, nats: EmbeddedBroker
) -> None:
    migrate(dsn)
    name = dsn.rsplit("/", 1)[1]
    dump = f"{name}_dump"
    epoch = started(EDGE)
    edge = MqttEdge(epoch, address_of(nats))
    async with asyncio.timeout(90):
        fill(epoch, records=20, rows=5)
        async with receiving(dsn, address_of(nats)):
            await edge.run()
        copy(postgres, of=name, to=dump)
        fill(epoch, records=20, rows=5, seed=1)
        async with receiving(dsn, address_of(nats)):
            await edge.run()
        assert stored(dsn) == wanted(epoch)
        copy(postgres, of=dump, to=name)
        postgres.drop(postgres.server.dsn_of(dump))
        assert len(stored(dsn)) == 100
        # The edge has nothing new to say; it has to be asked for what it kept.
        edge.stays = True
        async with receiving(dsn, address_of(nats)):
            listening = asyncio.create_task(edge.run())
            while rows(dsn, "SELECT max(cursor) FROM stream") != [(epoch.seq,)]:
                await asyncio.sleep(0.02)
            edge.stays = False
            await listening
    assert stored(dsn) == wanted(epoch)
    assert rows(dsn, "SELECT count(*) FROM gap") == [(0,)]
