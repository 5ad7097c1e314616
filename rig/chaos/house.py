"""The system that chaos breaks: two edges, two ingest workers, work and API, every link a proxy.

Invariants:
- each process has a link of its own to whatever it talks to, and each link can fail by itself;
- every part has its folder below the run's and is found again there by a later run;
- processes are started by the thread that made the house: the kernel ties them to it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil
import psycopg

from ingest_server.embedded.broker import BrokerKind, EmbeddedBroker
from ingest_server.embedded.ports import free_port
from ingest_server.embedded.postgres import EmbeddedPostgres
from ingest_server.store.migrate import migrate
from ingest_server.usecases.apply import apply
from rig.chaos import mounts, setting, wide
from rig.chaos.plan import BROKER_LINKS, DATABASE_LINKS, EDGES, INGESTS
from rig.chaos.wide_judge import ANSWERS
from rig.faults.proxy import FaultProxy
from rig.programs import Program, python_module_command
from rig.simulated import SimulatedPlant
from runtime.clock import now_us
from runtime.platform import write_private

_SERVERS: Final = (*INGESTS, "work")
_ROLES: Final = {
    "ingest-1": ("ingest",),
    "ingest-2": ("ingest",),
    "work": ("work", "api"),
}
_START_LIMIT_S: Final = 120.0


class House:
    """`async with House(folder, ...) as house:` - everything runs; at the end nothing does."""

    def __init__(
        self,
        folder: Path,
        *,
        broker: BrokerKind,
        environ: dict[str, str],
        seed: int,
        say: Callable[[str], None] = lambda _: None,
        server_environment: dict[str, str] | None = None,
        disks: bool = False,
        rate: float = 0.0,
        hasty: bool = True,
    ) -> None:
        self.folder = folder.absolute()
        self.deaths: list[tuple[str, int]] = []
        """Which edge was killed when, microseconds since the Unix epoch."""
        self.environ = environ
        """Where the database's programs are found."""
        self.data = self.folder / "data"
        machines_rate, wide_rate = setting.rates(rate)
        self.logs = self.folder / "logs"
        self.configs = setting.CONFIGS
        self.plant_file = self.folder / "configs" / "plant.yaml"
        self.database = EmbeddedPostgres(self.folder / "database", environ=environ)
        self.broker = EmbeddedBroker(self.folder / "broker", kind=broker)
        self.plant = SimulatedPlant(
            config=self.plant_file,
            folder=self.folder / "simulators",
            log=self.logs / "simulators.log",
        )
        self.edges = {
            name: self._program(name, "edge_agent.cli", "run", str(self._file(name)))
            for name in (*EDGES, *([wide.EDGE] if wide_rate else []))
        }
        self.servers = {
            name: self._program(
                name,
                "ingest_server.cli",
                *("run", str(self._file(name))),
                *(word for role in _ROLES[name] for word in ("--role", role)),
            )
            for name in _SERVERS
        }
        self.links: dict[str, FaultProxy] = {}
        self._disks = disks
        self._rate = machines_rate
        self._wide_rate = wide_rate
        self._hasty = hasty
        self._seed = seed
        self._say = say
        self._server_environment = dict(server_environment or {})
        self._stack = AsyncExitStack()
        self._ports: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    # -- what there is ---------------------------------------------------------------------------

    def buffer(self, edge: str) -> Path:
        """The buffer file of an edge."""
        return self.data / edge / "buffer.db"

    def page_url(self, edge: str) -> str | None:
        """The local page of an edge, once it has told its port."""
        try:
            port = (self.data / edge / "page.port").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        return f"http://127.0.0.1:{port}/" if port else None

    def ports_in_words(self) -> dict[str, str]:
        """The ports on which the simulated PLCs themselves listen, by variable."""
        return setting.ports_in_words(self._ports)

    def dead(self) -> list[str]:
        """Our programs that do not run."""
        programs = (*self.edges.values(), *self.servers.values(), self.plant.program)
        found = [program.name for program in programs if not program.running]
        found += ["broker"] if not self.broker.pid else []
        return found + (["database"] if not self.database.pid else [])

    # -- breaking it -----------------------------------------------------------------------------

    def kill(self, part: str) -> None:
        """SIGKILL."""
        if part == "broker":
            self.broker.kill()
        elif part == "database":
            self.database.kill()
        else:
            if part in self.edges:
                self.deaths.append((part, now_us()))
            self._find(part).kill()

    async def start_again(self, part: str) -> None:
        """Start a part that was killed or stopped; returns when it can be talked to."""
        if part == "broker":
            await self.broker.start()
        elif part == "database":
            await self.database.start()
        elif part in self.edges:
            self.start_edge(part)
        else:
            self._start_server(part)

    def freeze(self, part: str) -> Callable[[], None]:
        """SIGSTOP to a part with all its processes; call what is returned to let it go on."""
        pid = {"broker": self.broker.pid, "database": self.database.pid}.get(part)
        first = psutil.Process(self._find(part).pid if pid is None else pid)
        stopped = [first, *first.children(recursive=True)]
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)

        def thaw() -> None:
            for process in stopped:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)

        return thaw

    def start_edge(self, name: str, *, keep_port: bool = False) -> None:
        """Start an edge's agent with what is in its folder; `keep_port`: change nothing in it."""
        if not keep_port:
            (self.data / name / "page.port").unlink(missing_ok=True)
        self.edges[name].start()

    def twin(self, edge: str) -> Program:
        """A second agent of the edge, not started, with a copy of its folder as it stands.

        Nobody may write to the folder just now.
        """
        name = f"{edge}-twin"
        folder = self.data / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.data / edge, folder)
        (folder / "page.port").unlink(missing_ok=True)
        file = setting.twin_file(self._file(edge), name, folder)
        twin = self._program(name, "edge_agent.cli", "run", str(file))
        twin.environment = dict(self.edges[edge].environment)
        return twin

    @contextmanager
    def besides(self, part: str, environment: Mapping[str, str]) -> Iterator[None]:
        """Starts of a program within it get these variables, too."""
        program = self._find(part)
        before = program.environment
        program.environment = {**before, **environment}
        try:
            yield
        finally:
            program.environment = before

    # -- beginning -------------------------------------------------------------------------------

    async def _open(self, stack: AsyncExitStack) -> None:
        if self._disks:
            await mounts.attach(self.folder, stack)
        self._say("LS-8110")
        await stack.enter_async_context(self.database)
        self._say("LS-8111")
        await stack.enter_async_context(self.broker)
        self._ports = self._find_ports()
        self._say("LS-8112")
        setting.plant_file(self.plant_file.parent, self._rate)
        stack.push_async_callback(self.plant.program.stop)
        await self.plant.start(
            {setting.PLC_PORTS[link]: self._ports[link] for link in setting.PLC_PORTS}
        )
        targets = {link: self._ports[link] for link in setting.PLC_PORTS}
        targets |= dict.fromkeys(BROKER_LINKS, self.broker.port)
        targets |= dict.fromkeys(DATABASE_LINKS, self.database.port)
        for number, (link, port) in enumerate(targets.items()):
            proxy = FaultProxy("127.0.0.1", port, seed=self._seed * 100 + number)
            self.links[link] = await stack.enter_async_context(proxy)
        self._say("LS-8113")
        await asyncio.to_thread(self._migrate_and_apply)
        for name in _SERVERS:
            folder = self._file(name).parent
            setting.server_file(folder, name, self.data / name, hasty=self._hasty)
            program = self.servers[name]
            program.environment = self._server_variables(name)
            stack.push_async_callback(program.stop)
            self._start_server(name)
        await self.servers["work"].wait_until(
            (self.data / "work" / "api.port").exists, limit_s=_START_LIMIT_S
        )
        self._say("LS-8114")
        for name in EDGES:
            setting.edge_file(
                self._file(name).parent,
                name,
                self.data / name,
                plant=self.plant_file,
                hasty=self._hasty,
            )
            self.edges[name].environment = {
                "LINESIDE_DEMO_BROKER_PORT": str(self.links[f"{name}-broker"].port),
                **{
                    variable: str(self.links[link].port)
                    for link, variable in setting.PLC_PORTS.items()
                },
            }
        if self._wide_rate:
            await self._open_wide(stack)
        for name, program in self.edges.items():
            stack.push_async_callback(program.stop)
            self.start_edge(name)

    async def _open_wide(self, stack: AsyncExitStack) -> None:
        """The line with many registers; its links cannot fail, it is for rates, not for faults."""
        answers = self.folder / ANSWERS
        answers.parent.mkdir(exist_ok=True)
        ready = answers.with_name("ready.json")
        ready.unlink(missing_ok=True)
        arguments = [str(ready), str(answers)]
        machine = Program(
            name="wide_machine",
            command=[sys.executable, "-m", "rig.chaos.wide_machine", *arguments],
            log=self.logs / "wide_machine.log",
        )
        machine.start()
        stack.push_async_callback(machine.stop)
        await machine.wait_until(ready.exists, limit_s=_START_LIMIT_S)
        setting.wide_file(self._file(wide.EDGE).parent, self.data / wide.EDGE, self._wide_rate)
        self.edges[wide.EDGE].environment = {
            "LINESIDE_DEMO_BROKER_PORT": str(self.broker.port),
            wide.PORT_VARIABLE: str(json.loads(ready.read_bytes())["port"]),
        }

    def _migrate_and_apply(self) -> None:
        """Make the tables and load the plan; a second time this changes nothing."""
        migrate(self.database.dsn)
        plan = self.configs / "lines.yaml"
        apply(self.database.dsn, plan, author="chaos", dry_run=False, clock=now_us)

    def _start_server(self, name: str) -> None:
        (self.data / name / "api.port").unlink(missing_ok=True)
        self.servers[name].start()

    def _server_variables(self, name: str) -> dict[str, str]:
        database = self.links[f"{name}-database"].port
        parts = psycopg.conninfo.conninfo_to_dict(self.database.dsn)
        dsn = f"postgresql://{parts['user']}:{parts['password']}@127.0.0.1:{database}"
        broker = self.links.get(f"{name}-broker")
        return {
            "LINESIDE_DEMO_DATABASE": f"{dsn}/{parts['dbname']}",
            "LINESIDE_DEMO_BROKER_PORT": str(broker.port if broker else self.broker.port),
            **self._server_environment,
        }

    # -- inside ----------------------------------------------------------------------------------

    def _file(self, name: str) -> Path:
        return self.folder / "configs" / f"{name}.yaml"

    def _find(self, part: str) -> Program:
        return self.edges[part] if part in self.edges else self.servers[part]

    def _program(self, name: str, module: str, *arguments: str) -> Program:
        return Program(
            name=name,
            command=python_module_command(module, *arguments),
            log=self.logs / f"{name}.log",
        )

    def _find_ports(self) -> dict[str, int]:
        kept = self.folder / "ports.json"
        if kept.exists():
            ports: dict[str, int] = json.loads(kept.read_text(encoding="utf-8"))
            return ports
        ports = {link: free_port() for link in setting.PLC_PORTS}
        write_private(kept, json.dumps(ports).encode())
        return ports
