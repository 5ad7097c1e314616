"""Exporting records and gathering a support bundle: real buffers, real agents."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from edge_agent.app import BUFFER
from edge_agent.buffer.rows import Place
from edge_agent.buffer.store import Store
from edge_agent.cli import app
from edge_agent.config import EdgeConfig, load
from edge_agent.configure import kept
from edge_agent.configure.kept import Pushed
from edge_agent.configure.text import sha256_of
from edge_agent.tools.export_records import export
from edge_agent.tools.support_bundle import gather, scrubbed
from ingest_server.embedded.broker import EmbeddedBroker
from runtime.errors import Reconfigure
from tests.conftest import WaitFor
from tests.integration.drivers.modbus_plc import Plc
from tests.integration.edge_agent.conftest import Running
from wire.carried import Reader
from wire.frame import StreamClass, read_prefix

Configure = Callable[..., EdgeConfig]
DEVICES = """
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
"""


async def _filled(
    configure: Configure, running: Running, wait_for: WaitFor, *, broker: int = 9
) -> EdgeConfig:
    """A buffer some seconds of work left behind, with no server there."""
    async with Plc() as plc:
        plc.unit().put("holding", 0, [7])
        config = configure(DEVICES.format(port=plc.port), broker=broker)
        async with running(config) as agent:
            plc.unit().put("holding", 0, [8])
            facts = agent.facts
            assert facts is not None
            key = facts.store.streams[Place(ord=facts.store.ord, cls=StreamClass.KEY)]
            await wait_for(lambda: key.last_seq >= 4)
            with pytest.raises(Reconfigure) as caught:
                export(config, config.data_dir / "x.lsd", at_us=1)
            assert caught.value.code == "LS-4730"
    return config


async def test_the_records_nobody_acknowledged_are_carried_in_the_order_they_are_sent(
    configure: Configure, running: Running, wait_for: WaitFor, tmp_path: Path
) -> None:
    config = await _filled(configure, running, wait_for)
    async with Store(config.data_dir / BUFFER, config.id, agent="t", clock=lambda: 9) as store:
        old = Place(ord=1, cls=StreamClass.KEY)
        store.acknowledged(old, 2)
        await store.append([])
        expected = []
        for place in sorted(store.streams, key=lambda one: (one.ord, one.cls != StreamClass.KEY)):
            state = store.streams[place]
            expected += [one.body for one in await store.read(place, state.acked + 1, most=1000)]
    before = (config.data_dir / BUFFER).read_bytes()
    out = tmp_path / "line.lsd"
    header = export(config, out, at_us=5)
    with out.open("rb") as file:
        reader = Reader(file, "line.lsd")
        found = [one.record for one in reader.records()]
    assert found == expected
    assert reader.header == header
    assert header["records"] == len(expected)
    assert read_prefix(found[0]).seq == 3
    assert (config.data_dir / BUFFER).read_bytes() == before
    assert [path.name for path in tmp_path.glob("*.part")] == []
    with pytest.raises(Reconfigure) as caught:
        export(config, out, at_us=5)
    assert caught.value.code == "LS-4734"


async def test_without_a_buffer_or_anything_to_carry_it_says_so(
    configure: Configure, tmp_path: Path
) -> None:
    config = configure(DEVICES.format(port=1), broker=9)
    with pytest.raises(Reconfigure) as caught:
        export(config, tmp_path / "a.lsd", at_us=1)
    assert caught.value.code == "LS-4731"
    async with Store(config.data_dir / BUFFER, config.id, agent="t", clock=lambda: 9) as store:
        for place in list(store.streams):
            store.acknowledged(place, store.streams[place].last_seq)
        await store.append([])
    with pytest.raises(Reconfigure) as caught:
        export(config, tmp_path / "a.lsd", at_us=1)
    assert caught.value.code == "LS-4736"
    (config.data_dir / BUFFER).write_bytes(b"no database" * 1000)
    with pytest.raises(Reconfigure) as caught:
        export(config, tmp_path / "a.lsd", at_us=1)
    assert caught.value.code == "LS-4732"


async def test_a_bundle_of_a_running_agent_has_its_status(
    nats: EmbeddedBroker, configure: Configure, running: Running, wait_for: WaitFor, tmp_path: Path
) -> None:
    import asyncio

    async with Plc() as plc:
        plc.unit().put("holding", 0, [7])
        config = configure(DEVICES.format(port=plc.port), broker=nats.port)
        async with running(config):
            port = config.data_dir / "page.port"
            await wait_for(port.exists)
            found = await asyncio.to_thread(gather, tmp_path / "edge.yaml", [], at_us=1)
    status, buffer = json.loads(found["status.json"]), json.loads(found["buffer.json"])
    assert (status["plant"], status["edge"]) == (config.plant, config.edge)
    assert "LS-4730" in buffer["error"]
    assert json.loads(found["versions.json"])["libraries"]["numpy"]


async def test_a_bundle_holds_no_secret_wherever_it_stands(
    configure: Configure, running: Running, wait_for: WaitFor, tmp_path: Path
) -> None:
    config = await _filled(configure, running, wait_for)
    file, log, out = tmp_path / "edge.yaml", tmp_path / "agent.log", tmp_path / "b.zip"
    text = file.read_text("utf-8").replace(
        "{host: 127.0.0.1, port: 9}",
        """{host: 127.0.0.1, port: 9, username: line, password: 'Geheim"7'}  # was Geheim"6""",
    )
    file.write_text(text, "utf-8")
    assert load(file).broker.username == "line"
    pushed = text.replace("Geheim", "Gepusht")
    current = Pushed(version=3, sha256=sha256_of(pushed), text=pushed, own_sha256=sha256_of(text))
    kept.save(config.data_dir, kept.Kept(current=current, highest=3))
    log.write_text(
        'tried Geheim"7 and "Geheim\\"7", password=Fremdes, "api_token": "abc"\n', "utf-8"
    )
    done = CliRunner().invoke(
        app, ["support-bundle", str(file), "--out", str(out), "--log", str(log)]
    )
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(out) as bundle:
        found = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert set(found) == {
        "versions.json", "edge.yaml", "pushed-1.yaml", "pushed.json", "status.json",
        "buffer.json", "logs/1-agent.log",
    }  # fmt: skip
    for name, content in found.items():
        for secret in ("Geheim", "Gepusht", "Fremdes", "abc"):
            assert secret not in content, name
    assert yaml.safe_load(found["edge.yaml"])["broker"]["password"] == "***"
    assert yaml.safe_load(found["pushed-1.yaml"])["broker"]["password"] == "***"
    assert json.loads(found["pushed.json"])["current"]["version"] == 3
    streams = json.loads(found["buffer.json"])["streams"]
    assert [one["class"] for one in streams] == ["key", "bulk"]
    assert streams[0]["unacked_records"] == streams[0]["records"] >= 4
    assert config.data_dir.exists()


def test_a_bundle_of_a_broken_configuration_tells_places_not_values(tmp_path: Path) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text("plant: p\nbroker: {host: h, passwort: Geheim}\n")
    found = gather(file, [tmp_path / "no.log"], at_us=1)
    assert "edge.yaml:2:19 broker.passwort LS-1012" in found["configuration-problems.txt"]
    assert "Geheim" not in "".join(found.values())
    assert "no.log" in found["logs/1-no.log"]


def test_longer_secrets_go_first() -> None:
    assert scrubbed("abcd ab", ["abcd", "ab"]) == "*** ***"
