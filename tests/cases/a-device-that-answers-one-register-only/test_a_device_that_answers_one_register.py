"""A device that answers one register only: Telegraf #12071.

Larger requests are refused, or answered with 0 in every other register. Here a refused request is
halved until the device answers, and `max_registers: 1` is there for devices that say 0 instead.
"""

from __future__ import annotations

from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure, good, modbus, status
from tests.conftest import WaitFor
from tests.integration.drivers.modbus_plc import Plc, Unit
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality

TAGS = {f"meter/r{place}": f"holding:{place}" for place in range(12)}


class EveryOtherIsZero(Plc):
    """Answers any request, but only its first register is true."""

    def _answer(self, unit: Unit, function: int, start: int, count: int) -> bytes:
        answer = bytearray(super()._answer(unit, function, start, count))
        answer[4:] = bytes(len(answer) - 4)
        return bytes(answer)


async def test_a_device_that_refuses_more_is_asked_for_one_at_a_time(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    async with Plc() as plc:
        plc.unit().most = 1
        plc.unit().put("holding", 0, list(range(100, 112)))
        config = configure(modbus("meter", plc.port, TAGS), broker=nats.port)
        async with Acker(address(nats.port), EDGE, receiver), running(config):
            await wait_for(lambda: all(len(good(receiver, path)) > 2 for path in TAGS))
        assert {count for _, _, _, count in plc.requests[-12:]} == {1}, "it has learnt"
    for place, path in enumerate(TAGS):
        assert set(good(receiver, path)) == {100 + place}
        assert set(status(receiver, path)) == {quality.GOOD}


async def test_a_device_that_says_zero_instead_is_configured_to_be_asked_for_one(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    async with EveryOtherIsZero() as plc:
        plc.unit().put("holding", 0, list(range(100, 112)))
        text = modbus("meter", plc.port, TAGS) + "    max_registers: 1\n"
        config = configure(text, broker=nats.port)
        async with Acker(address(nats.port), EDGE, receiver), running(config):
            await wait_for(lambda: all(len(good(receiver, path)) > 2 for path in TAGS))
    for place, path in enumerate(TAGS):
        assert set(good(receiver, path)) == {100 + place}
