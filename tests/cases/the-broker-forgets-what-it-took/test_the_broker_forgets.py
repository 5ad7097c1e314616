"""The broker forgets what it took."""

from __future__ import annotations

import asyncio
import shutil

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.store.migrate import migrate
from tests.cases.server_line import EDGE
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import fill, started
from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge
from tests.integration.ingest_server.receive.test_session import address_of, receiving


async def test_what_a_broker_had_acknowledged_and_lost_arrives_once(
    dsn: str, broker: EmbeddedBroker
) -> None:
    migrate(dsn)
    epoch = started(EDGE)
    fill(epoch, records=60, rows=5)
    edge = MqttEdge(epoch, address_of(broker))
    sending = asyncio.create_task(edge.run())
    async with asyncio.timeout(90):
        while edge.sent < edge.window:  # nobody takes it yet: the broker has it
            await asyncio.sleep(0.01)
        await forget(broker)
        assert edge.acked == 0
        edge.window = 4
        async with receiving(dsn, address_of(broker)):
            while edge.acked < 20:
                await asyncio.sleep(0.01)
            await forget(broker)  # and who had subscribed
            await sending
    assert stored(dsn) == wanted(epoch)
    assert rows(dsn, "SELECT count(*) FROM gap") == [(0,)]


async def forget(broker: EmbeddedBroker) -> None:
    """The broker's machine is replaced by an empty one."""
    broker.kill()
    shutil.rmtree(broker.data_dir / "store")
    await broker.start()
