"""The deployment files: real servers take these settings, and the access rules fence each edge."""

from __future__ import annotations

import asyncio
import configparser
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
import pytest
import trustme
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from edge_agent.config import EdgeConfig
from ingest_server.config import ROLES, DatabaseConfig, ServerConfig
from ingest_server.embedded import ports
from ingest_server.embedded.broker import find_mosquitto
from ingest_server.embedded.postgres import EmbeddedPostgres
from runtime import strict_yaml
from runtime.broker import Tls
from simulators.config import PlantConfig
from tests.conftest import WaitFor
from wire.topics import beat, plain_beat

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
USERS = ("lineside-server", "north/line-1", "north/line-10", "south/line-1")


@dataclass(frozen=True, kw_only=True)
class Fenced:
    """A Mosquitto with the deployment's rules: one TLS port, everybody's password is their name."""

    port: int
    ca: Path


@pytest.fixture
async def fenced(tmp_path: Path, wait_for: WaitFor) -> AsyncIterator[Fenced]:
    program = find_mosquitto()
    assert program is not None
    home = tmp_path / "mosquitto"
    (home / "data").mkdir(parents=True)
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(home / "ca.crt"))
    certificate.cert_chain_pems[0].write_to_path(str(home / "server.crt"))
    certificate.private_key_pem.write_to_path(str(home / "server.key"))
    passwords = home / "passwd"
    passwords.touch(mode=0o600)
    for user in USERS:
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, user], check=True)
    shutil.copy(DEPLOY / "mosquitto" / "acl", home / "acl")
    port = ports.free_port()
    text = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text("utf-8")
    text = text.replace("listener 1883\n", f"listener {ports.free_port()} 127.0.0.1\n")
    text = text.replace("listener 8883\n", f"listener {port} 127.0.0.1\n")
    text = text.replace("/mosquitto/certs/", f"{home}/").replace("/mosquitto/config/", f"{home}/")
    text = text.replace("/mosquitto/data/", f"{home}/data/")
    (home / "mosquitto.conf").write_text(text + "user root\n")
    with subprocess.Popen(
        [str(program), "-c", str(home / "mosquitto.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as broker:
        try:
            await wait_for(lambda: broker.poll() is not None or not ports.is_free(port))
            assert broker.poll() is None
            yield Fenced(port=port, ca=home / "ca.crt")
        finally:
            broker.terminate()


class Person:
    """A user of the broker: what arrives is collected; what is refused is not told (MQTT 3.1.1)."""

    def __init__(self, fenced: Fenced, user: str, password: str | None = None) -> None:
        self.received: list[str] = []
        self.refused: list[int] = []
        self._ready = threading.Event()
        self._fenced = fenced
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"c-{user}")
        self.client.username_pw_set(user, user if password is None else password)
        self.client.tls_set(ca_certs=str(fenced.ca))
        self.client.on_connect = self._connected
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = lambda _client, _data, message: self.received.append(message.topic)

    def _connected(self, client: mqtt.Client, *rest: Any) -> None:
        self.refused.append(rest[2].value)
        if rest[2].is_failure:
            self._ready.set()
        else:
            client.subscribe("lineside/v1/#", qos=1)

    async def __aenter__(self) -> Person:
        await asyncio.to_thread(self.client.connect, "127.0.0.1", self._fenced.port)
        self.client.loop_start()
        assert await asyncio.to_thread(self._ready.wait, 10)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.client.disconnect)
        await asyncio.to_thread(self.client.loop_stop)

    async def say(self, topic: str) -> None:
        sent = self.client.publish(topic, b"x", qos=1)
        await asyncio.to_thread(sent.wait_for_publish, 10)


@pytest.mark.needs_mosquitto
async def test_an_edge_reaches_its_own_topics_only(fenced: Fenced, wait_for: WaitFor) -> None:
    async with (
        Person(fenced, "lineside-server") as server,
        Person(fenced, "north/line-1") as edge,
        Person(fenced, "south/line-1") as other,
    ):
        await edge.say("lineside/v1/south/line-1/up/data/3")
        await edge.say("lineside/v1/north/line-10/up/data/3")
        await edge.say("lineside/v1/north/line-1/down/cmd")
        await edge.say("lineside/v1/north/line-1/up/data/7")
        await server.say("lineside/v1/south/line-1/down/ack")
        await server.say("lineside/v1/north/line-1/down/ack")
        await wait_for(lambda: server.received and edge.received and other.received)
        assert server.received == ["lineside/v1/north/line-1/up/data/7"]
        assert edge.received == ["lineside/v1/north/line-1/down/ack"]
        assert other.received == ["lineside/v1/south/line-1/down/ack"]
        # What the server says to itself: it alone says and hears it.
        server.received.clear()
        await edge.say(beat("edge"))
        await server.say(plain_beat("server"))
        await server.say(beat("server"))
        await wait_for(lambda: len(server.received) == 2)
        assert server.received == [plain_beat("server"), beat("server")]
        assert (len(edge.received), len(other.received)) == (1, 1)


@pytest.mark.needs_mosquitto
async def test_nobody_enters_with_a_wrong_password(fenced: Fenced) -> None:
    async with Person(fenced, "north/line-1", password="wrong") as stranger:
        assert stranger.refused[0] != 0


async def test_postgresql_takes_the_settings(tmp_path: Path) -> None:
    text = (DEPLOY / "postgres" / "postgresql.conf").read_text("utf-8")
    given = dict(re.findall(r"^(\w+) = '?([^'\n]+)'?$", text, re.MULTILINE))
    # What belongs to the container, and memory that a test machine may not have.
    for name in ("data_directory", "listen_addresses", "shared_preload_libraries"):
        del given[name]
    settings = {**given, "shared_buffers": "64MB"}
    async with (
        EmbeddedPostgres(tmp_path, settings=settings) as server,
        await psycopg.AsyncConnection.connect(server.dsn) as connection,
    ):
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            cursor = await connection.execute(f"SHOW {name}")
            assert await cursor.fetchone() == ("on",)


COMPOSE = (DEPLOY / "compose.yaml").read_text("utf-8")
HEAD = COMPOSE.split("name: lineside")[0]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]


