"""Unreadable messages stall the ingest."""

from __future__ import annotations

import asyncio

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.store.migrate import migrate
from runtime.mqtt import Connection
from tests.cases.server_line import EDGE
from tests.conftest import WaitFor
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import fill, started
from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge
from tests.integration.ingest_server.receive.test_session import address_of, receiving
from wire.ids import EdgeId
from wire.topics import up

MORE_THAN_MAY_BE_IN_FLIGHT = 1_100
STRANGER = EdgeId(plant="demo", edge="stranger")


async def test_a_good_line_is_stored_behind_any_number_of_messages_that_nobody_can_read(
    dsn: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    migrate(dsn)
    epoch = started(EDGE)
    fill(epoch, records=10, rows=5)
    async with receiving(dsn, address_of(nats)) as state:
        await wait_for(lambda: state.connected_us is not None, 20)
        async with Connection(address_of(nats), client_id="stranger") as stranger:
            junk = [f"no record, {n}".encode() for n in range(MORE_THAN_MAY_BE_IN_FLIGHT)]
            await asyncio.gather(*(stranger.send(up(STRANGER, "data"), one) for one in junk))
        await asyncio.wait_for(MqttEdge(epoch, address_of(nats)).run(), 25)
        kept = "SELECT count(*) FROM dead_letter"
        await wait_for(lambda: rows(dsn, kept) == [(len(junk),)], 60)
    assert stored(dsn) == wanted(epoch)
