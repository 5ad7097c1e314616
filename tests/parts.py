"""Which parts that pip does not bring are on this machine, and which of them must be.

A test marked `needs_<part>` is skipped, with the reason in the closing summary, where the part is
missing; `LINESIDE_REQUIRE=mosquitto,timescaledb` turns that skip into a failure.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping

from ingest_server.embedded.broker import find_mosquitto
from ingest_server.embedded.postgres import find_installation
from runtime.errors import Reconfigure


def _no_mosquitto() -> str:
    return "" if find_mosquitto() is not None else "mosquitto is not on PATH"


def _no_timescaledb() -> str:
    if not os.environ.get("LINESIDE_POSTGRES_HOME"):
        return "LINESIDE_POSTGRES_HOME names no PostgreSQL with TimescaleDB"
    try:
        installation = find_installation(os.environ)
    except Reconfigure as error:
        return str(error)
    return "" if installation.has_timescaledb else "LINESIDE_POSTGRES_HOME has no TimescaleDB"


def _no_node() -> str:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return "node and npm are not on PATH"
    done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.", done.stdout)
    return "" if version and int(version[1]) >= 20 else f"node {done.stdout.strip()} is too old"


# Each gives the reason why the part cannot be used, empty where it can.
_LACKS: Mapping[str, Callable[[], str]] = {
    "mosquitto": _no_mosquitto,
    "timescaledb": _no_timescaledb,
    "foreign": _no_node,
    "pglite": _no_node,
}
NAMES = tuple(_LACKS)


def lacking(part: str) -> str:
    """Why `part` cannot be used here; empty where it can."""
    return _LACKS[part]()


def required() -> frozenset[str]:
    """The parts this machine must have."""
    named = os.environ.get("LINESIDE_REQUIRE", "")
    parts = frozenset(word.strip() for word in named.split(",") if word.strip())
    unknown = parts - set(NAMES)
    if unknown:
        raise ValueError(f"LINESIDE_REQUIRE: unknown part {sorted(unknown)}; known: {list(NAMES)}")
    return parts
