"""The whole agent on a real OPC UA server: every reported value arrives once, with its own time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from asyncua import ua

from edge_agent.config import EdgeConfig
from ingest_server.embedded.broker import EmbeddedBroker
from tests.conftest import WaitFor
from tests.integration.drivers.opcua_server import Machine
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality


async def test_every_change_of_a_subscribed_counter_arrives_once_with_the_plcs_time(
    nats: EmbeddedBroker,
    configure: Callable[..., EdgeConfig],
    running: Running,
    wait_for: WaitFor,
) -> None:
    receiver = Receiver()
    async with Machine() as machine:
        good = await machine.add("good", 0, ua.VariantType.UInt32)
        await machine.add("temp", 20.5, ua.VariantType.Double)
        config = configure(
            f"""
  - id: press
    driver: opcua
    url: {machine.url}
    security: none
    groups:
      - every_ms: 50
        class: key
        mode: subscribe
        sampling_ms: 0
        queue_size: 100
        tags: [{{path: press/good, address: "ns={machine.index};s=good", dtype: u32}}]
      - every_ms: 100
        tags: [{{path: press/temp, address: "ns={machine.index};s=temp", dtype: f64}}]
""",
            broker=nats.port,
        )
        async with running(config), Acker(address(nats.port), EDGE, receiver):
            await wait_for(lambda: receiver.values("press/good"), 20.0)
            for count in range(1, 101):
                await good.write_value(ua.Variant(count, ua.VariantType.UInt32))
                await asyncio.sleep(0.005)
            await wait_for(
                lambda: [v for _, v, _ in receiver.values("press/good")][-1] == 100, 20.0
            )
            await wait_for(lambda: len(receiver.values("press/temp")) > 5, 20.0)
    rows = receiver.values("press/good")
    counted = [value for _, value, q in rows if q == quality.GOOD]
    assert counted == list(range(101))
    stamps = [ts for ts, _, q in rows if q == quality.GOOD]
    assert stamps == sorted(stamps)
    assert len(set(stamps)) == len(stamps), "each has the time of its own change"
    polled = [ts for ts, _, _ in receiver.values("press/temp")]
    assert len(set(polled)) == len(polled), "a new look at an old value has the time of looking"
