"""Modbus: a pymodbus client sees one tick an answer, gets what is logged, can write nothing."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from simulators.addresses import plant_tags
from simulators.app import Simulation
from simulators.modbus_image import Packer
from simulators.truth import Truth
from tests.integration.simulators.conftest import (
    FastClock,
    busy,
    control_of,
    modbus_client,
    plant_of,
    replay,
)

Simulate = Callable[..., Simulation]
HOLDING = 42
"""Registers of a machine before the further tags."""


async def test_a_block_is_the_plant_at_one_tick(simulate: Simulate, wait_for: Any) -> None:
    config = plant_of(modbus=[busy("m1"), busy("m2", swapped_words=["temperature"])])
    async with simulate(config) as running, modbus_client(running.ready()) as client:
        start_us = running.ready()["start_us"]
        assert isinstance(start_us, int)
        packers = {
            f"line-b/{m.name}": Packer(
                [t for t in plant_tags(config) if t.machine.endswith(m.name)]
            )
            for m in config.lines[0].machines
        }
        for unit, path in ((1, "line-b/m1"), (2, "line-b/m2")):
            await wait_for(lambda path=path: running.plant.machines[path].good_total > 0)
            first = running.plant.tick
            answer = await client.read_holding_registers(0, count=HOLDING, device_id=unit)
            other = await client.read_input_registers(0, count=7, device_id=unit)
            last = running.plant.tick
            raw = struct.pack(f">{HOLDING}H", *answer.registers)
            raw_input = struct.pack(">7H", *other.registers)
            images = []
            for tick in range(first, last + 1):
                values = replay(config, tick).machines[path].values(start_us + tick * 50_000)
                images.append(packers[path].pack(values))
            assert raw in [image.read("holding", 0, HOLDING) for image in images]
            assert raw_input in [image.read("input", 0, 7) for image in images]


async def test_a_block_never_mixes_two_ticks_under_load(simulate: Simulate, tmp_path: Path) -> None:
    """60 counters of a machine rise together at every tick; a torn block would show two of them."""
    config = plant_of(
        modbus=[busy("m1", extra={"counters": 60})], tick_ms=5, analogs_every_ms=5, quiet_s=0
    )
    seen: list[set[int]] = []

    async def hammer(client: AsyncModbusTcpClient) -> None:
        while len(set().union(*seen)) <= 20 and len(seen) < 5000:
            answer = await client.read_holding_registers(100, count=120, device_id=1)
            counters = struct.unpack(">60I", struct.pack(">120H", *answer.registers))
            seen.append({counter - 1000 * place for place, counter in enumerate(counters)})

    async with simulate(config) as running:
        ready = running.ready()
        async with modbus_client(ready) as one, modbus_client(ready) as two:
            await asyncio.gather(hammer(one), hammer(two))
    assert len(seen) > 20
    assert {len(refreshes) for refreshes in seen} == {1}
    assert len(set().union(*seen)) > 20, "the plant went on meanwhile"


async def test_what_a_client_got_is_what_is_logged(simulate: Simulate, tmp_path: Path) -> None:
    config = plant_of(modbus=[busy("m1", extra={"bits": 20})])
    fast = simulate(config, clock=FastClock(10))
    async with fast as running, modbus_client(running.ready()) as client:
        got: list[list[int]] = []
        while len({registers[7] for registers in got}) < 4 and len(got) < 5000:
            answer = await client.read_holding_registers(0, count=24, device_id=1)
            got.append(answer.registers)
        bits = await client.read_discrete_inputs(100, count=20, device_id=1)
    answers = list(Truth.load(tmp_path / "truth").answers())
    logged = {
        name: [a.value for a in answers if a.tag == f"line-b/m1/{name}"]
        for name in ("good", "scrap", "state", "energy", "order")
    }
    assert logged["good"] == [registers[0] for registers in got]
    assert logged["scrap"] == [registers[1] for registers in got]
    assert logged["energy"] == [
        int.from_bytes(struct.pack(">4H", *registers[4:8]), "big") for registers in got
    ]
    texts = [struct.pack(">16H", *registers[8:24]).rstrip(b"\0").decode() for registers in got]
    assert logged["order"] == texts
    assert len(set(logged["energy"])) > 1, "the plant went on meanwhile"
    shown = [a.value for a in answers if a.tag.startswith("line-b/m1/x-bit")]
    assert shown == bits.bits[:20]


async def test_writes_are_refused_with_an_exception_and_logged(
    simulate: Simulate, tmp_path: Path
) -> None:
    config = plant_of(modbus=[busy("m1")])
    async with simulate(config, hold=True) as running, modbus_client(running.ready()) as client:
        before = await client.read_holding_registers(0, count=HOLDING, device_id=1)
        answers = [
            await client.write_register(0, 7, device_id=1),
            await client.write_registers(0, [1, 2], device_id=1),
            await client.write_coil(0, value=True, device_id=1),
            await client.write_coils(0, [True, False], device_id=1),
            await client.mask_write_register(address=0, and_mask=0, or_mask=7, device_id=1),
            await client.readwrite_registers(
                read_address=0, read_count=1, write_address=5, values=[7], device_id=1
            ),
            await client.write_register(9999, 7, device_id=1),
        ]
        assert [answer.exception_code for answer in answers] == [1] * 7
        after = await client.read_holding_registers(0, count=38, device_id=1)
        assert after.registers == before.registers[:38]
    attempts = Truth.load(tmp_path / "truth").write_attempts()
    assert len(attempts) == 7
    assert attempts[5]["target"] == "unit 1 function 23 address 5"
    assert {attempt["answer"] for attempt in attempts} == {"ILLEGAL_FUNCTION"}


async def test_what_does_not_exist_is_said_to_be_so(simulate: Simulate) -> None:
    config = plant_of(modbus=[busy("m1", unit=9, extra={"counters": 2})])
    async with simulate(config) as running, modbus_client(running.ready()) as client:
        refused = [
            await client.read_holding_registers(0, count=1, device_id=1),
            await client.read_holding_registers(HOLDING - 1, count=2, device_id=9),
            await client.read_holding_registers(HOLDING, count=1, device_id=9),
            await client.read_holding_registers(103, count=2, device_id=9),
            await client.read_coils(1, count=1, device_id=9),
        ]
        assert [answer.exception_code for answer in refused] == [11, 2, 2, 2, 2]
        assert not (await client.read_holding_registers(100, count=4, device_id=9)).isError()


async def test_a_silent_unit_does_not_answer_while_others_do(simulate: Simulate) -> None:
    config = plant_of(modbus=[busy("m1"), busy("m2")])
    async with simulate(config) as running:
        ready = running.ready()
        async with control_of(ready) as control, modbus_client(ready) as client:
            assert (await control("silence", machine="line-b/m1", seconds=60))["ok"]
            assert (await control("status"))["silent"] == ["line-b/m1"]
            with pytest.raises(ModbusException):
                await client.read_holding_registers(0, count=1, device_id=1)
            assert not (await client.read_holding_registers(0, count=1, device_id=2)).isError()


async def test_a_silent_line_refuses_connections_and_comes_back_on_its_port(
    simulate: Simulate, wait_for: Any, tmp_path: Path
) -> None:
    config = plant_of(modbus=[busy("m1")])
    async with simulate(config) as running:
        ready: Any = running.ready()
        place = ready["lines"]["line-b"]
        async with control_of(ready) as control, modbus_client(ready) as client:
            assert (await control("silence", line="line-b", seconds=60))["ok"]
            refused = await control("silence", line="line-b", seconds=60)
            assert refused["code"] == "LS-7012"
            await wait_for(lambda: not client.connected)
            with pytest.raises(OSError, match="onnect"):
                await asyncio.open_connection(place["host"], place["port"])

            async def speaks() -> bool:
                return not (await control("status"))["silent"]

            assert not await speaks()
            await control("silence", line="line-b", seconds=0)
            await wait_for(speaks)
        async with modbus_client(ready) as again:
            assert not (await again.read_holding_registers(0, count=1, device_id=1)).isError()
    told = [r["on"] for r in Truth.load(tmp_path / "truth").records if r["what"] == "silence"]
    assert told == [True, False]
