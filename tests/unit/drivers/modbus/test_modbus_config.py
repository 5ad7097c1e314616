"""What a Modbus configuration may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from drivers.modbus.config import ModbusDevice, Place, parse_address


def device(*tags: dict[str, Any], **more: Any) -> ModbusDevice:
    numbered = [{"path": f"t{n}", "dtype": "u16", **tag} for n, tag in enumerate(tags)]
    return ModbusDevice.model_validate(
        {
            "id": "d",
            "driver": "modbus-tcp",
            "host": "h",
            "groups": [{"every_ms": 100, "tags": numbered}],
            **more,
        }
    )


def codes(error: ValidationError) -> set[str]:
    return {one["ctx"]["code"] for one in error.errors() if one["type"] == "lineside"}


@pytest.mark.parametrize(
    ("text", "table", "address", "bit"),
    [
        ("holding:0", "holding", 0, None),
        ("input:0x10", "input", 16, None),
        ("coil:65535", "coil", 65535, None),
        ("discrete:1", "discrete", 1, None),
        ("holding:5.3", "holding", 5, 3),
        ("holding:010", "holding", 10, None),
        ("40001", "holding", 0, None),
        ("465536", "holding", 65535, None),
        ("30010.15", "input", 9, 15),
        ("00001", "coil", 0, None),
        ("10001", "discrete", 0, None),
    ],
)
def test_addresses_are_understood(text: str, table: str, address: int, bit: int | None) -> None:
    place = parse_address(text)
    assert (place.table, place.address, place.bit) == (table, address, bit)
    assert place.bare == (":" not in text)


@pytest.mark.parametrize(
    "text",
    [
        "holding",
        "holding:-1",
        "holding:65536",
        "holding:0.16",
        "coil:0.1",
        "40000",
        "465537",
        "20001",
        "5",
        "hr:0",
        "holding:0x",
        "holding:1 ",
        "HOLDING:1",
        "holding:٣",
    ],
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        device({"address": text}, numbering="plc" if text[0].isdigit() else "zero_based")
    assert codes(caught.value) == {"LS-3101"}


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ({"address": "40001"}, "LS-3102"),
        ({"address": "coil:0"}, "LS-3103"),
        ({"address": "holding:0", "dtype": "bool"}, "LS-3103"),
        ({"address": "holding:0.1"}, "LS-3103"),
        ({"address": "holding:0", "dtype": "time"}, "LS-3103"),
        ({"address": "holding:0", "dtype": "str"}, "LS-3104"),
        ({"address": "holding:0", "length": 2}, "LS-3104"),
        ({"address": "holding:0", "dtype": "i16", "encoding": "bcd"}, "LS-3105"),
        ({"address": "holding:65535", "dtype": "f32"}, "LS-3106"),
        ({"address": "holding:0", "dtype": "str", "length": 20}, "LS-3107"),
        ({"address": "holding:0", "path": "a//b"}, "LS-3003"),
        ({"address": "holding:0", "deadband": {}}, "LS-3005"),
        ({"address": "coil:0", "dtype": "bool", "scale": {"factor": 2}}, "LS-3004"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_code(tag: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        device(tag, max_registers=10)
    assert codes(caught.value) == {code}


def test_the_two_notations_are_never_mixed() -> None:
    with pytest.raises(ValidationError) as caught:
        device({"address": 40001}, {"address": "holding:1"}, numbering="plc")
    assert codes(caught.value) == {"LS-3102"}


def test_a_path_occurs_once() -> None:
    with pytest.raises(ValidationError) as caught:
        device({"address": "holding:0", "path": "x"}, {"address": "holding:1", "path": "x"})
    assert codes(caught.value) == {"LS-3002"}


def test_yaml_numbers_and_64_bit_orders_are_taken() -> None:
    config = device({"address": 40003, "dtype": "f64", "word_order": "GHEFCDAB"}, numbering="plc")
    tag = config.groups[0].tags[0]
    assert tag.place == Place(table="holding", address=2, bare=True)
    assert (tag.word_order, tag.width) == ("CDAB", 4)
