"""A migrated database with a plan, and a committer on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from ingest_server.receive.arrival import look_at
from ingest_server.receive.committer import Committer
from ingest_server.receive.draft import Outcome
from ingest_server.store.migrate import migrate
from ingest_server.usecases.apply import Applied, apply
from ingest_server.usecases.progress import Progress
from runtime.clock import now_us
from wire.ids import EdgeId
from wire.topics import up

PLAN = """
plant: demo
name: Demo
time_zone: Asia/Shanghai
lines: [{id: line-a, name: Line A}]
equipment:
  - id: press
    name: Press
    line: line-a
    order_tag: {edge: line-a, tag: press/order}
    counters:
      - {edge: line-a, tag: press/good, role: good, modulus: 4294967296, max_rate: 1000}
rules:
  - {id: hot, kind: limit, name: Hot, equipment: press, edge: line-a, tag: press/temperature,
     high: 80, deadband: 5, on_delay_s: 2, priority: high}
orders:
  - {order: A-100, product: Bolt, required: 50, equipment: press}
  - {order: 工单七, product: Nut, required: 10, equipment: press, due: 2026-01-02 06:00:00}
"""

Rows = Callable[..., list[tuple[object, ...]]]
Handle = Callable[..., list[Outcome]]
Apply = Callable[..., Applied]


@pytest.fixture
def migrated(any_dsn: str) -> str:
    migrate(any_dsn)
    return any_dsn


@pytest.fixture
def rows(migrated: str) -> Rows:
    def run(query: str, *parameters: object) -> list[tuple[object, ...]]:
        with psycopg.connect(
            migrated, options="-c search_path=lineside,public -c timezone=UTC"
        ) as connection:
            cursor = connection.execute(query, parameters or None)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def put(migrated: str, tmp_path: Path) -> Apply:
    """Apply a plan given as text."""

    def run(text: str = PLAN, *, author: str = "mei", dry_run: bool = False) -> Applied:
        file = tmp_path / "plant.yaml"
        file.write_text(text, "utf-8")
        return apply(migrated, file, author=author, dry_run=dry_run, clock=now_us)

    return run


@pytest.fixture
def committer(migrated: str) -> Iterator[Committer]:
    made = Committer(migrated, clock=now_us)
    yield made
    made.close()


@pytest.fixture
def handle(committer: Committer) -> Handle:
    edge = EdgeId(plant="demo", edge="line-a")

    def run(*records: bytes, kind: str = "data") -> list[Outcome]:
        topic = up(edge, "status" if kind == "status" else "data")
        return committer.handle([look_at(topic, record) for record in records])

    return run


@pytest.fixture
def drain(migrated: str) -> Iterator[Callable[[], int]]:
    """Recompute until nothing is marked; how many minutes."""
    progress = Progress(migrated)

    def run() -> int:
        total = 0
        while done := progress.drain():
            total += done
        return total

    yield run
    progress.close()
