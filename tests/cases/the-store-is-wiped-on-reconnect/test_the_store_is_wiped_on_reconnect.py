"""The store is wiped on reconnect: ThingsBoard gateway #2124.

What waited in SQLite was gone as soon as there was a connection. Here a connection changes nothing:
the records stay, byte for byte, until the server has confirmed them.
"""

from __future__ import annotations

from edge_agent.buffer.rows import Place
from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure, facts
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.integration.edge_agent.counting import CountingPlc, counted, device
from tests.unit.edge_agent.buffer.model import contents
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.frame import StreamClass

BULK = Place(ord=1, cls=StreamClass.BULK)


async def test_what_waits_on_disk_survives_every_reconnect_unchanged(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    nats.kill()
    async with CountingPlc() as plc:
        config = configure(device("press", plc.port), broker=nats.port)
        async with running(config) as agent:
            store, session = facts(agent).store, facts(agent).session
            await wait_for(lambda: BULK in store.streams and store.streams[BULK].last_seq >= 5)
            waiting = await contents(store, BULK)
            for turn in (1, 2):
                await nats.start()
                await wait_for(lambda turn=turn: session.connected and session.sessions >= turn)
                assert (await contents(store, BULK))[: len(waiting)] == waiting
                nats.kill()
                await wait_for(lambda: not session.connected)
            assert (await contents(store, BULK))[: len(waiting)] == waiting
            await nats.start()
            async with Acker(address(nats.port), EDGE, receiver):
                last = plc.answered
                await wait_for(lambda: last in counted(receiver, "press/count"))
    values = counted(receiver, "press/count")
    assert values == list(range(values[0], values[-1] + 1))
    assert values[0] <= 2
