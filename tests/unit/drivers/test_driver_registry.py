"""The table of drivers, their samples, and that one starts without the libraries of another."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

import drivers
from drivers.base import DeviceConfig, FixedOffset, TagConfig
from drivers.registry import DRIVERS, AnyDevice, silence_libraries
from runtime.strict_yaml import ConfigError, load, loads
from wire.dtypes import DType
from wire.frame import StreamClass

FOLDER = Path(drivers.__file__).parent
SAMPLES = sorted(FOLDER.glob("*/sample*.yaml"))
SECRETS = {"WELD_CELL_PASSWORD": "from the environment"}


class Edge(BaseModel):
    model_config = ConfigDict(extra="forbid")

    devices: list[AnyDevice] = Field(description="The devices.")


def indented(path: Path) -> str:
    lines = path.read_text("utf-8").splitlines()
    return "devices:\n  -\n" + "".join(f"    {line}\n" for line in lines)


def test_every_driver_has_a_sample() -> None:
    assert len(SAMPLES) == len(DRIVERS)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_sample_is_a_valid_device(path: Path) -> None:
    edge = loads(indented(path), "edge.yaml", Edge, env=SECRETS)
    (device,) = edge.devices
    model = DRIVERS[device.driver].config
    assert isinstance(device, model)
    assert load(path, model, env=SECRETS).id == device.id
    assert device.starts[-1] == len(device.points) > 5


def test_a_wrong_value_is_one_problem_at_its_line() -> None:
    text = indented(FOLDER / "modbus/sample.yaml").replace("holding:10.3", "holding:10.99")
    with pytest.raises(ConfigError) as caught:
        loads(text, "edge.yaml", Edge, env={})
    (problem,) = caught.value.problems
    line = next(n for n, line in enumerate(text.splitlines(), 1) if "10.99" in line)
    assert (problem.code, problem.line) == ("LS-3101", line)
    assert "holding:10.99" in problem.text("zh")


def test_configuration_is_read_without_any_protocols_library() -> None:
    code = (
        "import sys, drivers.registry\n"
        "found = {'pymodbus', 'asyncua', 'cryptography', 'serial'} & set(sys.modules)\n"
        "sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parent, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_libraries_can_be_silenced() -> None:
    loggers = [logging.getLogger(name) for one in DRIVERS.values() for name in one.loggers]
    before = [logger.level for logger in loggers]
    try:
        silence_libraries()
        assert not any(logger.getChild("x").isEnabledFor(logging.CRITICAL) for logger in loggers)
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@pytest.mark.parametrize(
    ("dtype", "scaled", "sent"),
    [("u16", True, "f32"), ("i32", True, "f64"), ("f64", True, "f64"), ("u16", False, "u16")],
)
def test_scaled_values_are_sent_in_the_float_that_holds_them(
    dtype: str, scaled: bool, sent: str
) -> None:
    more: dict[str, Any] = {"scale": {"factor": 0.1}} if scaled else {}
    tag = TagConfig.model_validate({"path": "a", "address": "x", "dtype": dtype, **more})
    assert tag.sent_dtype is DType(sent)


def test_a_tag_follows_its_group_unless_it_says_otherwise() -> None:
    tags = [
        {"path": "a", "address": "x", "dtype": "u16"},
        {"path": "b", "address": "x", "dtype": "u16", "class": "bulk"},
    ]
    device = DeviceConfig.model_validate(
        {
            "id": "d",
            "driver": "any",
            "clock": {"offset_s": -3.5},
            "groups": [{"every_ms": 100, "class": "key", "tags": tags}],
        }
    )
    (group,) = device.groups
    assert [group.class_of(tag) for tag in group.tags] == [StreamClass.KEY, StreamClass.BULK]
    assert device.clock == FixedOffset(offset_s=-3.5)
