"""Which scanner configurations are refused."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from drivers.base import GroupConfig
from drivers.scanner.config import ScannerDevice
from drivers.scanner.pattern import MOST_WAYS, ways
from runtime.strict_yaml import ConfigError, loads
from wire.dtypes import DType
from wire.frame import StreamClass

TAG = {"path": "a", "address": "line"}


def device(**more: Any) -> ScannerDevice:
    given = {
        "id": "scan",
        "driver": "scanner",
        "connect": {"host": "10.0.0.1", "port": 9004},
        "groups": [{"tags": [TAG]}],
        **more,
    }
    return loads(json.dumps(given), "edge.yaml", ScannerDevice, env={})


def code(**more: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        device(**more)
    (problem,) = caught.value.problems
    assert problem.text("zh")
    return problem.code


def test_defaults_are_events_of_class_key() -> None:
    (group,) = device().groups
    assert (group.class_, group.mode, group.events) == (StreamClass.KEY, "subscribe", True)
    assert group.tags[0].dtype is DType.STR
    polled = {"every_ms": 100, "tags": [{**TAG, "dtype": "u16"}]}
    assert not GroupConfig.model_validate(polled).events


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"serial": {"port": "COM3"}}, "LS-3301"),
        ({"connect": None}, "LS-3301"),
        ({"groups": [{"pattern": "(", "tags": [TAG]}]}, "LS-3302"),
        ({"groups": [{"pattern": "(a+)+", "tags": [TAG]}]}, "LS-3303"),
        ({"groups": [{"pattern": "(?P<x>a)", "tags": [{**TAG, "address": "y"}]}]}, "LS-3304"),
        ({"groups": [{"tags": [{**TAG, "address": "y"}]}]}, "LS-3304"),
        ({"groups": [{"tags": [{**TAG, "dtype": "u16"}]}]}, "LS-3305"),
        ({"prefix": "订", "encoding": "ascii"}, "LS-3306"),
    ],
)
def test_what_cannot_work_is_refused_with_its_code(given: dict[str, Any], expected: str) -> None:
    assert code(**given) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+b",
        r"(a*)*b",
        r"(a|aa)+b",
        r"(\w+\s?)*b",
        r"(.*)(.*)(.*)(.*)b",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r"(?:(?:a|b)?){64}c",
        r"(?=(a+)+b)a",
        r"((a{0,30}){0,30}){0,30}",
    ],
)
def test_patterns_that_could_hold_up_the_program_are_refused(pattern: str) -> None:
    assert ways(pattern, 128) > MOST_WAYS


@pytest.mark.parametrize(
    "pattern",
    [
        r"WO(?P<order>\d{6,10})",
        r"(?P<a>\d+);(?P<b>\d+);(?P<c>\d+)",
        r"(?>a+)(?>a+)(?>a+)(?>a+)b",
        r"(?:a++b?)++c",
        r"(?:[AB]{2})+x?",
        r"(?P<q>['\"])?.*(?(q)x|y)",
        r"(?!X).*(?<!Y)",
    ],
)
def test_patterns_in_use_are_taken_and_quick_on_the_worst_of_lines(pattern: str) -> None:
    assert 1 <= ways(pattern, 128) <= MOST_WAYS
    compiled = re.compile(pattern)
    for line in ("a" * 128, "1" * 128, "1;" * 64, "AB" * 63 + "A!", "WO" + "9" * 126):
        began_s = time.monotonic()
        compiled.fullmatch(line)
        assert time.monotonic() - began_s < 2


def test_the_dearest_pattern_that_is_taken_is_still_quick() -> None:
    pattern = r".*.*.*x"
    assert MOST_WAYS / 8 < ways(pattern, 128) <= MOST_WAYS
    began_s = time.monotonic()
    assert re.fullmatch(pattern, "y" * 128) is None
    assert time.monotonic() - began_s < 2
