"""What doctor concludes: whole hours, and which decoding an expected value is."""

from __future__ import annotations

import pytest

from drivers.modbus.config import ModbusTag
from edge_agent.tools.diagnose import fitting, whole_hours


@pytest.mark.parametrize(
    ("off_s", "hours"),
    [
        (28_800.0, 8), (28_795.0, 8), (28_600.0, 8), (28_850.0, 8), (-18_000.0, -5), (3_600.0, 1),
        (0.0, 0), (-120.0, 0), (1_800.0, 0), (28_000.0, 0), (29_100.0, 0), (86_400.0, 0),
    ],
)  # fmt: skip
def test_only_an_error_of_whole_hours_is_one(off_s: float, hours: int) -> None:
    assert whole_hours(off_s) == hours


def _tag(**more: object) -> ModbusTag:
    fields = {"path": "x", "address": "holding:0", "dtype": "f32"}
    return ModbusTag.model_validate({**fields, **more})


def test_as_many_digits_count_as_were_read_off_the_display() -> None:
    decodings = [("f32 ABCD", "23.456"), ("f32 CDAB", "23.6"), ("u16 AB", "23"), ("str AB", "'23'")]
    assert fitting(_tag(), decodings, "23.5") == ["f32 ABCD"]
    assert fitting(_tag(), decodings, "23") == ["u16 AB", "str AB"]


def test_a_value_may_be_given_as_scaled_or_as_raw() -> None:
    tag = _tag(dtype="u16", scale={"factor": 0.1})
    decodings = [("u16 AB", "235"), ("u16 BA", "60160")]
    assert fitting(tag, decodings, "23.5") == fitting(tag, decodings, "235") == ["u16 AB"]


def test_texts_are_compared_as_texts() -> None:
    assert fitting(_tag(), [("str AB", "'WO-7'"), ("str BA", "'OW7-'")], "WO-7") == ["str AB"]
