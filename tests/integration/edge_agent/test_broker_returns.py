"""A broker that was away for a while is found again at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge_agent.config import EdgeConfig
from ingest_server.embedded.broker import EmbeddedBroker
from tests.conftest import WaitFor
from tests.integration.edge_agent.conftest import Running

DEVICES = """
  - id: press
    driver: modbus-tcp
    host: 127.0.0.1
    port: 1
    groups:
      - every_ms: 1000
        tags:
          - {path: press/temp, address: "holding:1", dtype: u16}
"""


async def test_the_edge_is_back_soon_after_a_broker_that_was_long_away(
    nats: EmbeddedBroker,
    configure: Callable[..., EdgeConfig],
    running: Running,
    wait_for: WaitFor,
) -> None:
    async with running(configure(DEVICES, broker=nats.port)) as agent:
        facts = agent.facts
        assert facts is not None
        await wait_for(lambda: facts.session.connected)
        nats.kill()
        await wait_for(lambda: not facts.session.connected)
        # Pauses that only ever double are several seconds long by then.
        await asyncio.sleep(8)
        await nats.start()
        await wait_for(lambda: facts.session.connected, 3.0, what="a connection")
