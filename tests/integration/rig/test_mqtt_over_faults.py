"""What a bad link does to an MQTT connection, with a real broker behind the proxy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from ingest_server.embedded.broker import EmbeddedBroker
from rig.faults.fault import (
    THIN_LINK,
    BlackHole,
    Drip,
    Fault,
    Refuse,
    Reset,
    Truncate,
    Vanish,
)
from rig.faults.proxy import FaultProxy
from runtime.errors import RetryLater
from runtime.mqtt import BrokerAddress, Connection, ConnectionLost, Message, Will
from tests.conftest import WaitFor

LOOPBACK = "127.0.0.1"
LIMIT_S = 30.0


@pytest.fixture
async def proxy(nats: EmbeddedBroker) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(LOOPBACK, nats.port, seed=1) as running:
        yield running


def session(port: int, client_id: str, **more: Any) -> Connection:
    return Connection(BrokerAddress(host=LOOPBACK, port=port), client_id=client_id, **more)


async def take(connection: Connection, count: int) -> list[Message]:
    """The next messages, acknowledged."""
    taken: list[Message] = []
    async with asyncio.timeout(LIMIT_S):
        async for message in connection.messages():
            message.ack()
            taken.append(message)
            if len(taken) == count:
                break
    return taken


async def test_a_thin_link_delivers_everything_late_and_in_order(
    nats: EmbeddedBroker, proxy: FaultProxy
) -> None:
    async with session(nats.port, "reader") as reader:
        await reader.subscribe("batch")
        await proxy.switch(THIN_LINK)
        began_s = time.monotonic()
        async with session(proxy.port, "edge") as edge:
            assert time.monotonic() - began_s >= 0.8, "CONNECT and CONNACK cross the line"
            batches = [n.to_bytes(2) + Random(n).randbytes(2_000) for n in range(16)]
            began_s = time.monotonic()
            sent = [edge.send("batch", one) for one in batches]
            received = await take(reader, 16)
            assert time.monotonic() - began_s >= 16 * 2_002 * 8 / 256_000 + 0.4
            async with asyncio.timeout(LIMIT_S):
                await asyncio.gather(*sent)
        assert [message.payload for message in received] == batches


async def test_a_drip_delivers_whole_messages(nats: EmbeddedBroker, proxy: FaultProxy) -> None:
    async with session(nats.port, "reader") as reader, session(proxy.port, "edge") as edge:
        await reader.subscribe("batch")
        await proxy.switch(Drip(size=50, every_s=0.01))
        body = Random(1).randbytes(1_000)
        began_s = time.monotonic()
        await edge.publish("batch", body)
        assert time.monotonic() - began_s >= 0.19
        (received,) = await take(reader, 1)
        assert received.payload == body


async def test_a_reset_fails_what_is_under_way_and_a_fresh_connection_works(
    proxy: FaultProxy, wait_for: WaitFor
) -> None:
    async with session(proxy.port, "edge") as edge:
        await edge.publish("batch", b"1")
        await proxy.switch(BlackHole())
        waiting = edge.send("batch", b"2")
        await proxy.switch(Reset())
        with pytest.raises(ConnectionLost):
            async with asyncio.timeout(LIMIT_S):
                await waiting
        assert edge.lost.is_set()
    with pytest.raises(RetryLater):
        async with session(proxy.port, "edge"):
            pass
    await proxy.heal()
    async with session(proxy.port, "edge") as edge:
        await edge.publish("batch", b"2")


async def test_both_sides_notice_a_vanished_peer_by_its_silence(
    nats: EmbeddedBroker, proxy: FaultProxy
) -> None:
    will = Will(topic="status", payload=b"gone", retain=False)
    async with session(nats.port, "server") as server:
        await server.subscribe("status")
        async with session(proxy.port, "edge", keepalive_s=1, will=will) as edge:
            await edge.publish("batch", b"1")
            await proxy.switch(Vanish())
            waiting = edge.send("batch", b"2")
            async with asyncio.timeout(LIMIT_S):
                await edge.lost.wait()
            with pytest.raises(ConnectionLost):
                await waiting
            (told,) = await take(server, 1)
            assert told.payload == b"gone", "the broker missed its pings"
            with pytest.raises(RetryLater) as silent:
                async with session(proxy.port, "edge", connect_s=0.5):
                    pass
            assert silent.value.code == "LS-1102"
        await proxy.heal()
        async with session(proxy.port, "edge") as edge:
            await edge.publish("batch", b"2")


@pytest.mark.parametrize(
    ("fault", "at_once"), [(BlackHole(), False), (Refuse(), True)], ids=["black hole", "refused"]
)
async def test_nobody_gets_in_while_the_door_is_shut_and_open_connections_outlive_it(
    fault: Fault, at_once: bool, nats: EmbeddedBroker, proxy: FaultProxy
) -> None:
    async with session(nats.port, "reader") as reader, session(proxy.port, "edge") as edge:
        await reader.subscribe("batch")
        await proxy.switch(fault)
        sent = edge.send("batch", b"1")
        began_s = time.monotonic()
        with pytest.raises(RetryLater):
            async with session(proxy.port, "other", connect_s=1.0):
                pass
        assert (time.monotonic() - began_s < 0.9) is at_once
        if not at_once:
            assert not sent.done(), "a hole holds back what is open, too"
            await proxy.heal()
        async with asyncio.timeout(LIMIT_S):
            await sent
        await proxy.heal()
        (received,) = await take(reader, 1)
        assert received.payload == b"1"
        assert not edge.lost.is_set()
        async with session(proxy.port, "other") as other:
            await other.publish("batch", b"2")


async def test_half_a_published_message_is_none(
    nats: EmbeddedBroker, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    async with session(nats.port, "reader") as reader:
        await reader.subscribe("batch")
        async with session(proxy.port, "edge") as edge:
            await proxy.switch(Truncate(ways=("up",), after_bytes=5_000))
            with pytest.raises(ConnectionLost):
                await edge.publish("batch", bytes(10_000))
        await proxy.heal()
        async with session(proxy.port, "edge") as edge:
            await edge.publish("batch", b"whole")
        (received,) = await take(reader, 1)
        assert received.payload == b"whole"


async def test_half_a_received_message_is_none_and_comes_whole_on_the_next_connection(
    nats: EmbeddedBroker, proxy: FaultProxy
) -> None:
    body = Random(2).randbytes(10_000)
    async with session(nats.port, "edge") as edge:
        async with session(proxy.port, "server") as server:
            await server.subscribe("status")
            await proxy.switch(Truncate(ways=("down",), after_bytes=5_000))
            await edge.publish("status", body, retain=True)
            with pytest.raises(ConnectionLost):
                await take(server, 1)
        await proxy.heal()
        async with session(proxy.port, "server") as server:
            await server.subscribe("status")
            (received,) = await take(server, 1)
        assert received.payload == body
