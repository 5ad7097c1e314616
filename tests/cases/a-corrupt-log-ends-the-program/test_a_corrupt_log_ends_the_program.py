"""A corrupt log ends the program: Telegraf #18528.

A damaged file meant a panic at every start. Here the agent starts, keeps what can be read, puts the
damaged file aside, tells the server what is lost, and reads on.
"""

from __future__ import annotations

from ingest_server.embedded.broker import EmbeddedBroker
from runtime.clock import now_us
from tests.cases.edge_line import Configure, facts
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.integration.edge_agent.counting import CountingPlc, counted, device
from tests.unit.edge_agent.buffer.model import entry, spoil
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.frame import StreamClass


async def test_an_agent_starts_on_a_damaged_buffer_and_loses_only_what_is_damaged(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    nats.kill()
    async with CountingPlc() as plc:
        config = configure(device("press", plc.port), broker=nats.port)
        async with running(config) as agent:
            many = [entry(StreamClass.BULK, now_us(), filler=4_000) for _ in range(200)]
            await facts(agent).store.append(many)
            await wait_for(lambda: plc.answered > 20)
        spoil(config.data_dir / "buffer.db")
        before = plc.answered
        await nats.start()
        async with Acker(address(nats.port), EDGE, receiver), running(config):
            await wait_for(lambda: counted(receiver, "press/count")[-1:] > [before], 20.0)
            await wait_for(lambda: any(one.kind == "salvaged" for one in receiver.events))
    assert {one.cause for _, one in receiver.tombstones} == {"corrupt"}
    lost = sum(one.through - prefix.seq + 1 for prefix, one in receiver.tombstones)
    assert 0 < lost < 150
    assert len(receiver.applied) > 50, "what could be read arrived"
    assert list(config.data_dir.glob("buffer.db.damaged-*")), "the file is put aside"
