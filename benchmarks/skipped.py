"""What cannot be measured here, and why: so that nobody takes silence for a figure."""

from __future__ import annotations

import os
import shutil

from ingest_server.embedded.broker import find_mosquitto
from ingest_server.embedded.postgres import find_installation
from runtime.errors import Reconfigure

_NO_UV = "the other gateways are installed with uv, which is not on PATH"
_NO_MOSQUITTO = "without Mosquitto, which is not on PATH"
_NO_TIMESCALEDB = "without TimescaleDB: LINESIDE_POSTGRES_HOME names a PostgreSQL 18 that has it"
_BOTH_BROKERS = ("edge/returns", "ingest/rate", "ingest/workers")
_BOTH_DATABASES = ("storage/bytes", "rows/rows")


class CannotMeasureError(Exception):
    """What a benchmark needs could not be had on this machine; says what."""


def missing(label: str) -> str:
    """Why a benchmark cannot run here at all; "" where it can."""
    if label == "peers/gateways" and shutil.which("uv") is None:
        return _NO_UV
    return ""


def parts_missing(label: str) -> list[str]:
    """What a benchmark leaves out here, and why."""
    found = []
    if label in _BOTH_BROKERS and find_mosquitto() is None:
        found.append(_NO_MOSQUITTO)
    if label in _BOTH_DATABASES and not _has_timescaledb():
        found.append(_NO_TIMESCALEDB)
    return found


def _has_timescaledb() -> bool:
    try:
        return find_installation(os.environ).has_timescaledb
    except Reconfigure:
        return False
