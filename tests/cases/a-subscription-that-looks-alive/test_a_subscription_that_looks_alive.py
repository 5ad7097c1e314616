"""A subscription that looks alive: asyncua #1660.

The connection is open, the server answers, and nothing is ever reported. Here missing keep-alives
end it, and a fresh session reports the present values without anybody's help.
"""

from __future__ import annotations

from asyncua import ua

from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure, good, opcua
from tests.conftest import WaitFor
from tests.integration.drivers.opcua_server import Machine
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality


async def test_a_subscription_the_server_forgot_is_replaced_and_the_values_go_on(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    async with Machine() as machine:
        node = await machine.add("a", 1, ua.VariantType.Int32)
        tags = {"press/a": f"ns={machine.index};s=a"}
        more = "mode: subscribe\n        keep_alive_count: 4"
        config = configure(opcua("press", machine.url, tags, more=more), broker=nats.port)
        async with Acker(address(nats.port), EDGE, receiver), running(config):
            await wait_for(lambda: good(receiver, "press/a"))
            # The server answers everything else, but this one it does not work on any more.
            for one in machine.server.iserver.subscription_service.subscriptions.values():
                await one.stop()
            await node.write_value(ua.Variant(2, ua.VariantType.Int32))
            await wait_for(lambda: 2 in good(receiver, "press/a"), 20.0)
    found = [(value, q) for _, value, q in receiver.values("press/a")]
    assert found[:2] == [(1, quality.GOOD), (0, quality.BAD_NOT_CONNECTED | quality.NO_VALUE)]
    kinds = [event.kind for event in receiver.events if event.kind.startswith("device_")]
    assert kinds[-2:] == ["device_down", "device_up"]
