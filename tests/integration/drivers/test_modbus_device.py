"""The Modbus driver against real sockets."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.base import Columns, ShowsDecodings
from drivers.modbus.config import ModbusDevice
from drivers.modbus.driver import ModbusConnection
from runtime.clock import now_us
from runtime.errors import RetryLater
from tests.integration.drivers.modbus_plc import Plc
from wire import quality

FAST = {"timeout_ms": 150, "connect_timeout_ms": 500}


def tag(path: str, address: str, dtype: str = "u16", **more: Any) -> dict[str, Any]:
    return {"path": path, "address": address, "dtype": dtype, **more}


def device(plc: Plc | int, *groups: list[dict[str, Any]], **more: Any) -> ModbusConnection:
    config = ModbusDevice.model_validate(
        {
            "id": "press",
            "driver": "modbus-tcp",
            "host": "127.0.0.1",
            "port": plc if isinstance(plc, int) else plc.port,
            "groups": [{"every_ms": 100, "tags": tags} for tags in groups],
            **FAST,
            **more,
        }
    )
    return ModbusConnection(config, now_us, lot=lambda: 0.0)


def values(columns: Columns) -> list[int | None]:
    good = quality.has_value(columns.q).tolist()
    return [value if ok else None for value, ok in zip(columns.i.tolist(), good, strict=True)]


def status(columns: Columns) -> list[int]:
    return [code & quality.STATUS_MASK for code in columns.q.tolist()]


async def until(condition: Any, limit_s: float = 5.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.01)


async def test_all_four_tables_and_bits_arrive_under_their_own_tags(plc: Plc) -> None:
    unit = plc.unit()
    unit.put("coil", 0, [1, 0, 1, 1, 0, 0, 0, 0, 0, 1])
    unit.put("discrete", 7, [0, 1])
    unit.put("holding", 0, [11, 22, 0b1000])
    unit.put_bytes("input", 16, struct.pack(">f", 21.5))
    unit.put_bytes("holding", 100, "订单 A-17".encode().ljust(20, b"\0"))
    tags = [
        tag("h1", "holding:1"),
        tag("c9", "coil:9", "bool"),
        tag("c1", "coil:1", "bool"),
        tag("t", "input:0x10", "f32"),
        tag("b3", "holding:2.3", "bool"),
        tag("b2", "holding:2.2", "bool"),
        tag("d8", "discrete:8", "bool"),
        tag("text", "holding:100", "str", length=10),
        tag("h0", "holding:0"),
    ]
    async with device(plc, tags) as running:
        got = await running.read(0)
    assert got.point.tolist() == list(range(9))
    assert got.i.tolist() == [22, 1, 0, 0, 1, 0, 1, 0, 11]
    assert got.f[3] == 21.5
    assert got.s is not None
    assert got.s[7] == "订单 A-17"
    assert status(got) == [quality.GOOD] * 9
    assert got.source_us is None


async def test_it_reads_a_server_of_another_make() -> None:
    registers = SimData(0, values=[0x1234, 0x41AC, 0x0000, 7], datatype=DataType.REGISTERS)
    server = ModbusTcpServer(SimDevice(1, simdata=[registers]), address=("127.0.0.1", 0))
    assert await server.listen()
    assert isinstance(server.transport, asyncio.Server)
    port = server.transport.sockets[0].getsockname()[1]
    tags = [
        tag("f", "holding:1", "f32"),
        tag("bcd", "holding:0", encoding="bcd"),
        tag("x", "input:3"),
    ]
    try:
        async with device(port, tags) as running:
            got = await running.read(0)
    finally:
        await server.shutdown()
    assert got.f[0] == 21.5
    assert values(got) == [0, 1234, 7]


async def test_plc_numbers_count_from_one(plc: Plc) -> None:
    plc.unit().put("holding", 0, [5, 6])
    plc.unit().put("input", 65_535, [9])
    tags = [tag("a", "40001"), tag("b", "400002"), tag("c", "365536")]
    async with device(plc, tags, numbering="plc") as running:
        assert values(await running.read(0)) == [5, 6, 9]


async def test_a_dead_unit_does_not_slow_the_others(plc: Plc) -> None:
    plc.unit(1).put("holding", 0, [1])
    plc.unit(2).put("holding", 0, [2])
    plc.unit(2).mood = "dead"
    plc.unit(3).put("holding", 0, [3])
    tags = [tag(f"u{unit}", "holding:0", unit_id=unit) for unit in (1, 2, 3)]
    # A group of the dead unit alone, so that it has several blocks to fail with.
    more = [tag(f"more{place}", f"holding:{place * 500}", unit_id=2) for place in range(5)]
    async with device(plc, tags, more) as running:
        first = await running.read(0)
        assert values(first) == [1, None, 3]
        assert status(first)[1] == quality.BAD_TIMEOUT
        began = time.monotonic()
        count = 20
        for _ in range(count):
            got = await running.read(0)
            assert values(got) == [1, None, 3]
            await running.read(1)
        # Within 20 rounds (0.5 s pauses) at most a few probes of 150 ms each.
        assert time.monotonic() - began < 1.0
        assert status(got)[1] == quality.BAD_NO_COMMUNICATION
        plc.unit(2).mood = "live"

        async def answers() -> bool:
            return values(await running.read(0)) == [1, 2, 3]

        end = time.monotonic() + 5
        while not await answers():
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
        assert running.counts["links"] == 1


async def test_a_gateway_that_cannot_reach_a_unit_costs_no_time(plc: Plc) -> None:
    plc.unit(1).put("holding", 0, [1])
    plc.unit(2).mood = "gateway"
    tags = [tag("a", "holding:0", unit_id=1), tag("b", "holding:0", unit_id=2)]
    async with device(plc, tags) as running:
        got = await running.read(0)
        assert values(got) == [1, None]
        assert status(got)[1] == quality.BAD_NO_COMMUNICATION
        asked = len([r for r in plc.requests if r[0] == 2])
        for _ in range(10):
            await running.read(0)
        assert len([r for r in plc.requests if r[0] == 2]) == asked


async def test_a_unit_that_takes_the_connection_down_does_not_take_the_others(plc: Plc) -> None:
    plc.unit(1).mood = "closes"
    plc.unit(2).put("holding", 0, [2])
    tags = [tag("a", "holding:0", unit_id=1), tag("b", "holding:0", unit_id=2)]
    async with device(plc, tags) as running:
        for _ in range(5):
            assert values(await running.read(0)) == [None, 2]
        assert running.counts["links"] == 2


@pytest.mark.parametrize(
    "mood",
    ["wrong transaction", "wrong unit", "wrong function", "short", "lying count", "garbage"],
)
async def test_a_wrong_answer_is_never_believed_and_the_connection_made_fresh(
    plc: Plc, mood: str
) -> None:
    plc.unit(1).put("holding", 0, [1, 1, 1])
    plc.unit(2).put("holding", 0, [2, 2, 2])
    tags = [tag("a", "holding:0", "u32", unit_id=1), tag("b", "holding:0", "u32", unit_id=2)]
    async with device(plc, tags) as running:
        assert values(await running.read(0)) == [0x10001, 0x20002]
        plc.unit(1).mood = mood
        got = await running.read(0)
        assert values(got) == [None, 0x20002]
        assert running.counts["wrong_answers"] == 1
        assert plc.connections == 2


async def test_an_illegal_address_is_found_by_halving_and_stands_alone(plc: Plc) -> None:
    missing = {17, 40}
    plc.unit().tables["holding"] = {
        place: place * 10 for place in range(60) if place not in missing
    }
    tags = [tag(f"t{place}", f"holding:{place}") for place in range(60)]
    async with device(plc, tags) as running:
        assert len(running.requests(0)) == 1
        for _ in range(3):
            got = await running.read(0)
            assert values(got) == [None if p in missing else p * 10 for p in range(60)]
            assert {p for p, code in enumerate(status(got)) if code} == missing
            assert status(got)[17] == quality.BAD_CONFIGURATION
        before = len(plc.requests)
        await running.read(0)
        again = plc.requests[before:]
        # Both stand alone and rest: nobody asks for them.
        assert len(again) <= 16
        assert not [r for r in again if r[2] <= 17 < r[2] + r[3] or r[2] <= 40 < r[2] + r[3]]


async def test_a_gap_that_does_not_exist_is_not_read_along(plc: Plc) -> None:
    plc.unit().put("holding", 0, [1, 2])
    plc.unit().put("holding", 6, [3, 4])
    tags = [tag(f"t{place}", f"holding:{place}") for place in (0, 1, 6, 7)]
    async with device(plc, tags) as running:
        assert len(running.requests(0)) == 1
        assert values(await running.read(0)) == [1, 2, 3, 4]
        assert len(running.requests(0)) == 2
        before = len(plc.requests)
        assert values(await running.read(0)) == [1, 2, 3, 4]
        assert len(plc.requests) - before == 2


async def test_a_device_that_takes_fewer_registers_than_it_says_is_read_in_parts(plc: Plc) -> None:
    plc.unit().most = 10
    plc.unit().put("holding", 0, list(range(100, 140)))
    tags = [tag(f"t{place}", f"holding:{place}") for place in range(40)]
    async with device(plc, tags) as running:
        assert values(await running.read(0)) == list(range(100, 140))
        before = len(plc.requests)
        assert values(await running.read(0)) == list(range(100, 140))
        assert len(plc.requests) - before == 4


async def test_a_group_full_of_wrong_addresses_does_not_flood_the_device(plc: Plc) -> None:
    plc.unit().put("holding", 0, [1])
    tags = [tag(f"t{place}", f"holding:{place}") for place in range(125)]
    async with device(plc, tags) as running:
        for _ in range(8):
            before = len(plc.requests)
            got = await running.read(0)
            assert len(plc.requests) - before <= 70
        assert values(got)[0] == 1
        assert set(status(got)[1:]) == {quality.BAD_CONFIGURATION}


async def test_a_block_whose_unit_is_busy_rests_but_the_unit_goes_on(plc: Plc) -> None:
    plc.unit(1).put("holding", 0, [1])
    plc.unit(1).mood = "busy"
    async with device(plc, [tag("a", "holding:0")]) as running:
        got = await running.read(0)
        assert status(got) == [quality.BAD_DEVICE_FAILURE]
        plc.unit(1).mood = "live"
        end = time.monotonic() + 5
        while values(await running.read(0)) != [1]:
            assert time.monotonic() < end
            await asyncio.sleep(0.02)


async def test_a_late_answer_is_not_taken_for_the_next_one(plc: Plc) -> None:
    plc.unit(1).put("holding", 0, [1])
    plc.unit(1).put("holding", 500, [500])
    plc.unit(2).put("holding", 0, [2])
    slow, quick = tag("slow", "holding:0"), tag("quick", "holding:0", unit_id=2)
    async with device(plc, [slow], [quick]) as running:
        plc.unit(1).delay_s = 0.2  # the time-out is 0.15 s
        assert values(await running.read(0)) == [None]
        assert values(await running.read(1)) == [2]
        assert running.counts["links"] == 1
        plc.unit(1).delay_s = 0
        end = time.monotonic() + 5
        while values(await running.read(0)) != [1]:
            assert time.monotonic() < end
            await asyncio.sleep(0.02)


async def test_a_server_killed_in_mid_read_and_started_again_is_read_by_a_fresh_device(
    plc: Plc,
) -> None:
    plc.unit().put("holding", 0, [1])
    plc.unit().put("holding", 500, [2])
    tags = [tag("a", "holding:0"), tag("b", "holding:500")]
    async with device(plc, tags) as running:
        assert values(await running.read(0)) == [1, 2]
        plc.answer_before_death = 1
        with pytest.raises(RetryLater) as caught:
            await running.read(0)
        assert caught.value.code == "LS-3111"
        # Given up for good: never half alive again.
        await plc.start()
        with pytest.raises(RetryLater):
            await running.read(0)
    async with device(plc, tags) as fresh:
        assert values(await fresh.read(0)) == [1, 2]


async def test_a_connection_that_broke_between_two_polls_is_made_anew_without_a_gap(
    plc: Plc,
) -> None:
    plc.unit().put("holding", 0, [1])
    async with device(plc, [tag("a", "holding:0")]) as running:
        assert values(await running.read(0)) == [1]
        await plc.kill()
        await plc.start()
        await asyncio.sleep(0.05)
        assert values(await running.read(0)) == [1]
        assert running.counts["links"] == 2


async def test_a_device_that_accepts_but_never_answers_is_given_up(plc: Plc) -> None:
    plc.unit().mood = "dead"
    async with device(plc, [tag("a", "holding:0")]) as running:
        with pytest.raises(RetryLater):
            end = time.monotonic() + 10
            while time.monotonic() < end:
                assert values(await running.read(0)) == [None]
                await asyncio.sleep(0.02)
        assert running.counts["timeouts"] == 3


async def test_nobody_listening_says_retry_later_with_device_and_address(plc: Plc) -> None:
    running = device(plc, [tag("a", "holding:0")])
    await plc.kill()
    with pytest.raises(RetryLater) as caught:
        await running.__aenter__()
    assert caught.value.code == "LS-3110"
    assert caught.value.params["device"] == "press"
    assert caught.value.params["address"] == f"127.0.0.1:{plc.port}"


async def test_readings_that_overlap_queue_and_each_gets_its_own_values(plc: Plc) -> None:
    plc.unit().put("holding", 0, list(range(1000)))
    plc.unit().delay_s = 0.001
    groups = [[tag(f"g{g}t{n}", f"holding:{g * 100 + n * 20}") for n in range(5)] for g in range(8)]
    async with device(plc, *groups, max_gap=0) as running:
        got = await asyncio.gather(*(running.read(g % 8) for g in range(24)))
    for at, columns in enumerate(got):
        assert values(columns) == [(at % 8) * 100 + n * 20 for n in range(5)]
        assert columns.point.tolist() == [(at % 8) * 5 + n for n in range(5)]


async def test_closing_while_a_reading_waits_ends_it_and_leaves_no_task(plc: Plc) -> None:
    plc.unit().mood = "dead"
    before = asyncio.all_tasks()
    async with device(plc, [tag("a", "holding:0")], timeout_ms=5_000) as running:
        reading = asyncio.create_task(running.read(0))
        await until(lambda: plc.requests)
    with pytest.raises(RetryLater):
        await asyncio.wait_for(reading, 1)
    left = {t for t in asyncio.all_tasks() - before if "_serve" not in repr(t)}
    assert not left


async def test_a_cancelled_reading_does_not_hand_its_answer_to_the_next(plc: Plc) -> None:
    plc.unit().put("holding", 0, [1])
    plc.unit().put("holding", 500, [2])
    plc.unit().delay_s = 0.05
    async with device(plc, [tag("a", "holding:0")], [tag("b", "holding:500")]) as running:
        reading = asyncio.create_task(running.read(0))
        await until(lambda: plc.requests)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert values(await running.read(1)) == [2]
        assert values(await running.read(0)) == [1]


async def test_the_doctor_sees_every_decoding_of_a_point(plc: Plc) -> None:
    plc.unit().put_bytes("holding", 3, struct.pack(">f", 21.5))
    async with device(plc, [tag("x", "holding:50")], [tag("f", "holding:3", "i32")]) as running:
        assert isinstance(running, ShowsDecodings)
        shown = dict(await running.decodings(1))
        assert await running.decodings(0) == []
    assert shown["f32 ABCD"] == "21.5"
    assert shown["i32 ABCD"] == str(0x41AC0000)


async def test_a_device_that_only_polls_reports_nothing(plc: Plc) -> None:
    async with device(plc, [tag("a", "holding:0")]) as running:
        assert [columns async for columns in running.changes()] == []


@pytest.fixture(autouse=True)
async def nothing_was_written(plc: Plc) -> AsyncIterator[None]:
    yield
    assert plc.writes == []


async def test_what_was_answered_before_the_process_stood_still_is_not_stamped_afterwards(
    plc: Plc,
) -> None:
    first, second = plc.unit(1), plc.unit(2)
    first.put("holding", 0, [1])
    second.put("holding", 0, [1])
    stalled = False

    def stand_still() -> float:
        nonlocal stalled
        if not stalled:
            stalled = True
            first.put("holding", 0, [2])
            time.sleep(0.7)  # as SIGSTOP or a suspended machine: nothing of this process runs
        return 0.0

    async with device(plc, [tag("a", "holding:0"), tag("b", "holding:0", unit_id=2)]) as running:
        second.before_answer = stand_still
        got = await running.read(0)
    assert stalled
    assert values(got) == [2, 1]
