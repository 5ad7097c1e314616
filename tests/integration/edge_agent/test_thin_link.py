"""A thin link, through a real broker: the cap holds, key goes first, live stays fresh."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from edge_agent.config import EdgeConfig, load
from ingest_server.embedded.broker import EmbeddedBroker
from runtime.mqtt import Connection
from tests.conftest import WaitFor
from tests.integration.drivers.modbus_plc import Plc
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.frame import StreamClass, read_prefix
from wire.topics import up

Configure = Callable[..., EdgeConfig]
KBIT_S = 48  # 6,000 bytes a second


def _devices(port: int) -> str:
    tags = ", ".join(
        f'{{path: press/t{n}, address: "holding:{n}", dtype: u16}}' for n in range(1, 101)
    )
    return f"""
  - id: press
    driver: modbus-tcp
    host: 127.0.0.1
    port: {port}
    groups:
      - every_ms: 50
        tags: [{tags}]
      - every_ms: 50
        class: key
        tags:
          - {{path: press/good, address: "holding:0", dtype: u16}}
"""


def _capped(config: EdgeConfig, folder: Path) -> EdgeConfig:
    file = folder / "edge.yaml"
    cap = f'{{from: "00:00", to: "24:00", kbit_s: {KBIT_S}}}'
    text = file.read_text("utf-8")
    file.write_text(text.replace("publish: {", f"publish: {{rate_caps: [{cap}], "), "utf-8")
    return load(file)


async def test_a_backlog_goes_out_no_faster_than_the_cap_while_live_values_stay_fresh(
    nats: EmbeddedBroker,
    configure: Configure,
    running: Running,
    wait_for: WaitFor,
    tmp_path: Path,
) -> None:
    receiver = Receiver()
    async with Plc() as plc:
        lot = 1
        for turn in range(101):
            lot = lot * 1103515245 + 12345 & 0x7FFFFFFF
            plc.unit().put("holding", turn, [lot >> 15 & 0xFFFF])
        config = configure(_devices(plc.port), broker=nats.port)
        async with running(config) as agent:  # nobody answers: a backlog grows
            facts = agent.facts
            assert facts is not None

            def backlog() -> int:
                return sum(one.last_seq for one in facts.store.streams.values())

            for turn in range(10_000):
                lot = lot * 1103515245 + 12345 & 0x7FFFFFFF
                plc.unit().put("holding", 0, [turn])
                plc.unit().put("holding", 1 + turn % 100, [lot >> 15 & 0xFFFF])
                await asyncio.sleep(0.02)
                if backlog() > 120:
                    break
        config = _capped(config, tmp_path)
        seen: list[tuple[float, StreamClass, int]] = []

        async def watch() -> None:
            async with Connection(address(nats.port), client_id="watch") as connection:
                await connection.subscribe(up(EDGE, "data"))
                ready.set()
                async for message in connection.messages():
                    prefix = read_prefix(message.payload)
                    size = len(message.topic) + len(message.payload) + 10
                    seen.append((time.monotonic(), prefix.cls, size))
                    message.ack()

        ready = asyncio.Event()
        watching = asyncio.create_task(watch())
        await ready.wait()
        async with Acker(address(nats.port), EDGE, receiver) as acker, running(config) as agent:
            facts = agent.facts
            assert facts is not None
            before_s = time.monotonic()
            await wait_for(lambda: time.monotonic() - before_s > 4 and len(seen) > 20, 30.0)
            status = await facts.status("en")
            live = list(acker.live)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    start_s = seen[0][0]
    largest = max(size for _, _, size in seen)
    for at in range(1, len(seen)):
        total = sum(size for _, _, size in seen[: at + 1])
        # A second's worth at once, one overdraft; and what the broker may have held back a moment.
        allowed = KBIT_S * 125 * (seen[at][0] - start_s + 1.5) + largest
        assert total <= allowed, (at, total, allowed)
    # The backlog of key went before that of bulk.
    first_bulk = next(at for at, (_, cls, _) in enumerate(seen) if cls is StreamClass.BULK)
    keys = sum(cls is StreamClass.KEY for _, cls, _ in seen[:first_bulk])
    assert keys >= 12, keys
    assert len(live) >= 2
    assert status["broker"]["rate_cap_kbit_s"] == KBIT_S
