"""The commands of `lineside-server` on a migrated database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest_server.cli import app
from ingest_server.store import edges
from ingest_server.store.connection import connect
from ingest_server.store.migrate import migrate
from runtime import cli
from wire.ids import EdgeId

EDGE = EdgeId(plant="demo", edge="line-a")


@dataclass
class Said:
    code: int
    out: str
    error: str


Run = Callable[..., Said]


@pytest.fixture
def migrated(dsn: str) -> str:
    migrate(dsn)
    with connect(dsn, name="test") as connection:
        edges.load_edge(connection, EDGE)
    return dsn


@pytest.fixture
def run(
    migrated: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """`run("edges", "list")`: the file's path goes behind the second word, or the only one."""
    config = tmp_path / "server.yaml"
    config.write_text(f"data_dir: data\ndatabase: {{dsn: '{migrated}'}}\n")
    monkeypatch.setenv("LINESIDE_LANG", "en")
    monkeypatch.setenv("COLUMNS", "80")

    def say(*words: str, end: tuple[str, ...] = ()) -> Said:
        code = cli.execute(app, [*words[:2], str(config), *words[2:], *end], extra="server")
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return say
