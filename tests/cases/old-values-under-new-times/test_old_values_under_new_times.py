"""Old values under new times: ThingsBoard gateway #2065, #2119.

A device that is off goes on "sending" its last values with the present time. Here it gives one bad
sample for each tag, without a value, and nothing more until it is read again.
"""

from __future__ import annotations

import asyncio

from ingest_server.embedded.broker import EmbeddedBroker
from runtime.clock import now_us
from tests.cases.edge_line import Configure, good, modbus
from tests.conftest import WaitFor
from tests.integration.drivers.modbus_plc import Plc
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality


async def test_a_device_that_is_off_gives_no_value_until_it_is_read_again(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    async with Plc() as plc:
        plc.unit().put("holding", 0, [41])
        tags = {"press/temp": "holding:0"}
        config = configure(modbus("press", plc.port, tags), broker=nats.port)
        async with Acker(address(nats.port), EDGE, receiver), running(config):
            await wait_for(lambda: len(good(receiver, "press/temp")) >= 3)
            await plc.kill()
            await wait_for(lambda: receiver.values("press/temp")[-1][2] & quality.NO_VALUE)
            await asyncio.sleep(0.5)  # ten polls of a gateway that repeats
            plc.unit().put("holding", 0, [42])
            on_us = now_us()
            await plc.start()
            await wait_for(lambda: 42 in good(receiver, "press/temp"))
    rows = receiver.values("press/temp")
    lost = next(place for place, (_, _, q) in enumerate(rows) if q != quality.GOOD)
    assert rows[lost][1:] == (0, quality.BAD_NOT_CONNECTED | quality.NO_VALUE)
    assert {(value, q) for _, value, q in rows[:lost]} == {(41, quality.GOOD)}
    assert {(value, q) for _, value, q in rows[lost + 1 :]} == {(42, quality.GOOD)}
    assert rows[lost][0] < on_us <= rows[lost + 1][0], "nothing has a time while it was off"
