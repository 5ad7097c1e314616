"""The gateways: how each is installed, configured for the most it can keep, started and read.

What is set is what their documentation offers for durability; everything else is as they come.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from benchmarks.acker import Acker
from benchmarks.skipped import CannotMeasureError
from runtime.mqtt import Connection
from wire.columns import decode_columns
from wire.frame import Kind, read_prefix, unpack_body
from wire.ids import EdgeId
from wire.records import TagTable, decode_record
from wire.topics import up

Found = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Tags and values, one pair a reading."""
_NOTHING: Final[Found] = (np.empty(0, np.intp), np.empty(0, np.intp))
EVERY_MS: Final = 1_000
_TAG: Final = re.compile(r"t(\d+)")


class Gateway(ABC):
    """One of those compared. `topic`: where its readings come."""

    name: str
    package: str
    settings: str
    topics: tuple[str, ...]

    def __init__(self, folder: Path, tags: int) -> None:
        self.folder = folder
        self.tags = tags
        self.folder.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def command(self, plc_port: int, broker_port: int) -> list[str]:
        """Write the configuration, and say how it is started."""

    @abstractmethod
    def read(self, topic: str, payload: bytes) -> Found:
        """The readings in a message."""

    @property
    def environment(self) -> dict[str, str]:
        """What its process finds there."""
        return dict(os.environ)

    def version(self) -> str:
        """What is compared."""
        return ""

    def answer(self, connection: Connection) -> None:  # noqa: ARG002 - most wait for nothing
        """Say what was received, where the gateway waits for that."""
        return

    def _venv(self) -> Path:
        """Where it is installed, from PyPI, on first use."""
        venv = self.folder.parent / f"venv-{self.package}"
        if not (venv / "bin" / self.package).exists():
            _uv("venv", "-p", sys.executable, str(venv))
            _uv("pip", "install", "-p", str(venv / "bin" / "python"), self.package)
        return venv

    def _installed(self) -> str:
        found = subprocess.run(
            [
                str(self._venv() / "bin" / "python"),
                "-c",
                f"import importlib.metadata as m; print(m.version({self.package!r}))",
            ],
            check=True,
            capture_output=True,
            text=True,
        )
        return found.stdout.strip()


class Lineside(Gateway):
    """This product's edge agent."""

    name = "Lineside"
    package = "lineside"
    settings = "as it comes: SQLite buffer, synchronous=FULL, committed every 200 ms"
    _edge = EdgeId(plant="bench", edge="line")
    topics = (up(_edge, "data"), up(_edge, "status"))

    def __init__(self, folder: Path, tags: int) -> None:
        super().__init__(folder, tags)
        self._acker = Acker(self._edge, None)
        self._due = False
        self._numbers: dict[tuple[object, int], int] = {}
        self._cursors: dict[tuple[object, object], int] = {}

    def version(self) -> str:
        return "this checkout"

    def command(self, plc_port: int, broker_port: int) -> list[str]:
        file = self.folder / "edge.yaml"
        tags = [
            {"path": f"t{n}", "address": f"holding:{n}", "dtype": "u16"} for n in range(self.tags)
        ]
        device = {
            "id": "plc",
            "driver": "modbus-tcp",
            "host": "127.0.0.1",
            "port": plc_port,
            "groups": [{"every_ms": EVERY_MS, "tags": tags}],
        }
        config = {
            "plant": "bench",
            "edge": "line",
            "data_dir": str(self.folder / "data"),
            "broker": {"host": "127.0.0.1", "port": broker_port},
            "devices": [device],
        }
        file.write_text(json.dumps(config), "utf-8")
        return [sys.executable, "-m", "edge_agent.cli", "run", str(file)]

    def read(self, topic: str, payload: bytes) -> Found:
        """As a server does: what is not the next record of its stream is passed over."""
        if topic != self.topics[0]:
            self._due = True
            return _NOTHING
        prefix = read_prefix(payload)
        stream = (prefix.epoch, prefix.cls)
        self._due = self._acker.take(payload) or self._due
        if prefix.seq != self._cursors.get(stream, 0) + 1:
            return _NOTHING
        self._cursors[stream] = prefix.seq
        plain = unpack_body(payload, prefix)
        if prefix.kind is Kind.TAGS:
            table = decode_record(prefix.kind, plain)
            assert isinstance(table, TagTable)
            self._numbers |= {(prefix.epoch, tag.n): int(tag.path[1:]) for tag in table.tags}
        if prefix.kind is not Kind.SAMPLES:
            return _NOTHING
        samples, _ = decode_columns(plain)
        tags = [self._numbers[prefix.epoch, number] for number in samples.tag.tolist()]
        return np.array(tags, np.intp), samples.i.astype(np.intp)

    def answer(self, connection: Connection) -> None:
        if self._due or self._acker.waits:
            self._due = False
            self._acker.answer(connection)


