"""Storage is full for good: ThingsBoard gateway #1507, #1483.

A full store refused everything new for ever. Here the oldest bulk records give way to it, and a
tombstone tells the server which; new readings are kept and arrive.
"""

from __future__ import annotations

from ingest_server.embedded.broker import EmbeddedBroker
from runtime.clock import now_us
from tests.cases.edge_line import Configure, facts
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.integration.edge_agent.counting import CountingPlc, counted, device
from tests.unit.edge_agent.buffer.model import entry
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.frame import StreamClass

MIB = 2**20


async def test_a_full_buffer_takes_new_readings_and_says_what_it_gave_up(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    nats.kill()
    async with CountingPlc() as plc:
        config = configure(device("press", plc.port), broker=nats.port, max_bytes="16MiB")
        async with running(config) as agent:
            store = facts(agent).store
            for _ in range(120):  # half as much again as there is room for
                await store.append([entry(StreamClass.BULK, now_us(), filler=400_000)])
            await facts(agent).writer.sweep(now=True)
            assert (await store.usage()).used < 17 * MIB
            await wait_for(lambda seen=plc.answered: plc.answered > seen + 10)
            await nats.start()
            async with Acker(address(nats.port), EDGE, receiver):
                last = plc.answered
                await wait_for(lambda: last in counted(receiver, "press/count"), 20.0)
    assert {tombstone.cause for _, tombstone in receiver.tombstones} == {"overflow"}
    assert {prefix.cls for prefix, _ in receiver.tombstones} == {StreamClass.BULK}
    given_up = sum(one.through - prefix.seq + 1 for prefix, one in receiver.tombstones)
    assert 30 < given_up < 100
    oldest = min(prefix.seq for prefix, _ in receiver.tombstones)
    assert oldest < 10, "the oldest went"
