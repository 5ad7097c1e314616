"""The whole program with all parts embedded: started, used, stopped, started again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ingest_server.embedded.broker import EmbeddedBroker
from runtime.mqtt import BrokerAddress
from tests.conftest import WaitFor
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import fill, started
from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge
from tests.integration.ingest_server.usecases.conftest import PLAN
from wire.ids import EdgeId

EDGE = EdgeId(plant="demo", edge="line-a")


async def program(
    *arguments: str, environ: dict[str, str] | None = None
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from ingest_server.cli import main; main()", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LINESIDE_LANG": "en", **(environ or {})},
    )


async def output(*arguments: str) -> str:
    process = await program(*arguments)
    out, error = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, error.decode()
    return out.decode()


@asynccontextmanager
async def running(config: Path, *more: str, **environ: str) -> AsyncIterator[list[str]]:
    """The server; its log lines so far. It must end in order at SIGTERM."""
    process = await program("run", str(config), *more, environ=environ)
    assert process.stderr is not None
    lines: list[str] = []

    async def read() -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            lines.append(line.decode())

    reading = asyncio.create_task(read())
    try:
        yield lines
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0, "".join(lines)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading
    assert not [line for line in lines if "Traceback" in line], "".join(lines)


def asked(data: Path, path: str) -> dict[str, object]:
    port = (data / "api.port").read_text().strip()
    token = (data / "api.token").read_text().strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, object] = json.load(answer)
        return found


async def test_everything_embedded_serves_stops_and_goes_on(
    tmp_path: Path, wait_for: WaitFor
) -> None:
    config, plant = tmp_path / "server.yaml", tmp_path / "plant.yaml"
    config.write_text("data_dir: my data\n")
    plant.write_text(PLAN, "utf-8")
    data = tmp_path / "my data"
    epoch = started(EDGE)
    epoch.sample([(4, "A-100"), (1, 0), (1, 7)])
    async with running(config) as lines:
        await wait_for(lambda: any("receiving" in line for line in lines), 60)
        assert "version 1" in await output("apply", str(plant), "--author", "mei")
        assert "Nothing to change" in await output("apply", str(plant))
        address = BrokerAddress(host="127.0.0.1", port=int((data / "broker" / "port").read_text()))
        await asyncio.wait_for(MqttEdge(epoch, address).run(), 30)

        async def made() -> bool:
            order = await asyncio.to_thread(asked, data, "/api/v1/orders/A-100")
            return order["good"] == 7

        await wait_for(made, 30)
        health = await asyncio.to_thread(asked, data, "/api/v1/health")
        assert health["state"] == "ok"
    [edge] = json.loads(await output("edges", "list", str(config), "--json"))  # the server is down
    assert (edge["edge"], edge["readings"]) == ("demo/line-a", 3)
    async with running(config) as lines:
        await wait_for(lambda: any("receiving" in line for line in lines), 60)
        epoch.sample([(1, 9)])
        after = MqttEdge(epoch, address, acked=3)
        await asyncio.wait_for(after.run(), 30)
        assert json.loads(await output("gaps", "list", str(config), "--json")) == []
        assert json.loads(await output("dead-letter", "list", str(config), "--json")) == []


async def test_parts_that_are_away_are_named_and_waited_for(
    tmp_path: Path, dsn: str, free_port: int, wait_for: WaitFor
) -> None:
    config = tmp_path / "server.yaml"
    config.write_text(
        f"data_dir: data\ndatabase: {{dsn: '{dsn}'}}\n"
        f"broker: {{host: 127.0.0.1, port: {free_port}}}\n"
    )
    async with running(config) as lines:
        await wait_for(
            lambda: any("LS-1101" in line and f":{free_port}" in line for line in lines), 30
        )

        async def away() -> bool:
            health = await asyncio.to_thread(asked, tmp_path / "data", "/api/v1/health")
            return health["broker"]["state"] == "away"  # type: ignore[index, call-overload]

        await wait_for(away, 30)
        async with EmbeddedBroker(tmp_path / "broker", kind="nats", port=free_port):
            await wait_for(lambda: any("receiving" in line for line in lines), 60)
            epoch = started(EDGE)
            address = BrokerAddress(host="127.0.0.1", port=free_port)
            await asyncio.wait_for(MqttEdge(epoch, address).run(), 30)


async def test_a_process_without_the_api_shows_its_metrics_on_a_port_of_its_own(
    tmp_path: Path, dsn: str, free_port: int, wait_for: WaitFor
) -> None:
    config = tmp_path / "server.yaml"
    config.write_text(
        f"data_dir: data\ndatabase: {{dsn: '{dsn}'}}\nbroker: {{host: 127.0.0.1, port: 1}}\n"
        f"metrics: {{port: {free_port}}}\n"
    )

    def scraped() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=10) as answer:
            return str(answer.read(), "utf-8")

    async with running(config, "--role", "ingest") as lines:
        await wait_for(lambda: any("LS-1101" in line for line in lines), 60)
        text = await asyncio.to_thread(scraped)
        assert "server_broker_connected 0.0" in text
        assert 'server_lease_changes_total{change="gained"} 64.0' in text
        assert not (tmp_path / "data" / "api.port").exists()
        second = await program("run", str(config), "--role", "ingest")
        _, told = await asyncio.wait_for(second.communicate(), 60)
        assert second.returncode == 2
        assert "LS-5431" in told.decode()


async def test_a_database_that_is_away_at_the_start_is_waited_for(
    tmp_path: Path, free_port: int, wait_for: WaitFor
) -> None:
    config = tmp_path / "server.yaml"
    config.write_text(
        f"data_dir: data\ndatabase: {{dsn: 'postgresql://u:p@127.0.0.1:{free_port}/x'}}\n"
    )
    async with running(config) as lines:
        await wait_for(
            lambda: any("LS-5501" in line and str(free_port) in line for line in lines), 60
        )


async def test_sabotage_is_found(
    tmp_path: Path, dsn: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    config = tmp_path / "server.yaml"
    config.write_text(
        f"data_dir: data\ndatabase: {{dsn: '{dsn}'}}\n"
        f"broker: {{host: {nats.host}, port: {nats.port}}}\n"
    )
    epoch = started(EDGE)
    fill(epoch, records=20, rows=3)
    async with running(config, "--role", "ingest", LINESIDE_SABOTAGE="early_ack") as lines:
        await asyncio.wait_for(
            MqttEdge(epoch, BrokerAddress(host=nats.host, port=nats.port)).run(), 60
        )
        assert any("LS-5434" in line for line in lines)
    assert len(stored(dsn)) < len(wanted(epoch))
    assert rows(dsn, "SELECT count(*) FROM gap") == [(0,)]


async def test_what_only_a_person_can_change_is_refused_at_the_start(
    tmp_path: Path, dsn: str
) -> None:
    config = tmp_path / "server.yaml"

    async def refused(database: str, more: str = "") -> str:
        config.write_text(
            f"data_dir: data\ndatabase: {{dsn: '{database}'}}\n"
            f"broker: {{host: 127.0.0.1, port: 9}}\n{more}"
        )
        process = await program("run", str(config))
        _, error = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 2, error.decode()
        assert b"Traceback" not in error
        return error.decode()

    user, _, place = dsn.removeprefix("postgresql://").partition("@")
    name = user.split(":")[0]
    said = await refused(f"postgresql://{name}:wrong@{place}")
    assert "LS-5503" in said
    assert "28P01" in said
    said = await refused(dsn.rsplit("/", 1)[0] + "/nowhere")
    assert "LS-5503" in said
    assert "3D000" in said
    assert "LS-5506" in await refused("postgresql://host:port:port/x y=")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = await refused(dsn, f"api: {{port: {port}}}\n")
    assert "LS-5431" in said
    assert str(port) in said
