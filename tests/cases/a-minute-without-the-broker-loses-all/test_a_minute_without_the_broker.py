"""A minute without the broker loses all of it: Node-RED and modpoll, measured.

QoS 1 does not help readings that are made while there is no connection. Here they are on disk
first: a PLC that numbers its answers shows that each arrives, once and in order.
"""

from __future__ import annotations

from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure, facts
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.integration.edge_agent.counting import CountingPlc, counted, device
from tests.unit.edge_agent.reference_receiver import Receiver


async def test_every_answer_of_the_plc_while_the_broker_was_off_arrives_once(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    async with CountingPlc() as plc:
        config = configure(device("press", plc.port, every_ms=10), broker=nats.port)
        async with running(config) as agent:
            async with Acker(address(nats.port), EDGE, receiver):
                await wait_for(lambda: counted(receiver, "press/count"))
            nats.kill()
            await wait_for(lambda: not facts(agent).session.connected)
            off = plc.answered
            await wait_for(lambda: plc.answered > off + 60, what="polls without a broker")
            back = plc.answered
            await nats.start()
            async with Acker(address(nats.port), EDGE, receiver):
                await wait_for(lambda: counted(receiver, "press/count")[-1] > back)
    values = counted(receiver, "press/count")
    assert values == list(range(values[0], values[-1] + 1))
    assert values[0] < off < back < values[-1]
