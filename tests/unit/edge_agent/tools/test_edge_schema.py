"""The JSON Schema of edge.yaml: up to date, and neither stricter nor laxer than the agent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from edge_agent.tools.schema import COMMAND, as_text, schema

ROOT = Path(__file__).resolve().parents[4]
SAMPLES = sorted((ROOT / "configs").glob("*/line-*.yaml")) + sorted(
    (ROOT / "configs").glob("examples/edge*.yaml")
)


def _edge(device: dict[str, Any]) -> dict[str, Any]:
    broker = {"host": "10.0.0.2", "port": "${PORT:-1883}"}
    return {
        "plant": "p", "edge": "${EDGE}", "data_dir": "var", "broker": broker, "devices": [device]
    }  # fmt: skip


def _modbus(**tag: Any) -> dict[str, Any]:
    tags = [{"path": "a", "address": "holding:0", "dtype": "u16", **tag}]
    groups = [{"every_ms": 100, "class": "key", "tags": tags}]
    return _edge({"id": "d", "driver": "modbus-tcp", "host": "h", "groups": groups})


def test_the_committed_schema_is_the_one_of_this_release() -> None:
    committed = (ROOT / "docs" / "edge.schema.json").read_text("utf-8")
    assert committed == as_text(), f"docs/edge.schema.json differs: run `{COMMAND}`"


@pytest.mark.parametrize("file", SAMPLES, ids=lambda path: path.name)
def test_our_own_configurations_fit_the_schema(file: Path) -> None:
    jsonschema_rs.validator_for(schema()).validate(yaml.safe_load(file.read_text("utf-8")))


@pytest.mark.parametrize(
    "tag",
    [
        {"dtype": "f32", "word_order": "HGFEDCBA"},
        {"address": 40001},
        {"unit_id": "${UNIT}"},
        {"deadband": {"percent": 2}},
    ],
    ids=str,
)
def test_what_the_agent_reads_generously_an_editor_does_not_mark(tag: dict[str, Any]) -> None:
    jsonschema_rs.validator_for(schema()).validate(_modbus(**tag))


def test_sizes_may_have_units() -> None:
    found = _modbus() | {"buffer": {"max_bytes": "2GiB", "min_free_bytes": 5_000_000_000}}
    jsonschema_rs.validator_for(schema()).validate(found)


@pytest.mark.parametrize(
    "tag",
    [{"dtyp": "u16"}, {"dtype": "u17"}, {"unit_id": 256}, {"unit_id": "seven"}, {"path": 3}],
    ids=str,
)
def test_an_editor_marks_what_the_agent_refuses(tag: dict[str, Any]) -> None:
    assert not jsonschema_rs.validator_for(schema()).is_valid(_modbus(**tag))
