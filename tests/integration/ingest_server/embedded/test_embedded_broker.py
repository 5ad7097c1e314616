"""The embedded broker: same address over restarts, large messages, nothing left running."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest_server.embedded import ports
from ingest_server.embedded.broker import BrokerKind, EmbeddedBroker, accepts_mqtt
from runtime.broker import BrokerAddress
from runtime.errors import Reconfigure
from runtime.mqtt import Connection


async def test_the_port_stays_the_same_over_stop_kill_and_start(
    broker_kind: BrokerKind, tmp_path: Path
) -> None:
    folder = tmp_path / "a b"
    async with EmbeddedBroker(folder, kind=broker_kind) as broker:
        port = broker.port
        assert accepts_mqtt(broker.host, port)
        broker.kill()
        assert broker.pid == 0
        await broker.start()
        assert broker.port == port
    assert not accepts_mqtt(broker.host, port, limit_s=1)
    async with EmbeddedBroker(folder, kind=broker_kind) as broker:
        assert broker.port == port


async def test_a_taken_port_is_an_error_since_the_edges_know_this_one(
    broker_kind: BrokerKind, tmp_path: Path
) -> None:
    with socket.socket() as other:
        other.bind((ports.LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Reconfigure) as refused:
            await EmbeddedBroker(tmp_path, kind=broker_kind, port=port).start()
    assert refused.value.code == "LS-5205"
    assert refused.value.params["port"] == port


async def test_two_at_once_in_one_folder_are_refused(broker: EmbeddedBroker) -> None:
    with pytest.raises(Reconfigure) as refused:
        await EmbeddedBroker(broker.data_dir, kind=broker.kind).start()
    assert refused.value.code == "LS-5202"


def _exchange(host: str, port: int, use: Callable[[mqtt.Client], None]) -> list[bytes]:
    """What arrives first on `t/#` after `use`.

    NATS may keep a message from who subscribes in the same instant: then it is asked once more.
    """
    received: list[bytes] = []
    arrived = threading.Event()

    def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        received.append(bytes(message.payload))
        arrived.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="tester")
    client.on_message = on_message
    client.on_subscribe = lambda *_: use(client)
    client.on_connect = lambda *_: client.subscribe("t/#", qos=1)  # type: ignore[assignment]
    client.connect(host, port)
    client.loop_start()
    try:
        for _ in range(5):
            if arrived.wait(5):
                break
            client.subscribe("t/#", qos=1)
    finally:
        client.disconnect()
        client.loop_stop()
    return received[:1]


async def test_a_message_of_512_kib_passes(broker: EmbeddedBroker) -> None:
    payload = b"x" * (512 * 1024)

    def publish(client: mqtt.Client) -> None:
        client.publish("t/large", payload, qos=1)

    assert await asyncio.to_thread(_exchange, broker.host, broker.port, publish) == [payload]


async def test_a_retained_message_survives_an_orderly_restart(broker: EmbeddedBroker) -> None:
    def publish(client: mqtt.Client) -> None:
        client.publish("t/status", b"kept", qos=1, retain=True)

    await asyncio.to_thread(_exchange, broker.host, broker.port, publish)
    await broker.stop()
    await broker.start()
    got = await asyncio.to_thread(_exchange, broker.host, broker.port, lambda _client: None)
    assert got == [b"kept"]


async def test_a_named_broker_that_is_not_installed_is_named(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, kind="mosquitto", search_path=str(tmp_path))
    with pytest.raises(Reconfigure) as refused:
        await broker.start()
    assert refused.value.code == "LS-5201"
    assert refused.value.params["program"] == "mosquitto"


def test_auto_takes_nats_where_mosquitto_is_not_on_path(tmp_path: Path) -> None:
    assert EmbeddedBroker(tmp_path, search_path=str(tmp_path)).kind == "nats"


async def test_a_killed_nats_does_not_keep_messages_for_sessions_of_before(tmp_path: Path) -> None:
    consumers = tmp_path / "store" / "jetstream" / "$G" / "streams" / "$MQTT_msgs" / "obs"

    async def listen(client_id: str) -> Connection:
        address = BrokerAddress(host=broker.host, port=broker.port)
        connection = await Connection(address, client_id=client_id).__aenter__()
        await connection.subscribe("t/+", qos=1)
        return connection

    async with EmbeddedBroker(tmp_path, kind="nats", forget_after_s=1) as broker:
        for number in range(3):
            connection = await listen(f"worker-{number}")
            broker.kill()
            await asyncio.wait_for(connection.lost.wait(), 20)
            await connection.__aexit__(None, None, None)
            await broker.start()
        async with asyncio.timeout(20):
            while list(consumers.iterdir()):
                await asyncio.sleep(0.1)
        # One with the name of a lost one comes back; what has a client stays.
        staying, again = await listen("worker-0"), await listen("worker-9")
        await again.publish("t/1", b"heard", qos=1)
        message = await anext(aiter(staying.messages()))
        assert message.payload == b"heard"
        for connection in (staying, again):
            await connection.__aexit__(None, None, None)
