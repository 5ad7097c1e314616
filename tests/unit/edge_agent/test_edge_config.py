"""The edge's configuration: the examples load, mistakes are named with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import EdgeConfig, load
from runtime.strict_yaml import ConfigError

CONFIGS = Path(__file__).parents[3] / "configs"
HEAD = "plant: p\nedge: e\ndata_dir: data\nbroker: {host: h}\n"
TAG = "{path: %s, address: 'holding:0', dtype: u16}"
DEVICE = """
  - id: %s
    driver: modbus-tcp
    host: h
    groups:
      - every_ms: 100
        tags:
          - %s
"""


def _load(tmp_path: Path, text: str) -> EdgeConfig:
    file = tmp_path / "edge.yaml"
    file.write_text(text, "utf-8")
    return load(file, env={})


def _codes(tmp_path: Path, text: str) -> list[tuple[int, str]]:
    with pytest.raises(ConfigError) as refused:
        _load(tmp_path, text)
    return [(one.line, one.code) for one in refused.value.problems]


def _devices(*pairs: tuple[str, str]) -> str:
    return "devices:" + "".join(DEVICE % (name, TAG % path) for name, path in pairs)


@pytest.mark.parametrize(
    "name",
    [
        "examples/edge-modbus.yaml",
        "examples/edge-opcua.yaml",
        "demo/line-a.yaml",
        "demo/line-b.yaml",
    ],
)
def test_every_example_loads(name: str) -> None:
    config = load(
        CONFIGS / name, env={"LINESIDE_BROKER_PASSWORD": "x", "LINESIDE_PLC_PASSWORD": "y"}
    )
    assert config.devices


def test_what_is_left_out_has_sensible_values(tmp_path: Path) -> None:
    config = _load(tmp_path, HEAD + _devices(("a", "x")))
    assert config.data_dir == tmp_path / "data"
    assert (config.buffer.commit_every_ms, config.buffer.max_bytes) == (200, 2 * 2**30)
    assert (config.publish.window, config.page.port) == (16, 0)


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GiB", 2**31), ("20 MB", 20_000_000), ("16777216", 2**24), ("1.5GiB", 3 * 2**29)],
)
def test_sizes_have_units(tmp_path: Path, text: str, size: int) -> None:
    config = _load(tmp_path, f"{HEAD}buffer: {{max_bytes: {text}}}\n{_devices(('a', 'x'))}")
    assert config.buffer.max_bytes == size


@pytest.mark.parametrize("text", ["2 gibibytes", "-1", "true", "1e9", "[1]"])
def test_what_is_no_size_is_refused(tmp_path: Path, text: str) -> None:
    found = _codes(tmp_path, f"{HEAD}buffer: {{max_bytes: {text}}}\n{_devices(('a', 'x'))}")
    assert found == [(5, "LS-4003")]


def test_a_buffer_that_could_hold_nothing_is_refused(tmp_path: Path) -> None:
    found = _codes(tmp_path, f"{HEAD}buffer: {{max_bytes: 1MiB}}\n{_devices(('a', 'x'))}")
    assert found == [(5, "LS-4004")]


def test_ids_and_paths_that_occur_twice_are_named_with_both_lines(tmp_path: Path) -> None:
    text = HEAD + _devices(("a", "x"), ("b", "x"), ("a", "y"))
    found = _codes(tmp_path, text)
    assert found == [(20, "LS-4002"), (22, "LS-4001")]
    with pytest.raises(ConfigError) as refused:
        _load(tmp_path, text)
    assert [one.params["first"] for one in refused.value.problems] == [12, 6]


def test_a_page_can_be_switched_off(tmp_path: Path) -> None:
    assert _load(tmp_path, f"{HEAD}page: {{port: null}}\n{_devices(('a', 'x'))}").page.port is None


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    found = _codes(tmp_path, f"{HEAD}publish: {{windw: 3}}\n{_devices(('a', 'x'))}")
    assert found == [(5, "LS-1012")]
