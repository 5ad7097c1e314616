"""A value under another tag's name: ThingsBoard gateway 3.8.5, measured.

With more tags than MaxNodesPerRead half of the values had wrong names. Here each arrives under its
own, whether the server states its limit or only enforces it.
"""

from __future__ import annotations

import pytest
from asyncua import ua

from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure, good, opcua
from tests.conftest import WaitFor
from tests.integration.drivers.opcua_server import Machine
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver

COUNT, LIMIT = 60, 7


@pytest.mark.parametrize("stated", [True, False])
async def test_each_value_has_its_own_name_with_more_tags_than_a_request_may_hold(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor, stated: bool
) -> None:
    receiver = Receiver()
    async with Machine() as machine:
        nodes = [await machine.add(f"t{n}", 1_000 + n, ua.VariantType.Int32) for n in range(COUNT)]
        machine.most_nodes = LIMIT
        if stated:
            await machine.tell_limit(LIMIT)
        tags = {f"press/t{n}": f"ns={machine.index};s=t{n}" for n in range(COUNT)}
        config = configure(opcua("press", machine.url, tags), broker=nats.port)
        async with Acker(address(nats.port), EDGE, receiver), running(config):
            await wait_for(lambda: all(good(receiver, path) for path in tags), 20.0)
            for n, node in enumerate(nodes):
                await node.write_value(ua.Variant(2_000 + n, ua.VariantType.Int32))
            last = list(tags)[-1]
            await wait_for(lambda: len(set(good(receiver, last))) == 2)
            await wait_for(lambda: all(len(set(good(receiver, path))) == 2 for path in tags))
        assert machine.reads[-1] <= LIMIT
    for n, path in enumerate(tags):
        assert set(good(receiver, path)) == {1_000 + n, 2_000 + n}
