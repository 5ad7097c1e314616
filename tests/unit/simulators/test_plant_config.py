"""The plant's configuration refuses what could not be compared afterwards, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from runtime import strict_yaml
from runtime.strict_yaml import ConfigError
from simulators.config import PlantConfig

HEAD = "lines:\n  - name: line-x\n    protocol: modbus\n    machines:\n"


def load(*machines: str, head: str = HEAD) -> PlantConfig:
    text = head + "".join(f"      - {machine}\n" for machine in machines)
    return strict_yaml.loads(text, "plant.yaml", PlantConfig, env={})


def test_a_machine_needs_no_more_than_a_name() -> None:
    config = load("{name: m1}", "{name: m2}")
    assert config.lines[0].units == {"m1": 1, "m2": 2}


@pytest.mark.parametrize(
    ("machines", "code"),
    [
        (["{name: m1, orders: [{number: " + "订" * 11 + ", quantity: 1}]}"], "LS-7020"),
        (["{name: m1, faults: [{bit: 1, at_s: 1, for_s: 5, every_s: 5}]}"], "LS-7021"),
        (["{name: m1, faults: [{bit: 1, at_s: 1, for_s: 0}]}"], "LS-7021"),
        (["{name: m1}", "{name: m1}"], "LS-7022"),
        (["{name: m1}", "{name: m2, unit: 1}"], "LS-7022"),
        (["{name: m1, setup_s: 3}"], "LS-7025"),
        (["{name: m1, first_setup_s: 1}"], "LS-7025"),
        (["{name: m1, pulse: {every_parts: 2}}"], "LS-7026"),
        (["{name: m1, parts_per_cycle: 30}"], "LS-7026"),
        (
            ["{name: m1, after_orders: repeat, orders: [{number: " + "A" * 30 + ", quantity: 1}]}"],
            "LS-7027",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(machines: list[str], code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(*machines)
    assert [problem.code for problem in caught.value.problems] == [code]
    for lang in ("en", "zh"):
        assert "{" not in caught.value.problems[0].text(lang)  # type: ignore[arg-type]


def test_ticks_and_refreshes_must_fit() -> None:
    with pytest.raises(ConfigError) as caught:
        load("{name: m1}", head="tick_ms: 30\nanalogs_every_ms: 100\n" + HEAD)
    assert caught.value.problems[0].code == "LS-7024"


def test_a_modbus_line_has_no_room_for_248_machines() -> None:
    with pytest.raises(ConfigError) as caught:
        load(*[f"{{name: m{number}}}" for number in range(248)])
    assert caught.value.problems[0].code == "LS-7023"


def test_two_lines_with_one_name_are_refused() -> None:
    line: dict[str, Any] = {"name": "a", "protocol": "opcua", "machines": [{"name": "m"}]}
    with pytest.raises(Exception, match="LS-7022"):
        PlantConfig.model_validate({"lines": [line, line]})
