"""The PLC clock goes back to 2000: ThingsBoard gateway #879.

Values stamped 2000-01-01 were filed there. Here such a time is set aside and flagged, and the
sample has the time at which the edge got it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from asyncua import ua

from ingest_server.embedded.broker import EmbeddedBroker
from runtime.clock import from_datetime, now_us
from tests.cases.edge_line import Configure, opcua
from tests.conftest import WaitFor
from tests.integration.drivers.opcua_server import Machine
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality

LOST_BATTERY = datetime(2000, 1, 1, 0, 0, 7, tzinfo=UTC)


async def test_values_of_a_plc_that_thinks_it_is_2000_are_filed_today(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    async with Machine() as machine:
        node = await machine.add("count", 1, ua.VariantType.Int32)

        async def write(value: int, at: datetime) -> None:
            stamped = ua.DataValue(ua.Variant(value, ua.VariantType.Int32), SourceTimestamp=at)
            await node.write_value(stamped)

        tags = {"press/count": f"ns={machine.index};s=count"}
        more = "mode: subscribe\n        sampling_ms: 0"
        config = configure(opcua("press", machine.url, tags, more=more), broker=nats.port)
        began_us = now_us()
        async with Acker(address(nats.port), EDGE, receiver), running(config):
            await wait_for(lambda: receiver.values("press/count"))
            for value, at in ((2, LOST_BATTERY), (3, datetime.now(UTC))):
                await write(value, at)
                await wait_for(lambda value=value: receiver.values("press/count")[-1][1] == value)
        ended_us = now_us()
    rows = receiver.values("press/count")
    assert [(value, q) for _, value, q in rows][-2:] == [(2, quality.CLOCK), (3, quality.GOOD)]
    assert all(began_us - 60_000_000 < at_us <= ended_us for at_us, _, _ in rows[-2:])
    set_aside = [
        int(orig)
        for _, samples in receiver.samples
        if samples.orig is not None
        for orig, q in zip(samples.orig, samples.q, strict=True)
        if q == quality.CLOCK
    ]
    assert set_aside == [from_datetime(LOST_BATTERY)], "what the PLC said is not lost"
