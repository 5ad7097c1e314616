"""`lineside-server doctor` on real databases and brokers, in whatever state they are."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from ingest_server.cli import app
from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.store import edges
from ingest_server.store.connection import connect
from ingest_server.store.migrate import migrate
from rig.server_file import write_server_file
from runtime import cli
from wire.ids import EdgeId

Look = Callable[[Path], tuple[int, dict[str, tuple[str, str]]]]


@pytest.fixture
def look(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Look:
    """The exit code, and level and text by code."""
    monkeypatch.setenv("LINESIDE_LANG", "en")

    def run(config: Path) -> tuple[int, dict[str, tuple[str, str]]]:
        code = cli.execute(app, ["doctor", str(config), "--json"], extra="server")
        found = json.loads(capsys.readouterr().out)
        return code, {one["code"]: (one["level"], one["text"]) for one in found}

    return run


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, and nobody can while the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def test_what_works_is_told_and_what_waits_for_somebody(
    any_dsn: str, broker: EmbeddedBroker, tmp_path: Path, look: Look
) -> None:
    config = write_server_file(tmp_path, dsn=any_dsn, host=broker.host, port=broker.port)
    _, found = await in_thread(look, config)
    assert bad(found) == set()
    assert found["LS-5708"][0] == "look"
    with psycopg.connect(any_dsn) as connection:
        row = connection.execute("SELECT to_regnamespace('lineside')").fetchone()
    assert row == (None,), "nothing is made in an empty database"
    migrate(any_dsn)
    with connect(any_dsn, name="test") as connection:
        edges.load_edge(connection, EdgeId(plant="demo", edge="line-a"))
        connection.execute("UPDATE edge SET state = 'in_service'")
    _, found = await in_thread(look, config)
    assert bad(found) == set()
    assert found["LS-5706"][0] == found["LS-5713"][0] == "ok"
    assert "0 of 1 in service" in found["LS-5722"][1]
    assert "demo/line-a is in service and not connected" in found["LS-5723"][1]
    assert {"LS-5721", "LS-5727", "LS-5718"} <= set(found), "no worker, no plan, no API"


def bad(found: dict[str, tuple[str, str]]) -> set[str]:
    """What is to be mended, but that the databases of tests run without fsync."""
    return {code for code, (level, _) in found.items() if level == "bad"} - {"LS-5702"}


async def in_thread(look: Look, config: Path) -> tuple[int, dict[str, tuple[str, str]]]:
    """The command has an event loop of its own."""
    return await asyncio.to_thread(look, config)


def test_a_schema_of_a_later_release_is_told(
    dsn: str, tmp_path: Path, closed_port: int, look: Look
) -> None:
    migrate(dsn)
    with connect(dsn, name="test") as connection:
        connection.execute("UPDATE schema_version SET version_num = 'm9999'")
    code, found = look(write_server_file(tmp_path, dsn=dsn, host="127.0.0.1", port=closed_port))
    assert code == 1
    assert found["LS-5510"][0] == "bad"
    assert "m9999" in found["LS-5510"][1]


def test_every_part_that_is_away_is_named_with_the_reason(
    tmp_path: Path, closed_port: int, look: Look
) -> None:
    dsn = f"postgresql://u:secret@127.0.0.1:{closed_port}/x"
    config = write_server_file(tmp_path, dsn=dsn, host="127.0.0.1", port=closed_port)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "api.port").write_text(str(closed_port))
    code, found = look(config)
    assert code == 1
    assert found["LS-5501"][0] == found["LS-1101"][0] == "bad"
    assert str(closed_port) in found["LS-1101"][1]
    assert found["LS-5719"][0] == "look"
    assert "secret" not in str(found)


def test_nothing_is_made_of_embedded_parts_that_are_not_there(tmp_path: Path, look: Look) -> None:
    config = tmp_path / "server.yaml"
    config.write_text("data_dir: data\n")
    code, found = look(config)
    assert code == 0
    assert {"LS-5712", "LS-5715", "LS-5718"} <= set(found)
    assert not (tmp_path / "data").exists()


def test_people_get_lines_in_their_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "server.yaml"
    config.write_text("data_dir: data\n")
    for lang, words in (("en", "0 to be mended"), ("zh", "0 项需要修复")):
        monkeypatch.setenv("LINESIDE_LANG", lang)
        assert cli.execute(app, ["doctor", str(config)], extra="server") == 0
        out = capsys.readouterr().out
        assert words in out
        assert len(out.splitlines()) == 5
