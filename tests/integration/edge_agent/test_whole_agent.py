"""The whole agent: a real Modbus server, a real broker, and the shortest server there can be."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from uuid import uuid4

from edge_agent.config import EdgeConfig
from ingest_server.embedded.broker import EmbeddedBroker
from runtime.clock import now_us
from tests.conftest import WaitFor
from tests.integration.drivers.modbus_plc import Plc
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, Running, address
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality
from wire.control import Command, ConfigPush
from wire.frame import StreamClass

Configure = Callable[..., EdgeConfig]


def _devices(port: int) -> str:
    return f"""
  - id: press
    driver: modbus-tcp
    host: 127.0.0.1
    port: {port}
    timeout_ms: 300
    groups:
      - every_ms: 50
        class: key
        tags:
          - {{path: press/good, address: "holding:0", dtype: u16}}
      - every_ms: 50
        tags:
          - {{path: press/temp, address: "holding:1", dtype: u16, scale: {{factor: 0.1}}}}
"""


async def test_readings_arrive_once_and_in_order_through_outages_of_everything(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    receiver = Receiver()
    count = 0

    async def produce(plc: Plc, parts: int) -> None:
        nonlocal count
        for _ in range(parts):
            count += 1
            plc.unit().put("holding", 0, [count, count * 10])
            await asyncio.sleep(0.06)

    async with Plc() as plc:
        plc.unit().put("holding", 0, [0, 0])
        config = configure(_devices(plc.port), broker=nats.port)
        async with running(config) as agent:
            async with Acker(address(nats.port), EDGE, receiver) as acker:
                await wait_for(lambda: receiver.values("press/good"), what="a first reading")
                await produce(plc, 10)
                await wait_for(lambda: acker.live, what="live values")
            # Nobody answers; then the broker is gone, too; then it is back without a memory.
            await produce(plc, 5)
            nats.kill()
            await produce(plc, 5)
            await nats.start()
            async with Acker(address(nats.port), EDGE, receiver) as acker:
                await produce(plc, 5)
                await plc.kill()
                await wait_for(
                    lambda: any(event.kind == "device_down" for event in receiver.events),
                    what="the outage of the device",
                )
                await plc.start()
                await produce(plc, 5)
                await wait_for(
                    lambda: count in [v for _, v, _ in receiver.values("press/good")], 30.0
                )
                assert agent.facts is not None
                await wait_for(lambda: agent.facts is not None and agent.facts.session.connected)
        # The agent is stopped; another epoch goes on.
        async with running(config), Acker(address(nats.port), EDGE, receiver) as acker:
            await produce(plc, 5)
            await wait_for(lambda: count in [v for _, v, _ in receiver.values("press/good")], 30.0)
            await wait_for(
                lambda: any(round(float(v)) == count for _, v, _ in receiver.values("press/temp"))
            )
            await wait_for(lambda: acker.statuses and acker.statuses[-1].state == "online")

    good = [value for _, value, q in receiver.values("press/good") if q == quality.GOOD]
    counted = [value for value in good if isinstance(value, int)]
    assert counted == sorted(counted)
    assert counted[-1] == count
    bad = [q for _, _, q in receiver.values("press/good") if q != quality.GOOD]
    assert bad == [quality.BAD_NOT_CONNECTED | quality.NO_VALUE]
    temperatures = [value for _, value, q in receiver.values("press/temp") if q == quality.GOOD]
    assert temperatures[-1] == count
    kinds = [event.kind for event in receiver.events]
    assert kinds.count("agent_start") == 2
    assert kinds.count("agent_stop") == 1
    assert kinds.index("device_down") < kinds.index("device_up")
    second = [opening for opening in receiver.openings.values() if opening.predecessor is not None]
    assert len(second) == 2
    assert all(one.predecessor is not None and one.predecessor.clean for one in second)
    for cls in StreamClass:
        reached = receiver.complete_to[cls]
        assert now_us() - reached[-1] < 60_000_000
    assert not receiver.tombstones


async def test_commands_are_answered_once_and_config_pushes_refused(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    ping = Command(id=uuid4(), kind="ping", at_us=now_us())
    late = Command(id=uuid4(), kind="ping", at_us=1, expires_us=2)
    write = Command(id=uuid4(), kind="write", at_us=now_us())
    push = ConfigPush(version=3, at_us=now_us(), sha256="ab" * 32, text="plant: x")
    async with Plc() as plc, running(configure(_devices(plc.port), broker=nats.port)) as agent:
        async with Acker(address(nats.port), EDGE, Receiver()) as acker:
            await wait_for(lambda: acker.statuses)
            for command in (ping, late, write, ping):
                acker.command("cmd", command.encode())
            acker.command("cmd", b"nonsense")
            await wait_for(lambda: len(acker.answers) == 4)
            acker.command("config", push.encode())
            await wait_for(lambda: len(acker.answers) == 5)
        assert agent.facts is not None
    first, expired, refused, again, config = acker.answers
    assert (first.id, first.state) == (ping.id, "done")
    assert again == first
    assert (expired.id, expired.state) == (late.id, "expired")
    assert (refused.state, refused.code) == ("refused", "LS-4401")
    assert (config.state, config.code) == ("refused", "LS-4402")


async def test_the_page_tells_the_state_to_this_computer_only(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    async with Plc() as plc:
        plc.unit().put("holding", 0, [7, 215])
        config = configure(_devices(plc.port), broker=nats.port)
        port_file = config.data_dir / "page.port"
        async with running(config) as agent:
            await wait_for(port_file.exists)
            port = int(port_file.read_text())

            async def status() -> dict[str, object]:
                said: dict[str, object] = json.loads((await _get(port, "/status.json"))[1])
                return said

            await wait_for(lambda: agent.facts and agent.facts.session.connected)
            await wait_for(lambda: agent.facts and agent.facts.collectors[0].state == "up")
            said = await status()
            assert said["edge"] == EDGE.edge
            assert (await _get(port, "/healthz"))[0] == 200
            code, page = await _get(port, "/", language="zh-CN")
            assert code == 200
            assert "press/good" in page
            assert "未送达记录" in page
            values = json.loads((await _get(port, "/values.json"))[1])
            await wait_for(lambda: agent.facts and agent.facts.values()[1]["value"] is not None)
            assert {one["path"] for one in values} == {"press/good", "press/temp"}
            assert "edge_samples_committed_total" in (await _get(port, "/metrics"))[1]
            assert (await _get(port, "/", host="evil.example"))[0] == 400
            assert (await _get(port, "/", method="POST"))[0] == 405
            assert "起无响应" not in page
            nats.kill()
            await wait_for(lambda: agent.facts and not agent.facts.session.connected)
            assert "起无响应" in (await _get(port, "/", language="zh-CN"))[1]
            away = (await status())["server"]
            assert isinstance(away, dict)
            assert away["away_since"] is not None
        assert not port_file.exists()


async def test_an_agent_is_ready_while_everything_works_from_the_plc_to_the_server(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    plc = Plc()
    async with plc, running(configure(_devices(plc.port), broker=nats.port)) as agent:
        plc.unit().put("holding", 0, [7, 215])
        port_file = agent.config.data_dir / "page.port"
        await wait_for(port_file.exists)
        port = int(port_file.read_text())

        async def ready() -> dict[str, bool]:
            code, body = await _get(port, "/readyz")
            said: dict[str, bool] = json.loads(body)
            assert (code == 200) == said["ok"]
            return said

        async def is_ready(**expected: bool) -> None:
            async with asyncio.timeout(20):
                while not expected.items() <= (await ready()).items():
                    await asyncio.sleep(0.05)

        await is_ready(ok=False, devices=True, broker=True, server=False)
        async with Acker(address(nats.port), EDGE, Receiver()):
            await is_ready(ok=True)
        await plc.kill()
        await is_ready(ok=False, devices=False)
        assert (await _get(port, "/healthz"))[0] == 200


async def _get(
    port: int, path: str, *, method: str = "GET", host: str = "127.0.0.1", language: str = "en"
) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Language: {language}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    raw = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = raw.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


async def test_what_waits_for_a_blocked_disk_when_the_agent_is_stopped_is_counted(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor
) -> None:
    async with Plc() as plc:
        plc.unit().put("holding", 0, [0, 0])
        async with running(configure(_devices(plc.port), broker=nats.port)) as agent:
            assert agent.facts is not None
            writer, database = agent.facts.writer, agent.facts.store._db
            assert database is not None
            # The file may not grow: SQLite answers as on a full disk.
            await database.execute("pragma max_page_count = 1")
            await wait_for(lambda: writer.blocked_since_us and writer.waiting >= 5, 30.0)
        told = agent.metrics.render().decode()
    samples = re.search(r'edge_samples_dropped_total\{cause="stopped"\} (\d+)', told)
    events = re.search(r"edge_events_dropped_total (\d+)", told)
    assert samples is not None
    assert int(samples[1]) >= 5
    assert events is not None
    assert int(events[1]) >= 1, "the stop itself, at least"
