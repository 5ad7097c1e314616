"""Confirmed and not saved."""

from __future__ import annotations

import asyncio

import psycopg

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.store.migrate import migrate
from tests.cases.server_line import EDGE
from tests.integration.ingest_server.receive.looks import stored, wanted
from tests.integration.ingest_server.receive.model_edge import fill, started
from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge
from tests.integration.ingest_server.receive.test_session import address_of, receiving

REFUSES_EVERY_OTHER_TIME = """
CREATE FUNCTION lineside.now_and_then() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.5 THEN
        RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER now_and_then BEFORE INSERT ON lineside.batch
FOR EACH STATEMENT EXECUTE FUNCTION lineside.now_and_then()
"""


async def test_an_edge_never_counts_more_as_delivered_than_the_database_has(
    dsn: str, nats: EmbeddedBroker
) -> None:
    migrate(dsn)
    epoch = started(EDGE)
    fill(epoch, records=40, rows=25)
    edge = MqttEdge(epoch, address_of(nats), window=4)
    looks = 0
    with psycopg.connect(dsn, autocommit=True) as look:
        look.execute(REFUSES_EVERY_OTHER_TIME)
        async with receiving(dsn, address_of(nats)), asyncio.timeout(90):
            sending = asyncio.create_task(edge.run())
            while not sending.done():
                counted = edge.acked
                saved = look.execute("SELECT coalesce(max(cursor), 0) FROM lineside.stream")
                [in_database] = saved.fetchone() or (0,)
                assert counted <= in_database
                looks += 1
                await asyncio.sleep(0.005)
            await sending
    assert looks > 10
    assert stored(dsn) == wanted(epoch)