def test_the_compose_file_has_what_a_plant_needs_and_the_rest_as_profiles() -> None:
    profiles = {name: service.get("profiles", []) for name, service in SERVICES.items()}
    assert profiles == {
        **{name: [] for name in ("broker", "database", "server", "ingest")},
        **{name: ["demo"] for name in ("simulators", "edge")},
        "grafana": ["grafana"],
    }


def test_every_file_the_compose_file_mounts_is_there_or_made_by_its_instructions() -> None:
    compose = yaml.safe_load(COMPOSE)
    named: set[str] = set()
    secrets: set[str] = set()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                made_by_hand = Path(source).parent.name in HEAD and Path(source).name in HEAD
                assert (DEPLOY / source).exists() or made_by_hand, source
            else:
                named.add(source)
        secrets.update(service.get("secrets", []))
        if "build" in service:
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert named == set(compose["volumes"])
    assert secrets == set(compose["secrets"])
    assert not [secret for secret in secrets if secret not in HEAD]


def test_every_image_is_pinned_or_built_here() -> None:
    built = {service["image"] for service in SERVICES.values() if "build" in service}
    for name, service in SERVICES.items():
        image = service["image"]
        assert image in built or re.search(r":\d+\.\d+\.\d+", image), name


def test_every_service_says_whether_it_is_well() -> None:
    """The server's and the edge's images have a health check of their own."""
    for name in ("broker", "database"):
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD-SHELL"
    for image in ("server", "edge"):
        text = (DEPLOY.parent / f"Dockerfile.{image}").read_text("utf-8")
        assert "HEALTHCHECK" in text
        assert "USER lineside" in text
    port = yaml.safe_load((DEPLOY / "server.yaml").read_text("utf-8"))["metrics"]["port"]
    asked = SERVICES["ingest"]["environment"]["LINESIDE_HEALTH_URL"]
    assert asked == f"http://127.0.0.1:{port}/metrics"


