"""`lineside-server retention` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest_server.cli import app
from ingest_server.store.connection import connect
from ingest_server.store.migrate import migrate
from ingest_server.store.partitions import DAY_US, Partitions
from runtime.clock import now_us
from runtime.strict_yaml import ConfigError


def configured(tmp_path: Path, dsn: str, retention: str) -> str:
    file = tmp_path / "server.yaml"
    file.write_text(
        f"data_dir: data\ndatabase: {{dsn: '{dsn}'}}\nretention: {retention}\n", "utf-8"
    )
    return str(file)


def run(*words: str) -> str:
    done = CliRunner().invoke(app, ["retention", *words], env={"LINESIDE_LANG": "en"})
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_what_would_go_is_shown_and_then_goes(dsn: str, tmp_path: Path) -> None:
    migrate(dsn)
    today = now_us() // DAY_US
    partitions = Partitions(dsn)
    partitions.ensure([today - 9, today])
    partitions.close()
    file = configured(tmp_path, dsn, "{key_days: 5, bulk_days: 5}")

    shown = {row["what"]: row for row in json.loads(run("show", file, "--json"))}
    assert shown["reading"]["parts"] == 2
    assert shown["reading (bulk)"] == {
        "what": "reading (bulk)",
        "kept_days": 5,
        "frozen_before": None,
        "gone_before": None,
    }
    would = json.loads(run("run", file, "--dry-run", "--json"))
    assert [each["action"] for each in would] == ["freeze", "freeze", "drop"]
    assert "would be dropped" in run("run", file, "--dry-run")
    assert "reading: " in run("run", file)
    assert "Nothing is too old." in run("run", file)
    assert "parts=1" in run("show", file)
    with connect(dsn, name="test") as connection:
        [(frozen,)] = connection.execute("SELECT count(before) FROM frozen").fetchall()
    assert frozen == 2


def test_figures_must_outlive_their_readings(dsn: str, tmp_path: Path) -> None:
    file = configured(tmp_path, dsn, "{key_days: 30, bulk_days: 5, minutes_days: 20}")
    with pytest.raises(ConfigError) as caught:
        run("show", file)
    assert "minutes_days must be at least key_days" in str(caught.value)
