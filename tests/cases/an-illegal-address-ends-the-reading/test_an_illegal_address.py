"""An illegal address ends the reading: Telegraf #14671.

One wrong address took all others with it. Here it stands alone: bad, as a fault of the
configuration, while its neighbours in the same request have values and the device stays up.
"""

from __future__ import annotations

from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure, collector, good, modbus, status
from tests.conftest import WaitFor
from tests.integration.drivers.modbus_plc import Plc
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality

TAGS = {f"press/r{place}": f"holding:{place}" for place in range(20)}
MISSING = "press/r7"


async def test_one_address_the_device_does_not_have_costs_that_tag_alone(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    others = [path for path in TAGS if path != MISSING]
    async with Plc() as plc:
        plc.unit().put("holding", 0, list(range(200, 220)))
        del plc.unit().tables["holding"][7]
        config = configure(modbus("press", plc.port, TAGS), broker=nats.port)
        async with Acker(address(nats.port), EDGE, receiver), running(config) as agent:
            await wait_for(lambda: all(len(good(receiver, path)) > 5 for path in others))
            await wait_for(lambda: receiver.values(MISSING))
            assert collector(agent, "press").state == "up"
        assert plc.connections == 1
    for path in others:
        assert set(good(receiver, path)) == {200 + int(path.removeprefix("press/r"))}
        assert set(status(receiver, path)) == {quality.GOOD}
    assert set(status(receiver, MISSING)) == {quality.BAD_CONFIGURATION}
    assert not any(event.kind == "device_down" for event in receiver.events)
