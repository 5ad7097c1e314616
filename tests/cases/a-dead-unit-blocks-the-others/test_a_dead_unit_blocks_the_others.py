"""A dead unit blocks the others: ThingsBoard gateway #474.

One unit that is off made every poll of its neighbours on the same connection wait. Here it rests
after some time-outs, its tags are bad, the others keep their pace, and it comes back by itself.
"""

from __future__ import annotations

from ingest_server.embedded.broker import EmbeddedBroker
from tests.cases.edge_line import Configure, collector, good, status
from tests.conftest import WaitFor
from tests.integration.drivers.modbus_plc import Plc
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality


async def test_units_behind_one_gateway_are_read_while_their_neighbour_is_off(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    async with Plc() as plc:
        for unit in (1, 2, 3):
            plc.unit(unit).put("holding", 0, [unit * 10])
        plc.unit(2).mood = "dead"
        config = configure(
            f"""
  - id: gateway
    driver: modbus-tcp
    host: 127.0.0.1
    port: {plc.port}
    timeout_ms: 150
    groups:
      - every_ms: 50
        tags:
          - {{path: one/v, address: "holding:0", dtype: u16, unit_id: 1}}
          - {{path: two/v, address: "holding:0", dtype: u16, unit_id: 2}}
          - {{path: three/v, address: "holding:0", dtype: u16, unit_id: 3}}
""",
            broker=nats.port,
        )
        async with Acker(address(nats.port), EDGE, receiver), running(config) as agent:
            await wait_for(lambda: receiver.values("two/v"))
            await wait_for(lambda: len(good(receiver, "three/v")) > 20)
            asked = [unit for unit, _, _, _ in plc.requests]
            assert asked.count(2) < asked.count(1) // 2, "it is left alone most of the time"
            assert collector(agent, "gateway").state == "up"
            plc.unit(2).mood = "live"
            await wait_for(lambda: good(receiver, "two/v"), 20.0)
        assert plc.connections == 1, "nobody else's connection was given up for it"
    for path, value in (("one/v", 10), ("three/v", 30)):
        assert set(good(receiver, path)) == {value}
        assert set(status(receiver, path)) == {quality.GOOD}
    assert status(receiver, "two/v")[0] == quality.BAD_TIMEOUT
    assert set(good(receiver, "two/v")) == {20}