class ThingsBoard(Gateway):
    """ThingsBoard IoT Gateway; it speaks the MQTT API of a ThingsBoard server to a plain broker."""

    name = "ThingsBoard IoT Gateway"
    package = "thingsboard-gateway"
    settings = "storage sqlite (default: memory), rate limits off, QoS 1, one request a tag"
    topics = ("v1/gateway/telemetry", "v1/devices/me/rpc/request/+")
    _limits = json.dumps(
        {
            "maxPayloadSize": 65_536,
            "maxInflightMessages": 100,
            "rateLimits": {},
            "gatewayRateLimits": {},
        }
    ).encode()
    """What a ThingsBoard server without limits answers; nothing is sent before."""
    storage: ClassVar[dict[str, Any]] = {
        "type": "sqlite",
        "data_file_path": "./data/",
        "messages_ttl_check_in_hours": 1,
        "messages_ttl_in_days": 7,
        "max_read_records_count": 1000,
    }

    def __init__(self, folder: Path, tags: int) -> None:
        super().__init__(folder, tags)
        self._asked = ""

    def version(self) -> str:
        return self._installed()

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "TB_GW_CONFIG_DIR": str(self.folder)}

    def command(self, plc_port: int, broker_port: int) -> list[str]:
        (self.folder / "data").mkdir(exist_ok=True)
        (self.folder / "logs").mkdir(exist_ok=True)
        venv = self._venv()
        installed = next((venv / "lib").glob("python*/site-packages/thingsboard_gateway/config"))
        main = json.loads((installed / "tb_gateway.json").read_text("utf-8"))
        unlimited = {name: "0:0" for name in main["thingsboard"] if name.endswith("ateLimits")}
        main["thingsboard"] |= {
            "host": "127.0.0.1",
            "port": broker_port,
            "remoteConfiguration": False,
            "security": {"type": "accessToken", "accessToken": "bench"},
            **unlimited,
        }
        main["thingsboard"]["statistics"]["enable"] = False
        main["storage"] = self.storage
        main["connectors"] = [
            {"type": "modbus", "name": "plc", "configuration": "modbus.json", "logLevel": "ERROR"}
        ]
        (self.folder / "tb_gateway.json").write_text(json.dumps(main), "utf-8")
        logs = json.loads((installed / "logs.json").read_text("utf-8"))
        (self.folder / "logs.json").write_text(json.dumps(logs), "utf-8")
        slave = {
            "host": "127.0.0.1", "port": plc_port, "type": "tcp", "method": "socket",
            "unitId": 1, "deviceName": "plc", "deviceType": "default", "timeout": 5,
            "byteOrder": "BIG", "wordOrder": "BIG", "retries": True, "retryOnEmpty": True,
            "retryOnInvalid": True, "pollPeriod": EVERY_MS, "connectAttemptTimeMs": 1000,
            "connectAttemptCount": 5, "waitAfterFailedAttemptsMs": 5000,
            "attributes": [], "attributeUpdates": [], "rpc": [],
            "timeseries": [
                {"tag": f"t{n}", "type": "16uint", "functionCode": 3, "objectsCount": 1,
                 "address": n}
                for n in range(self.tags)
            ],
        }  # fmt: skip
        modbus = {"name": "plc", "master": {"slaves": [slave]}}
        (self.folder / "modbus.json").write_text(json.dumps(modbus), "utf-8")
        return [str(venv / "bin" / "thingsboard-gateway")]

    def answer(self, connection: Connection) -> None:
        asked, self._asked = self._asked, ""
        if asked:
            connection.send(asked.replace("request", "response"), self._limits)

    def read(self, topic: str, payload: bytes) -> Found:
        if topic != self.topics[0]:
            self._asked = topic
            return _NOTHING
        values = [
            (int(tag[1:]), int(value))
            for parts in orjson.loads(payload).values()
            for part in parts
            for tag, value in part.get("values", part).items()
            if _TAG.fullmatch(tag)
        ]
        tags, polls = zip(*values, strict=True) if values else ((), ())
        return np.array(tags, np.intp), np.array(polls, np.intp)


class ThingsBoardAsItComes(ThingsBoard):
    """The same with its default storage."""

    name = "ThingsBoard IoT Gateway, defaults"
    settings = "storage memory (its default), rate limits off, QoS 1"
    storage: ClassVar[dict[str, Any]] = {
        "type": "memory",
        "read_records_count": 100,
        "max_records_count": 100_000,
    }


class Modpoll(Gateway):
    """modpoll: a command-line tool that polls Modbus and publishes JSON."""

    name = "modpoll"
    package = "modpoll"
    settings = "--mqtt-qos 1, one message a poll; it has no storage"
    topics = ("modpoll/plc/data",)

    def version(self) -> str:
        return self._installed()

    def command(self, plc_port: int, broker_port: int) -> list[str]:
        rows = ["device,plc,1"]
        for start in range(0, self.tags, 100):
            count = min(100, self.tags - start)
            rows.append(f"poll,holding_register,{start},{count},BE_BE")
            rows += [f"ref,t{n},{n},uint16,r" for n in range(start, start + count)]
        file = self.folder / "modpoll.csv"
        file.write_text("\n".join(rows) + "\n", "utf-8")
        return [
            str(self._venv() / "bin" / "modpoll"),
            *("--config", str(file), "--daemon", "--rate", str(EVERY_MS / 1000)),
            *("--interval", "0", "--tcp", "127.0.0.1", "--tcp-port", str(plc_port)),
            *("--mqtt-host", "127.0.0.1", "--mqtt-port", str(broker_port), "--mqtt-qos", "1"),
            *("--mqtt-version", "5.0", "--mqtt-clientid", "modpoll-bench", "--loglevel", "ERROR"),
        ]

    def read(self, topic: str, payload: bytes) -> Found:  # noqa: ARG002 - there is but one
        found = {
            int(tag[1:]): int(value)
            for tag, value in orjson.loads(payload).items()
            if _TAG.fullmatch(tag)
        }
        return np.array(list(found), np.intp), np.array(list(found.values()), np.intp)


GATEWAYS: Final[tuple[type[Gateway], ...]] = (Lineside, ThingsBoard, ThingsBoardAsItComes, Modpoll)


def _uv(*words: str) -> None:
    done = subprocess.run(["uv", "-q", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotMeasureError(f"uv {words[0]} failed: {' '.join(done.stderr.split())[-500:]}")
