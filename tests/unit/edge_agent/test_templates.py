"""Device templates: what a device becomes, and where its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from edge_agent.config import EdgeConfig, load
from edge_agent.tools.schema import schema
from runtime.strict_yaml import ConfigError

TEXT = """\
plant: p
edge: e
data_dir: data
broker: {host: h}
templates:
  press:
    driver: modbus-tcp
    host: ${HOST}
    port: ${PORT:-502}
    name: Press ${N} ($${N})
    groups:
      - every_ms: ${EVERY}
        class: key
        tags:
          - {path: "press-${N}/good", address: "holding:${FIRST}", dtype: u16}
          - {path: "press-${N}/scrap", address: "holding:1", dtype: u16}
devices:
  - {template: press, id: press-1, vars: {HOST: 10.0.0.1, N: 1, FIRST: 10, EVERY: 500}}
  - template: press
    id: press-2
    host: 10.0.0.99
    vars: {HOST: 10.0.0.2, N: 2, FIRST: 0x10, EVERY: "250"}
"""


def _load(tmp_path: Path, text: str = TEXT, **env: str) -> EdgeConfig:
    file = tmp_path / "edge.yaml"
    file.write_text(text, "utf-8")
    return load(file, env=env)


def _problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        _load(tmp_path, text)
    return [
        one.text("en").removeprefix(str(tmp_path / "edge.yaml")) for one in refused.value.problems
    ]


def test_a_device_is_its_template_with_its_own_values(tmp_path: Path) -> None:
    first, second = _load(tmp_path, PORT="1502").devices
    assert (first.id, first.name, first.host, first.port) == (  # type: ignore[union-attr]
        "press-1", "Press 1 (${N})", "10.0.0.1", 1502,
    )  # fmt: skip
    assert [tag.path for tag in first.points] == ["press-1/good", "press-1/scrap"]
    assert [one.groups[0].every_ms for one in (first, second)] == [500, 250]
    assert second.points[0].address == "holding:16"
    assert second.host == "10.0.0.99"  # type: ignore[union-attr]
    assert _load(tmp_path).devices[0].port == 502  # type: ignore[union-attr]


def test_a_mistake_in_a_template_is_told_at_its_line_with_the_devices_line(
    tmp_path: Path,
) -> None:
    [one] = _problems(tmp_path, TEXT.replace('address: "holding:1"', 'address: "holding:x"', 1)
                      .replace("  - {template", "#  - {template"))  # fmt: skip
    assert one.startswith(":16:"), one
    assert "(in the template press, for the device in line 19)" in one
    found = _problems(tmp_path, TEXT.replace("FIRST: 10,", "FIRST: ten,"))
    assert len(found) == 1
    assert found[0].startswith(":15:")
    assert "for the device in line 18" in found[0]
    [one] = _problems(tmp_path, TEXT.replace("press-${N}/scrap", "press/scrap"))
    assert one.startswith(":16:")
    assert "second time" in one
    assert "for the device in line 19" in one


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("template: press, id", "template: pres, id", [(":18:", "Did you mean press?")]),
        ("N: 1, ", "", [(":10:", "${N} in the template"), (":15:", "line 18"), (":16:", "")]),
        ("N: 1, ", "N: 1, NUMBER: 1, ", [(":18:", "has no ${NUMBER}")]),
        ("N: 1, ", "N: [1], ", [(":18:", "single value")]),
        ("template: press, id", "id", [(":18:", "")] * 1),
        ("  press:\n", "  press: 5\n  other:\n", [(":6:", ""), (":19:", "is no mapping")]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(
    tmp_path: Path, old: str, new: str, expected: list[tuple[str, str]]
) -> None:
    found = _problems(tmp_path, TEXT.replace(old, new, 1))
    assert len(found) >= len(expected), found
    for (place, words), one in zip(expected, found, strict=False):
        assert one.startswith(place), found
        assert words in one, found


def test_editors_know_templates() -> None:
    jsonschema_rs.validator_for(schema()).validate(yaml.safe_load(TEXT))
