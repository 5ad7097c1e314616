"""An MQTT broker as a child process: NATS from the wheel, or Mosquitto where it is on PATH.

Invariants:
- it listens on loopback only and lets everybody there in: it is for one machine;
- the port stays the same over restarts (edges have it in their configuration);
- what it keeps (sessions, retained messages, queues) is in the data folder and survives a restart
  as far as the broker keeps its word, on which the wire contract does not depend.

    data_dir/nats.conf or mosquitto.conf   written anew at every start
    data_dir/store/                        what the broker keeps
    data_dir/port                          the port
    data_dir/broker.log                    bounded; the part before is broker.log.1
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from ingest_server.embedded import orphan, ports
from ingest_server.embedded.child import BoundedLog, Child, folder_error, prepare_folder
from runtime.errors import Reconfigure

BrokerKind = Literal["nats", "mosquitto"]

_PORT_TRIES = 5
_FORGET_AFTER_S = 60
"""After that NATS drops the subscriptions of a session whose client is gone."""
_PARTS: dict[BrokerKind, str] = {"nats": "NATS", "mosquitto": "Mosquitto"}
_PROGRAMS: dict[BrokerKind, str] = {"nats": "nats-server", "mosquitto": "mosquitto"}
# CONNECT of MQTT 3.1.1 (section 3.1): clean session, keep-alive 10 s, client id of 14 bytes.
_CLIENT_ID = b"lineside-ready"
_CONNECT = (
    b"\x10" + bytes([12 + len(_CLIENT_ID)]) + b"\x00\x04MQTT\x04\x02\x00\x0a"
    b"\x00" + bytes([len(_CLIENT_ID)]) + _CLIENT_ID
)
_CONNACK_ACCEPTED = b"\x20\x02\x00\x00"
_DISCONNECT = b"\xe0\x00"

# max_ack_pending holds for each filter and for the session as a whole; over all filters it sums up
# to at most 65,535. sync_interval: NATS would write to disk every two minutes only; each second
# costs 8 % of the rate, always 60 %. consumer_inactive_threshold: a NATS that is killed forgets to
# end its clean sessions, and would keep every message for them for ever, up to max_file_store.
_NATS = """\
server_name: lineside
listen: "{host}:-1"
max_payload: 1MB
jetstream {{
  store_dir: "store"
  max_memory_store: 64MB
  max_file_store: 4GB
  sync_interval: "1s"
}}
mqtt {{
  listen: "{host}:{port}"
  max_ack_pending: 1000
  consumer_inactive_threshold: "{forget_after_s}s"
}}
"""
# Mosquitto's limits by default are 20 in flight and 1,000 queued a client; beyond it drops.
_MOSQUITTO = """\
listener {port} {host}
allow_anonymous true
persistence true
persistence_location store/
autosave_interval 30
max_inflight_messages 256
max_queued_messages 100000
max_packet_size 1048576
set_tcp_nodelay true
log_dest stderr
{user}"""


class EmbeddedBroker:
    """`async with EmbeddedBroker(folder) as broker: connect(broker.host, broker.port)`.

    kind: "auto" is Mosquitto where it is on PATH, otherwise NATS. port: a fixed one; None is the
    one used before in this folder, at first any free one.
    """

    host = ports.LOOPBACK

    def __init__(
        self,
        data_dir: Path,
        *,
        kind: BrokerKind | Literal["auto"] = "auto",
        port: int | None = None,
        start_limit_s: float = 60.0,
        search_path: str | None = None,
        forget_after_s: int = _FORGET_AFTER_S,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.kind: BrokerKind = (
            kind
            if kind != "auto"
            else ("mosquitto" if find_mosquitto(search_path) is not None else "nats")
        )
        self.port = port or 0
        self._fixed_port = port
        self._start_limit_s = start_limit_s
        self._search_path = search_path
        self._forget_after_s = forget_after_s
        self._lock: int | None = None
        self._child = Child(
            part=_PARTS[self.kind],
            folder=self.data_dir,
            log=BoundedLog(self.data_dir / "broker.log"),
            stop_signals=((signal.SIGTERM, 10.0),),
            parent_death_signal=signal.SIGTERM,
        )

    @property
    def pid(self) -> int:
        """Process id of the broker; 0 while it does not run."""
        return self._child.pid

    @property
    def log_file(self) -> Path:
        """Where the broker writes."""
        return self._child.log.path

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start, and return when the broker accepts MQTT sessions.

        Raises Reconfigure or RetryLater (LS-52xx). Nothing runs if it raises.
        """
        if self._child.running:
            return
        prepare_folder(self.data_dir, self._child.part)
        try:
            try:
                if self._lock is None:
                    self._lock = orphan.lock_folder(self.data_dir)
                for name in _PROGRAMS.values():
                    await self._child.end_left_overs(name, signal.SIGTERM)
                await self._run()
            except OSError as error:
                raise folder_error(self.data_dir, self._child.part, error) from error
        except BaseException:
            self._release()
            raise

    async def stop(self) -> None:
        """Stop in order and give the folder back."""
        await self._child.stop()
        self._release()

    def kill(self) -> None:
        """SIGKILL to the broker, for tests; `start` goes on at the same port."""
        self._child.kill()

    def _release(self) -> None:
        if self._lock is not None:
            orphan.unlock_folder(self._lock)
            self._lock = None

    async def _run(self) -> None:
        program = self._find_program()
        port_file = self.data_dir / "port"
        kept = self.port or ports.remembered(port_file)
        for _ in range(_PORT_TRIES):
            port = kept or ports.free_port()
            if kept and not ports.is_free(kept):
                break
            output = await self._child.run(
                [str(program), "-c", str(self._configure(port))],
                user=orphan.User(),
                ready=lambda _, port=port: accepts_mqtt(self.host, port),  # type: ignore[misc]
                limit_s=self._start_limit_s,
            )
            if output is None:
                self.port = port
                ports.remember(port_file, port)
                return
            if "address already in use" not in output.lower():
                raise self._child.ended_while_starting(output)
            if kept:
                break
        raise Reconfigure("LS-5205", host=self.host, port=port, part=self._child.part)

    def _find_program(self) -> Path:
        found = find_nats() if self.kind == "nats" else find_mosquitto(self._search_path)
        if found is None:
            raise Reconfigure("LS-5201", part=self._child.part, program=_PROGRAMS[self.kind])
        return found

    def _configure(self, port: int) -> Path:
        """Write the configuration file; paths in it are relative to the working directory."""
        (self.data_dir / "store").mkdir(mode=0o700, exist_ok=True)
        file = self.data_dir / f"{self.kind}.conf"
        if self.kind == "nats":
            text = _NATS.format(host=self.host, port=port, forget_after_s=self._forget_after_s)
        else:
            # Started by root it would change to a user who may not write here.
            user = "user root\n" if orphan.is_root() else ""
            text = _MOSQUITTO.format(host=self.host, port=port, user=user)
        file.write_text(text, "ascii")
        return file


def find_nats() -> Path | None:
    """The program of the wheel, which sits beside the interpreter; else one on PATH."""
    beside = Path(sys.executable).parent / "nats-server"
    if beside.is_file():
        return beside
    found = shutil.which("nats-server")
    return Path(found) if found else None


def find_mosquitto(search_path: str | None = None) -> Path | None:
    """Mosquitto on PATH, or in the folder where distributions put it, which users lack in PATH."""
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    found = shutil.which("mosquitto", path=path if search_path is None else search_path)
    return Path(found) if found else None


def accepts_mqtt(host: str, port: int, *, limit_s: float = 5.0) -> bool:
    """Whether a CONNECT there is answered by a CONNACK that accepts."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection((host, port), timeout=limit_s) as connection,
    ):
        connection.sendall(_CONNECT)
        answer = b""
        while len(answer) < len(_CONNACK_ACCEPTED):
            received = connection.recv(len(_CONNACK_ACCEPTED) - len(answer))
            if not received:
                return False
            answer += received
        connection.sendall(_DISCONNECT)
        return answer == _CONNACK_ACCEPTED
    return False
