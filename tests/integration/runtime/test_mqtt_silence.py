"""A broker that lives and yet does not answer what it was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from runtime.errors import RetryLater
from runtime.mqtt import BrokerAddress, Connection

CONNACK = b"\x20\x02\x00\x00"
PINGREQ, PINGRESP = b"\xc0\x00", b"\xd0\x00"


@asynccontextmanager
async def _forgetful() -> AsyncIterator[BrokerAddress]:
    """Lets everybody in and answers pings, nothing else (MQTT 3.1.1 sections 3.2 and 3.13)."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(CONNACK)
        while data := await reader.read(1_000):
            writer.write(PINGRESP * data.count(PINGREQ))
        writer.close()
        gone.set()

    gone = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield BrokerAddress(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        await gone.wait()


async def test_a_publish_that_is_never_answered_ends_in_an_error() -> None:
    async with (
        _forgetful() as address,
        Connection(address, client_id="a", answer_s=0.3) as connection,
    ):
        async with asyncio.timeout(5):
            with pytest.raises(RetryLater) as silent:
                await connection.publish("a", b"1")
        assert silent.value.code == "LS-1102"
        # The broker lives: what needs no answer still goes.
        assert not connection.lost.is_set()
        await connection.publish("a", b"2", qos=0)


async def test_a_subscription_that_is_never_answered_ends_in_an_error() -> None:
    async with (
        _forgetful() as address,
        Connection(address, client_id="a", answer_s=0.3) as connection,
        asyncio.timeout(5),
    ):
        with pytest.raises(RetryLater) as silent:
            await connection.subscribe("a/+")
        assert silent.value.code == "LS-1102"