def test_the_processes_of_the_server_have_each_role_once() -> None:
    def roles(name: str) -> list[str]:
        command = SERVICES[name]["command"]
        assert command[:2] == ["run", "/etc/lineside/server.yaml"]
        return [role for flag, role in pairwise(command) if flag == "--role"]

    assert sorted(roles("server") + roles("ingest")) == sorted(ROLES)


def test_the_edge_of_the_demo_takes_its_configuration(tmp_path: Path) -> None:
    text = (DEPLOY / "edge.yaml").read_text("utf-8")
    (tmp_path / "edge_password").write_text("secret\n")
    config = strict_yaml.loads(
        text.replace("/run/secrets/", f"{tmp_path}/"), "edge.yaml", EdgeConfig
    )
    assert config.broker.username == f"{config.plant}/{config.edge}"
    assert f"mosquitto_passwd -b /m/passwd {config.broker.username} " in HEAD
    assert (config.broker.host, config.broker.port) == ("broker", 8883)
    assert "DNS:broker" in HEAD
    image = (DEPLOY.parent / "Dockerfile.edge").read_text("utf-8")
    assert f"LINESIDE_HEALTH_URL=http://127.0.0.1:{config.page.port}/healthz" in image
    plant = strict_yaml.load(DEPLOY.parent / "configs" / "demo" / "plant.yaml", PlantConfig)
    ports_there = {line.port for line in plant.lines}
    assert {device.port for device in config.devices} <= ports_there  # type: ignore[union-attr]


@pytest.mark.needs_mosquitto
async def test_the_instructions_for_the_certificate_make_one_that_edges_accept(
    tmp_path: Path,
) -> None:
    lines = HEAD.split("cd mosquitto/certs\n")[1].split("chmod 644")[0]
    script = "\n".join(line.removeprefix("#") for line in lines.splitlines())
    subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path, check=True, capture_output=True)
    context = Tls(ca_file=tmp_path / "ca.crt").context()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    listening = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0, ssl=server)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname="broker"
        )
        writer.close()


def test_the_server_takes_its_configuration_and_finds_its_secrets(tmp_path: Path) -> None:
    text = (DEPLOY / "server.yaml").read_text("utf-8")
    secrets = {"database_dsn": "postgresql://lineside:a@database/lineside", "broker_password": "b"}
    for name, value in secrets.items():
        assert f"/run/secrets/{name}" in text
        (tmp_path / name).write_text(f"{value}\n")
    config = strict_yaml.loads(
        text.replace("/run/secrets/", f"{tmp_path}/"), "server.yaml", ServerConfig
    )
    assert isinstance(config.database, DatabaseConfig)
    assert config.database.dsn.reveal() == secrets["database_dsn"]
    assert SERVICES["server"]["ports"] == [f"127.0.0.1:8080:{config.api.port}"]
    image = (DEPLOY.parent / "Dockerfile.server").read_text("utf-8")
    assert f"LINESIDE_HEALTH_URL=http://127.0.0.1:{config.api.port}/healthz" in image


@pytest.mark.parametrize("program", ["edge", "server"])
def test_the_units_start_the_entry_points_there_are(program: str) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "systemd" / f"lineside-{program}.service")
    pyproject = (DEPLOY.parent / "pyproject.toml").read_text("utf-8")
    assert unit["Service"]["ExecStart"] == (
        f"/opt/lineside/bin/lineside-{program} run /etc/lineside/{program}.yaml"
    )
    assert f"\nlineside-{program} = " in pyproject
    assert unit["Service"]["RestartPreventExitStatus"] == "2"
    image = (DEPLOY.parent / f"Dockerfile.{program}").read_text("utf-8")
    assert f'ENTRYPOINT ["/opt/lineside/bin/lineside-{program}"]' in image
    assert f'CMD ["run", "/etc/lineside/{program}.yaml"]' in image
