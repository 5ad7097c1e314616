"""Many edges on one worker: no stall, and no wrong order."""

from __future__ import annotations

import asyncio

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.receive.state import State
from runtime.mqtt import Connection
from tests.conftest import WaitFor
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import Epoch, fill, started
from tests.integration.ingest_server.receive.test_session import address_of, receiving
from wire.ids import EdgeId
from wire.topics import up


def edges(count: int, *, records: int) -> list[Epoch]:
    epochs = [started(EdgeId(plant="demo", edge=f"line-{number}")) for number in range(count)]
    for number, epoch in enumerate(epochs):
        fill(epoch, records=records, rows=2, seed=number)
    return epochs


async def test_a_backlog_of_many_edges_comes_in_order_and_without_a_pause(
    migrated: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    """More than the broker keeps in flight, over all shards, from senders that never resend."""
    epochs = edges(120, records=12)
    async with receiving(migrated, address_of(nats)) as state:
        await wait_for(lambda: state.connected_us is not None, 20)
        async with Connection(address_of(nats), client_id="sender") as sender:
            for part in range(epochs[0].seq):
                await asyncio.gather(
                    *(sender.send(up(each.edge, "data"), each.records[part]) for each in epochs)
                )
        everything = sum(epoch.seq for epoch in epochs)
        await wait_for(lambda: sum(state.outcomes.values()) >= everything, 60)
        assert state.outcomes == {"opened": 120, "next": everything - 120}
    assert stored(migrated) == wanted(*epochs)


async def test_a_kind_of_message_of_a_later_release_is_left_alone(
    migrated: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    state = State()
    async with receiving(migrated, address_of(nats), state=state):
        await wait_for(lambda: state.connected_us is not None, 20)
        async with Connection(address_of(nats), client_id="sender") as sender:
            edge = EdgeId(plant="demo", edge="line-1")
            await sender.publish(up(edge, "data").replace("/data/", "/video/"), b"new")
        await wait_for(lambda: state.outcomes["unknown_kind"] == 1, 20)
    assert rows(migrated, "SELECT count(*) FROM dead_letter") == [(0,)]
