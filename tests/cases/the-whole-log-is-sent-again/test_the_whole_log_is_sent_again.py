"""The whole log is sent again: Telegraf #16500.

A restart sent everything on disk once more. Here an agent goes on behind what the server confirmed,
though the delivered records are still kept.
"""

from __future__ import annotations

from collections import Counter

from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure, facts
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.integration.edge_agent.counting import CountingPlc, counted, device
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.control import Rewind
from wire.frame import StreamClass, read_prefix


class Watcher(Receiver):
    """Counts how often each record came, whether it was needed or not."""

    def __init__(self) -> None:
        super().__init__()
        self.came: Counter[tuple[object, StreamClass, int]] = Counter()

    def take(self, record: bytes) -> list[Rewind]:
        prefix = read_prefix(record)
        self.came[(prefix.epoch, prefix.cls, prefix.seq)] += 1
        return super().take(record)


async def test_an_agent_that_starts_again_sends_nothing_that_was_delivered(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Watcher()
    async with CountingPlc() as plc:
        config = configure(device("press", plc.port), broker=nats.port)
        async with Acker(address(nats.port), EDGE, receiver), running(config) as agent:
            await wait_for(lambda: len(counted(receiver, "press/count")) > 30)
            streams = facts(agent).store.streams.values()
            first = facts(agent).store.epoch
            await plc.kill()
            await wait_for(lambda: all(one.acked == one.last_seq for one in streams))
        async with Acker(address(nats.port), EDGE, receiver), running(config) as agent:
            held = [one for one in facts(agent).store.streams.values() if one.epoch == first]
            assert sum(one.records for one in held) > 5, "they are still kept"
            await plc.start()
            before = plc.answered
            await wait_for(lambda: counted(receiver, "press/count")[-1] > before + 10)
    assert not [place for place, times in receiver.came.items() if place[0] == first and times > 1]
