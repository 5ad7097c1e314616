"""The real app on a database with a small plant in it, written by SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from fastapi import FastAPI

from ingest_server.api.app import create_app
from ingest_server.api.ports import BacklogHealth, BrokerHealth, LiveValue
from ingest_server.store.migrate import migrate
from ingest_server.store.partitions import Partitions
from runtime.clock import from_datetime
from runtime.metrics import Metrics

Serve = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]

TOKEN = "a-token-of-the-tests"
T0 = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai
NOW = T0 + timedelta(hours=2)


class Live:
    """Live values by tag id, put there by the test."""

    def __init__(self) -> None:
        self.values: dict[int, LiveValue] = {}

    def latest(self, tag_ids: Sequence[int]) -> Mapping[int, LiveValue]:
        return {tag: self.values[tag] for tag in tag_ids if tag in self.values}


class Parts:
    """Health of broker and backlog, set by the test."""

    def __init__(self) -> None:
        self.broker_health = BrokerHealth(state="ok", since=T0)
        self.backlog_health = BacklogHealth(state="ok", batches=3, oldest_s=0.4)

    def broker(self) -> BrokerHealth:
        return self.broker_health

    def backlog(self) -> BacklogHealth:
        return self.backlog_health


def app_of(dsn: str, **changes: Any) -> FastAPI:
    """The real app on `dsn`, at the fixed time NOW, in English unless asked otherwise."""
    settings: dict[str, Any] = {
        "dsn": dsn,
        "token": TOKEN,
        "live": Live(),
        "health": Parts(),
        "metrics": Metrics(),
        "lang": "en",
        "clock": lambda: from_datetime(NOW),
        "max_connections": 2,
    }
    return create_app(**{**settings, **changes})


def made_database(dsn: str) -> str:
    """Migrate and fill the database of `dsn`."""
    migrate(dsn)
    partitions = Partitions(dsn)
    partitions.ensure([from_datetime(T0) // 86_400_000_000])
    partitions.close()
    with psycopg.connect(dsn, options="-c search_path=lineside,public -c timezone=UTC") as c:
        c.execute(Path(__file__).with_name("plant.sql").read_bytes())
    return dsn
