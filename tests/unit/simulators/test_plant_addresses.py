"""The address map: no two tags share a place, and what is packed is what is read back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.addresses import TagAddress, as_json, machine_tags, plant_tags
from simulators.errors import SimulatorError
from simulators.modbus_image import Packer, Value, decode
from simulators.model import Plant
from tests.unit.simulators.simulated_plants import machine, plant

EXTRA = {"floats": 7, "scaled": 5, "counters": 3, "bits": 20}


def tags_of(**changes: Any) -> list[TagAddress]:
    return plant_tags(plant(machine(extra=EXTRA, **changes)))


def read(tags: Sequence[TagAddress], values: Sequence[Value]) -> list[Value]:
    image = Packer(tags).pack(values)
    answers = []
    for tag in tags:
        body = image.read(tag.table, tag.address, max(tag.registers, 1))
        assert body is not None
        answers.append(decode(tag, body, 0))
    return answers


def test_no_two_modbus_tags_share_an_address() -> None:
    taken: set[tuple[str, int]] = set()
    for tag in tags_of():
        for address in range(tag.address, tag.address + max(tag.registers, 1)):
            assert (tag.table, address) not in taken
            taken.add((tag.table, address))


def test_an_opcua_line_has_nodes_and_wider_counters() -> None:
    tags = {tag.name: tag for tag in plant_tags(plant(protocol="opcua"))}
    assert tags["good"].node_id == "ns=2;s=line-x/m1/good"
    assert (tags["good"].dtype, tags["pressure"].dtype) == ("u32", "f64")
    assert tags["plc_time"].dtype == "time"


@pytest.mark.parametrize("swapped", [[], ["temperature", "energy", "plc_time", "x-counter-002"]])
def test_a_packed_machine_reads_back(swapped: list[str]) -> None:
    config = plant(machine(extra=EXTRA, swapped_words=swapped))
    made = Plant(config)
    made.advance(700)
    values = made.machine("line-x/m1").values(1_700_000_000_000_000)
    expected = list(values)
    expected[7] = 1_700_000_000
    expected[9] = struct.unpack(">f", struct.pack(">f", values[9]))[0]
    assert read(plant_tags(config), values) == expected


def test_swapped_words_stand_low_word_first() -> None:
    tags = tags_of(swapped_words=["temperature"])
    tag = next(tag for tag in tags if tag.name == "temperature")
    assert tag.word_order == "CDAB"
    values = Plant(plant(machine(extra=EXTRA))).machine("line-x/m1").values(0)
    values[tags.index(tag)] = 123.456
    body = Packer(tags).pack(values).read("input", tag.address, 2)
    plain = struct.pack(">f", 123.456)
    assert body == plain[2:] + plain[:2]


@given(st.data())
def test_a_block_is_the_registers_it_spans(data: st.DataObject) -> None:
    tags = tags_of()
    values = Plant(plant(machine(extra=EXTRA))).machine("line-x/m1").values(0)
    image = Packer(tags).pack(values)
    address = data.draw(st.integers(0, 150))
    count = data.draw(st.integers(1, 60))
    one_by_one = [image.read("holding", at, 1) for at in range(address, address + count)]
    block = image.read("holding", address, count)
    if None in one_by_one:
        assert block is None
    else:
        assert block == b"".join(one for one in one_by_one if one)


def test_bits_are_packed_lowest_first() -> None:
    tags = tags_of()
    values = Plant(plant(machine(extra=EXTRA))).machine("line-x/m1").values(0)
    bits = [bool(values[place]) for place, tag in enumerate(tags) if tag.name.startswith("x-bit")]
    body = Packer(tags).pack(values).read("discrete", 103, 12)
    assert body is not None
    assert [bool(body[n // 8] >> n % 8 & 1) for n in range(12)] == bits[3:15]


@pytest.mark.parametrize("name", ["good", "order", "nothing"])
def test_words_that_cannot_be_swapped_are_refused(name: str) -> None:
    with pytest.raises(SimulatorError) as caught:
        tags_of(swapped_words=[name])
    assert caught.value.code == "LS-7003"


def test_more_tags_than_addresses_are_refused() -> None:
    config = plant(machine(), machine(name="m2", extra={"floats": 10_000, "counters": 10_000}))
    line = config.lines[0]
    huge = line.machines[1].model_copy(
        update={"extra": line.machines[1].extra.model_copy(update={"floats": 33_000})}
    )
    with pytest.raises(SimulatorError) as caught:
        machine_tags(line, huge)
    assert caught.value.code == "LS-7004"


def test_the_map_as_json_names_every_tag_once() -> None:
    told = as_json(plant(machine(), machine(name="m2")))
    paths = [tag["path"] for line in told["lines"] for tag in line["tags"]]
    assert len(set(paths)) == len(paths) == 28
    assert told["lines"][0]["machines"] == ["line-x/m1", "line-x/m2"]
