"""The broker delivers nothing: a cluster lost a node, and a connection's subscription with it."""

from __future__ import annotations

from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure, facts
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.integration.edge_agent.counting import CountingPlc, counted, device
from tests.unit.edge_agent.reference_receiver import Receiver


async def test_an_edge_that_hears_nothing_of_what_it_sent_connects_anew_and_loses_nothing(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    async with CountingPlc() as plc:
        config = configure(device("press", plc.port), broker=nats.port)
        async with running(config) as agent:
            session = facts(agent).session
            # The broker takes all and brings no answer: six statuses long, here six seconds.
            await wait_for(lambda: session.sessions >= 2, what="a second connection")
            async with Acker(address(nats.port), EDGE, receiver):
                await wait_for(lambda: session.answers > 10)
                before, latest = session.sessions, plc.answered
                await wait_for(lambda: latest in counted(receiver, "press/count"))
                assert session.sessions == before, "who is answered stays"
    values = counted(receiver, "press/count")
    assert values == list(range(values[0], values[-1] + 1))
    assert values[0] <= 2, "the driver may look once before the first poll"
    assert not receiver.tombstones
