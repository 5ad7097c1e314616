"""Wrote batch with the broker off: Telegraf #14750.

A batch was called written while nobody had it. Here a record is delivered when the server has
confirmed it; sending it, and the broker's own receipt, confirm nothing.
"""

from __future__ import annotations

from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure, facts
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.integration.edge_agent.counting import CountingPlc, counted, device
from tests.unit.edge_agent.reference_receiver import Receiver


async def test_what_the_broker_took_is_not_delivered_until_the_server_says_so(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    async with CountingPlc() as plc:
        config = configure(device("press", plc.port), broker=nats.port)
        async with running(config) as agent:
            streams = facts(agent).store.streams

            def sent() -> int:
                text = facts(agent).metrics.render().decode()
                line = next(x for x in text.splitlines() if x.startswith("edge_records_sent_total"))
                return int(float(line.split()[-1]))

            # The broker takes everything, the server takes nothing.
            async with Acker(address(nats.port), EDGE, Receiver(), deaf=True) as deaf:
                await wait_for(lambda: sent() >= 5, what="records that the broker took")
                await wait_for(lambda: deaf.statuses)
                assert all(one.acked == 0 for one in streams.values())
            nats.kill()
            await wait_for(lambda: not facts(agent).session.connected)
            before = plc.answered
            await wait_for(lambda: plc.answered > before + 10)
            assert all(one.acked == 0 for one in streams.values())
            assert all(one.records == one.last_seq for one in streams.values()), "all is kept"
            await nats.start()
            async with Acker(address(nats.port), EDGE, receiver):
                await wait_for(lambda: before + 10 in counted(receiver, "press/count"))
                await wait_for(lambda: any(one.acked for one in streams.values()))
    values = counted(receiver, "press/count")
    assert values == list(range(values[0], values[-1] + 1))
    assert values[0] <= 2, "the driver may look once before the first poll"
    assert not receiver.tombstones
