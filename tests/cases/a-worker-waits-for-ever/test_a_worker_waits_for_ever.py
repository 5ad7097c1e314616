"""A worker waits for ever: a cluster lost a node, and a connection's subscription with it."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.receive.batcher import Limits
from ingest_server.store.migrate import migrate
from runtime.clock import now_us
from runtime.mqtt import Connection
from tests.conftest import WaitFor
from tests.integration.ingest_server.receive.forgetful_broker import ForgetfulBroker
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import fill, started
from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge
from tests.integration.ingest_server.receive.test_session import EDGE, address_of, receiving
from wire.ids import EdgeId
from wire.topics import BEATS, plain, plain_filter, up, up_filter

OVEN = EdgeId(plant="demo", edge="oven")


@pytest.mark.parametrize("lost", [up_filter(None), plain_filter()], ids=["edges", "plain"])
async def test_a_subscription_that_brings_nothing_costs_the_connection_and_no_record(
    dsn: str, broker: EmbeddedBroker, wait_for: WaitFor, lost: str
) -> None:
    migrate(dsn)
    epoch = started(EDGE)
    fill(epoch, records=40, rows=5)
    async with (
        ForgetfulBroker(address_of(broker)) as line,
        receiving(dsn, line.address, beat_every_s=0.2) as state,
    ):
        await wait_for(lambda: state.hearing.proved, 30)
        line.forget(lost)
        edge = asyncio.create_task(MqttEdge(epoch, address_of(broker)).run())
        await wait_for(lambda: state.hearing.connections == 1, 60)
        await wait_for(lambda: line.accepted == 2 and state.connected_us is not None, 30)
        async with Connection(address_of(broker), client_id="oven") as oven:
            await oven.publish(plain(OVEN), b'{"temperature": 180}')
        await asyncio.wait_for(edge, 60)
        await wait_for(lambda: len(stored(dsn)) == len(epoch.truth) + 1, 30)
        assert line.accepted == 2
        assert state.hearing.connections == 1
    assert [row for row in stored(dsn) if row[0] != "temperature"] == wanted(epoch)


async def test_a_database_that_stands_still_is_no_lost_subscription(
    dsn: str, broker: EmbeddedBroker, wait_for: WaitFor
) -> None:
    migrate(dsn)
    epoch = started(EDGE)
    fill(epoch, records=200, rows=2)
    limits = Limits(linger_s=0.05, waiting_messages=4)
    async with (
        ForgetfulBroker(address_of(broker)) as line,
        receiving(dsn, line.address, beat_every_s=0.1, limits=limits) as state,
        Connection(address_of(broker), client_id="sender") as sender,
    ):
        await wait_for(lambda: state.hearing.proved, 30)
        with psycopg.connect(dsn) as blocks:
            blocks.execute("LOCK TABLE lineside.reading")
            await asyncio.gather(*(sender.send(up(EDGE, "data"), one) for one in epoch.records))
            # Twenty-five beats wait behind what the database does not take.
            await wait_for(lambda: now_us() - (state.heard_us or 0) > 2_500_000, 60)
            assert state.hearing.connections == 0
        await asyncio.wait_for(MqttEdge(epoch, address_of(broker)).run(), 60)
        assert (line.accepted, state.hearing.connections) == (1, 0)
    assert stored(dsn) == wanted(epoch)


async def test_a_server_that_may_not_speak_to_itself_goes_by_its_edges(
    dsn: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    migrate(dsn)
    first, second = started(EDGE), started(OVEN)
    for epoch in (first, second):
        fill(epoch, records=20, rows=5)
    async with (
        ForgetfulBroker(address_of(nats), denies=BEATS, how="silently") as line,
        receiving(dsn, line.address, beat_every_s=0.03) as state,
    ):
        await wait_for(lambda: state.hearing.told, 30)
        await asyncio.wait_for(MqttEdge(first, address_of(nats)).run(), 60)
        await wait_for(lambda: rows(dsn, "SELECT online FROM edge") == [(True,)])
        assert (line.accepted, state.hearing.connections) == (1, 0)
        line.forget(up_filter(None))
        await wait_for(lambda: state.hearing.connections == 1, 30)
        await asyncio.wait_for(MqttEdge(second, address_of(nats)).run(), 60)
    assert stored(dsn) == wanted(first, second)


async def test_a_broker_that_ends_the_connection_for_it_is_no_longer_asked(
    dsn: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    migrate(dsn)
    epoch = started(EDGE)
    fill(epoch, records=20, rows=5)
    async with (
        ForgetfulBroker(address_of(nats), denies=BEATS, how="ends") as line,
        receiving(dsn, line.address, beat_every_s=0.05) as state,
    ):
        await wait_for(lambda: state.hearing.told, 60)
        await asyncio.wait_for(MqttEdge(epoch, address_of(nats)).run(), 60)
        assert (line.denied, line.accepted, state.hearing.connections) == (3, 4, 0)
    assert stored(dsn) == wanted(epoch)
