"""A subscription that looks alive: asyncua #1660.

The connection is open and silent for ever. Here missing keep-alives end it: the tags are bad as
long as nothing comes, and a fresh session reports the present values without anybody's help.
"""

from __future__ import annotations

from asyncua import ua

from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure, good, opcua
from tests.conftest import WaitFor
from tests.integration.drivers.opcua_server import Machine, Valve
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality


async def test_a_connection_that_went_silent_is_replaced_and_the_values_go_on(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    async with Machine() as machine, Valve(machine.port) as valve:
        node = await machine.add("a", 1, ua.VariantType.Int32)
        tags = {"press/a": f"ns={machine.index};s=a"}
        url = f"opc.tcp://127.0.0.1:{valve.port}/machine"
        more = "mode: subscribe\n        keep_alive_count: 4"
        config = configure(opcua("press", url, tags, more=more), broker=nats.port)
        async with Acker(address(nats.port), EDGE, receiver), running(config):
            await wait_for(lambda: good(receiver, "press/a"))
            valve.open.clear()  # nothing passes, nothing closes
            await node.write_value(ua.Variant(2, ua.VariantType.Int32))
            await wait_for(lambda: receiver.values("press/a")[-1][2] != quality.GOOD)
            valve.open.set()
            await wait_for(lambda: 2 in good(receiver, "press/a"), 20.0)
    found = [(value, q) for _, value, q in receiver.values("press/a")]
    assert found[:2] == [(1, quality.GOOD), (0, quality.BAD_NOT_CONNECTED | quality.NO_VALUE)]
    kinds = [event.kind for event in receiver.events if event.kind.startswith("device_")]
    assert kinds[-2:] == ["device_down", "device_up"]
