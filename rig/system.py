"""A whole Lineside on this machine: simulated plant, edges, broker, database, server.

Invariants:
- every part has its folder below the run's, and is found again there by a later run;
- parts start in the order in which they need one another and stop in the reverse;
- ports are found free, then kept: edges have the broker's and the PLCs' in their configuration.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from ingest_server.embedded.broker import BrokerKind, EmbeddedBroker
from ingest_server.embedded.ports import free_port
from ingest_server.embedded.postgres import EmbeddedPostgres
from rig.programs import ROOT, Program, python_module_command
from rig.simulated import SimulatedPlant
from runtime.errors import RetryLater
from runtime.platform import write_private

EDGES = ("line-a", "line-b")
Part = Literal["server", "line-a", "line-b", "broker", "database"]


class System:
    """`async with System(folder) as system:` - everything runs; at the end everything is stopped.

    configs: folder with plant.yaml, lines.yaml, server.yaml and one file an edge.
    say: told what is being started, for people.
    server_environment: further variables of the server.
    database_environ: names the PostgreSQL (LINESIDE_POSTGRES_HOME); default: this process's own.
    """

    def __init__(
        self,
        folder: Path,
        *,
        configs: Path = ROOT / "configs" / "demo",
        broker: BrokerKind | Literal["auto"] = "auto",
        say: Callable[[str], None] = lambda _: None,
        server_environment: dict[str, str] | None = None,
        database_environ: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.configs = configs
        self.logs = self.folder / "logs"
        self.database = EmbeddedPostgres(self.folder / "database", environ=database_environ)
        self.broker = EmbeddedBroker(self.folder / "broker", kind=broker)
        self.plant = SimulatedPlant(
            config=configs / "plant.yaml",
            folder=self.folder / "simulators",
            log=self.logs / "simulators.log",
        )
        self.server = Program(
            name="server",
            command=python_module_command(
                "ingest_server.cli", "run", str(self.configs / "server.yaml")
            ),
            log=self.logs / "server.log",
        )
        self.edges = {
            name: Program(
                name=name,
                command=python_module_command(
                    "edge_agent.cli", "run", str(self.configs / f"{name}.yaml")
                ),
                log=self.logs / f"{name}.log",
            )
            for name in EDGES
        }
        self._say = say
        self._server_environment = dict(server_environment or {})
        self._stack = AsyncExitStack()
        self._ports: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def data(self) -> Path:
        """Where edges and server keep what is theirs."""
        return self.folder / "data"

    @property
    def api_url(self) -> str:
        """Where the API answers."""
        port = (self.data / "server" / "api.port").read_text(encoding="utf-8").strip()
        return f"http://127.0.0.1:{port}"

    @property
    def api_token(self) -> str:
        """The token made at first start."""
        return (self.data / "server" / "api.token").read_text(encoding="utf-8").strip()

    def buffer(self, edge: str) -> Path:
        """The buffer file of an edge."""
        return self.data / edge / "buffer.db"

    def programs(self) -> Sequence[Program]:
        """Our own programs, without broker and database."""
        return (self.server, *self.edges.values(), self.plant.program)

    def check_alive(self) -> None:
        """Raise RetryLater (LS-8101) where one of our programs has ended by itself."""
        for program in self.programs():
            if not program.running:
                raise RetryLater(
                    "LS-8101", program=program.name, log=str(program.log), last=program.last_line()
                )

    def page_url(self, edge: str) -> str | None:
        """The local page of an edge, once it has told its port."""
        try:
            port = (self.data / edge / "page.port").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        return f"http://127.0.0.1:{port}/"

    async def apply_plan(self) -> None:
        """Load lines.yaml; the same file a second time changes nothing."""
        program = Program(
            name="apply",
            command=python_module_command(
                "ingest_server.cli",
                "apply",
                str(self.configs / "lines.yaml"),
                "--server",
                str(self.configs / "server.yaml"),
                "--author",
                "demo",
            ),
            log=self.logs / "apply.log",
            environment=self.environment(),
        )
        program.start()
        await program.wait_until(lambda: program.exit_code == 0, limit_s=60)

    def kill(self, part: Part) -> None:
        """SIGKILL."""
        if part == "broker":
            self.broker.kill()
        elif part == "database":
            self.database.kill()
        elif part == "server":
            self.server.kill()
        else:
            self.edges[part].kill()

    async def start_again(self, part: Part) -> None:
        """Start a part that was killed or stopped."""
        if part == "broker":
            await self.broker.start()
        elif part == "database":
            await self.database.start()
        elif part == "server":
            await self.start_server()
        else:
            self.edges[part].start()

    async def start_server(self) -> None:
        """Start the server and wait until its API has a port."""
        (self.data / "server" / "api.port").unlink(missing_ok=True)
        self.server.environment = {**self.environment(), **self._server_environment}
        self.server.start()
        await self.server.wait_until((self.data / "server" / "api.port").exists, limit_s=60)

    async def _start(self, stack: AsyncExitStack) -> None:
        self._say("LS-8110")
        await stack.enter_async_context(self.database)
        self._say("LS-8111")
        await stack.enter_async_context(self.broker)
        self._ports = self._find_ports()
        self._say("LS-8112")
        stack.push_async_callback(self.plant.program.stop)
        await self.plant.start(self._ports)
        self._say("LS-8113")
        stack.push_async_callback(self.server.stop)
        await self.start_server()
        await self.apply_plan()
        self._say("LS-8114")
        for edge in self.edges.values():
            stack.push_async_callback(edge.stop)
            edge.environment = self.environment()
            (self.data / edge.name / "page.port").unlink(missing_ok=True)
            edge.start()

    def ports_in_words(self) -> dict[str, str]:
        """The ports of the simulated PLCs, as the configurations' variables want them."""
        return {name: str(port) for name, port in self._ports.items()}

    def environment(self) -> dict[str, str]:
        """The variables that the configurations ask for."""
        return {
            **self.ports_in_words(),
            "LINESIDE_DEMO_DATA": str(self.data),
            "LINESIDE_DEMO_BROKER_PORT": str(self.broker.port),
            "LINESIDE_DEMO_DATABASE": self.database.dsn,
        }

    def _find_ports(self) -> dict[str, int]:
        kept = self.folder / "ports.json"
        if kept.exists():
            ports: dict[str, int] = json.loads(kept.read_text(encoding="utf-8"))
            return ports
        ports = {
            "LINESIDE_SIM_OPCUA_PORT": free_port(),
            "LINESIDE_SIM_MODBUS_PORT": free_port(),
        }
        write_private(kept, json.dumps(ports).encode())
        return ports
