"""What a run was measured on: the machine, the programs and libraries, the commit."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

import psutil

from ingest_server.embedded.broker import find_mosquitto
from ingest_server.embedded.postgres import find_installation
from runtime.errors import Reconfigure

ROOT: Final = Path(__file__).resolve().parents[1]
_LIBRARIES: Final = ("asyncua", "pymodbus", "psycopg", "paho-mqtt", "numpy", "fastapi", "uvicorn")
_VERSION: Final = re.compile(r"\d+(?:\.\d+)+")
_LIMIT_S: Final = 30


def describe() -> dict[str, str]:
    """What was where, for people, by what it is; what is not there is left out."""
    cores = psutil.cpu_count(logical=True)
    found = {
        "processor": f"{_processor()}, {cores} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "file system": _file_system(),
        "Python": platform.python_version(),
        "PostgreSQL": _postgres(),
        "NATS": _version([shutil.which("nats-server", path=_path()) or "", "--version"]),
        "Mosquitto": _mosquitto(),
        "libraries": ", ".join(f"{name} {metadata.version(name)}" for name in _LIBRARIES),
    }
    return {name: value for name, value in found.items() if value}


def load() -> float:
    """Load average of the last minute; 0 where the system knows none."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else 0.0


def commit() -> str:
    """The commit that runs, with a word where files differ from it; "" outside a repository."""
    head = _said(["git", "-C", str(ROOT), "rev-parse", "--short=9", "HEAD"]).strip()
    changed = _said(
        ["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no", ".", ":!docs"]
    )
    return f"{head} with changes" if head and changed.strip() else head


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _file_system() -> str:
    """Of the folder for temporary files, where everything is written."""
    where = Path(os.environ.get("TMPDIR", "/tmp")).resolve()
    mounts = [
        part for part in psutil.disk_partitions(all=True) if where.is_relative_to(part.mountpoint)
    ]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else ""


def _postgres() -> str:
    try:
        found = find_installation(os.environ)
    except Reconfigure:
        return ""
    version = _version([str(found.bin / "postgres"), "--version"])
    return f"{version} with TimescaleDB" if found.has_timescaledb else version


def _mosquitto() -> str:
    program = find_mosquitto()
    return "" if program is None else _version([str(program), "-h"])


def _path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def _version(command: Sequence[str]) -> str:
    found = _VERSION.search(_said(command))
    return "" if found is None else found[0]


def _said(command: Sequence[str]) -> str:
    if not command[0]:
        return ""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except OSError:
        return ""
    return done.stdout
