"""Three NATS servers as one broker, from the deployment's own file, on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import trustme

from ingest_server.embedded.broker import find_nats
from runtime.broker import BrokerAddress, Tls
from runtime.secret import Secret
from wire.ids import EdgeId

DEPLOYED = Path(__file__).resolve().parents[4] / "deploy" / "nats" / "node.conf"
NODES = (1, 2, 3)
PASSWORDS = {"SERVER_PASSWORD": "serverpassword", "EDGE_PASSWORD": "edgepassword"}
STREAM = "$MQTT_msgs"


class NatsCluster:
    """`start` and `kill` nodes 1 to 3; what a node kept is there again when it is started."""

    def __init__(self, folder: Path, edges: Sequence[EdgeId]) -> None:
        self._folder = folder
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        free = _free_ports(4 * len(NODES))
        self._ports = {node: free[4 * place : 4 * place + 4] for place, node in enumerate(NODES)}
        self._prepare(edges)

    @property
    def ca_file(self) -> Path:
        """Who signed the nodes' certificates."""
        return self._folder / "ca.crt"

    @property
    def running(self) -> list[int]:
        """The nodes that run."""
        return sorted(self._running)

    def mqtt_port(self, node: int) -> int:
        """Where MQTT clients find the node."""
        return self._ports[node][3]

    def address(self, user: str, password: str) -> BrokerAddress:
        """All nodes."""
        first, *others = ((("127.0.0.1"), self.mqtt_port(node)) for node in NODES)
        return BrokerAddress(
            host=first[0],
            port=first[1],
            others=tuple(others),
            tls=Tls(ca_file=self.ca_file),
            username=user,
            password=Secret(password),
        )

    def edge_address(self, edge: EdgeId) -> BrokerAddress:
        """All nodes, with the edge's log-in."""
        return self.address(str(edge), PASSWORDS["EDGE_PASSWORD"])

    def start(self, *nodes: int) -> None:
        """Start them; returns at once."""
        for node in nodes:
            with (self._folder / f"node-{node}.log").open("ab") as log:
                self._running[node] = subprocess.Popen(
                    [str(find_nats()), "-c", str(self._folder / f"node-{node}.conf")],
                    env={**os.environ, **PASSWORDS, "NODE": f"node-{node}"},
                    stdout=log,
                    stderr=log,
                )

    def kill(self, node: int) -> None:
        """SIGKILL, as a power cut."""
        process = self._running.pop(node)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """End all that run."""
        for node in self.running:
            self.kill(node)

    def leader(self) -> int | None:
        """The node that leads the stream of all messages; None while there is none."""
        for stream in self._streams():
            if stream["name"] == STREAM and (name := stream["cluster"].get("leader")):
                return int(name.removeprefix("node-"))
        return None

    def is_whole(self) -> bool:
        """Whether every node has everything again."""
        groups = [stream["cluster"] for stream in self._streams()]
        return bool(groups) and all(
            group.get("leader")
            and len(group.get("replicas", ())) == len(NODES) - 1
            and all(replica["current"] for replica in group["replicas"])
            for group in groups
        )

    def node_of(self, user: str) -> int | None:
        """The node that a client of this name is connected to."""
        for node in self.running:
            found = self._ask(node, "connz?auth=1&state=open")
            for client in found.get("connections", ()):
                if client.get("authorized_user") == user and "mqtt_client" in client:
                    return node
        return None

    def _streams(self) -> list[dict[str, Any]]:
        """Each stream as its leader knows it."""
        found = []
        for node in self.running:
            told = self._ask(node, "jsz?streams=1")
            for account in told.get("account_details", ()):
                found += [
                    stream
                    for stream in account.get("stream_detail", ())
                    if stream["cluster"].get("leader") == f"node-{node}"
                ]
        return found

    def _ask(self, node: int, what: str) -> dict[str, Any]:
        with contextlib.suppress(OSError):
            url = f"http://127.0.0.1:{self._ports[node][1]}/{what}"
            with urllib.request.urlopen(url, timeout=5) as answer:
                told: dict[str, Any] = json.load(answer)
                return told
        return {}

    def _prepare(self, edges: Sequence[EdgeId]) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        issued = authority.issue_cert("127.0.0.1")
        issued.cert_chain_pems[0].write_to_path(str(self._folder / "server.crt"))
        issued.private_key_pem.write_to_path(str(self._folder / "server.key"))
        text = DEPLOYED.read_text("utf-8")
        [block] = re.findall(
            r"      \{\n +user: \"north/line-1\"\n.*?\n      \}\n", text, re.DOTALL
        )
        text = text.replace(
            block,
            "".join(
                block.replace("north/line-1", str(edge)).replace(
                    ".north.line-1.", f".{edge.plant}.{edge.edge}."
                )
                for edge in edges
            ),
        )
        text = text.replace("/etc/nats/", f"{self._folder}/")
        for node in NODES:
            text = text.replace(f"//node-{node}:6222", f"//127.0.0.1:{self._ports[node][2]}")
        for node in NODES:
            client, figures, route, mqtt = self._ports[node]
            own = text.replace("127.0.0.1:4222", f"127.0.0.1:{client}")
            own = own.replace("127.0.0.1:8222", f"127.0.0.1:{figures}")
            own = own.replace("0.0.0.0:6222", f"127.0.0.1:{route}")
            own = own.replace("0.0.0.0:8883", f"127.0.0.1:{mqtt}")
            own = own.replace("/var/lib/nats", f"{self._folder}/store-{node}")
            (self._folder / f"node-{node}.conf").write_text(own, "utf-8")


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, no two the same."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
