"""Devices that speak nothing but JSON: best effort, marked so, bounded, beside the streams."""

from __future__ import annotations

import orjson

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.receive import plain as receive_plain
from runtime.mqtt import Connection
from tests.conftest import WaitFor
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import fill, started
from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge
from tests.integration.ingest_server.receive.test_session import EDGE, address_of, receiving
from wire.ids import EdgeId
from wire.topics import plain

OVEN = EdgeId(plant="demo", edge="oven")


async def test_plain_messages_are_stored_marked_and_bounded_beside_a_stream(
    migrated: str, broker: EmbeddedBroker, wait_for: WaitFor
) -> None:
    address = address_of(broker)
    epoch = started(EDGE)
    fill(epoch, records=5, rows=4)
    async with (
        receiving(migrated, address) as state,
        Connection(address, client_id="oven") as oven,
    ):
        await wait_for(lambda: state.connected_us is not None, 30)

        async def say(edge: EdgeId, **values: object) -> None:
            await oven.publish(plain(edge), orjson.dumps(values))

        for degrees in (180, 180.5, None):
            await say(OVEN, temperature=degrees, door=False)
        await say(EDGE, note="by hand")  # the identity of an edge that has streams, too
        await MqttEdge(epoch, address).run()
        await say(EDGE, note="again")
        await oven.publish(plain(OVEN), b"180")
        await say(OVEN, **{f"t{n}": 1 for n in range(400)})
        await say(OVEN, **{f"u{n}": 1 for n in range(400)})
        await say(OVEN, **{f"v{n}": 1 for n in range(400)})
        letters = "SELECT code FROM dead_letter ORDER BY letter_id"
        await wait_for(lambda: len(rows(migrated, letters)) == 2, 30)
        found = "SELECT count(*) FROM tag_latest JOIN tag USING (tag_id) WHERE device = '(plain)'"
        await wait_for(lambda: rows(migrated, found) == [(803,)], 30)
    assert rows(migrated, letters) == [("LS-5651",), ("LS-5656",)]
    assert receive_plain.MOST_TAGS == 1_000
    told = [row for row in stored(migrated) if row[0] in ("temperature", "door", "note")]
    assert sorted(repr(value) for _, _, value in told) == sorted(
        map(repr, [180.0, 180.5, None, 0, 0, 0, "by hand", "again"])
    )
    of_stream = [row for row in stored(migrated) if row[0].startswith("press/")]
    assert of_stream == wanted(epoch)
    assert rows(
        migrated,
        "SELECT count(*) FROM reading WHERE batch NOT IN (SELECT batch FROM batch)",
    ) == [(0,)]
    assert rows(migrated, "SELECT count(*) FROM stream") == [(1,)]
