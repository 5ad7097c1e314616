"""One vanished node ends the reading: Telegraf #19186, #13296.

One node that the server does not have stopped all of them. Here its tag is bad, polled or
subscribed, never there or gone while it is polled, and the others go on.
"""

from __future__ import annotations

import pytest
from asyncua import ua

from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure, collector, good, opcua, status
from tests.conftest import WaitFor
from tests.integration.drivers.opcua_server import Machine
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality


@pytest.mark.parametrize("mode", ["poll", "subscribe"])
async def test_a_node_that_is_not_there_costs_its_own_tag_alone(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor, mode: str
) -> None:
    receiver = Receiver()
    async with Machine() as machine:
        first = await machine.add("a", 1, ua.VariantType.Int32)
        leaving = await machine.add("c", 3, ua.VariantType.Int32)
        tags = {f"press/{name}": f"ns={machine.index};s={name}" for name in "abc"}
        config = configure(
            opcua("press", machine.url, tags, more=f"mode: {mode}"), broker=nats.port
        )
        async with Acker(address(nats.port), EDGE, receiver), running(config) as agent:
            await wait_for(lambda: good(receiver, "press/a") and good(receiver, "press/c"))
            await wait_for(lambda: receiver.values("press/b"))
            if mode == "poll":  # the library's server cannot delete what is subscribed
                await machine.server.delete_nodes([leaving])
                await wait_for(lambda: status(receiver, "press/c")[-1] != quality.GOOD)
            await first.write_value(ua.Variant(11, ua.VariantType.Int32))
            await wait_for(lambda: 11 in good(receiver, "press/a"))
            assert collector(agent, "press").state == "up"
    assert set(status(receiver, "press/b")) == {quality.BAD_NODE_UNKNOWN}
    assert set(status(receiver, "press/a")) == {quality.GOOD}
    assert set(status(receiver, "press/c")) <= {quality.GOOD, quality.BAD_NODE_UNKNOWN}
    assert not any(event.kind == "device_down" for event in receiver.events)
